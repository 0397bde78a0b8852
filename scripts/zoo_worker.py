#!/usr/bin/env python3
"""Exports, converts and judges networks: a name a line on stdin, JSON lines on the descriptor of --report.

A line {"stage": ...} tells how far it is, so that the driver knows where a crash or a timeout happened; {"result": {...}} ends a network.
"""
import argparse
import json
import os
import pathlib
import re
import resource
import subprocess
import sys
import time
import traceback
import warnings

warnings.filterwarnings("ignore")
import logging

logging.disable(logging.WARNING)
import numpy as np
import torch
from torch.utils import _pytree

import zoo_judge
import zoo_lists
import zoo_network

FLOOR_DB = 60.0
# An output that moves less than this, of its rms, when the input is another random one says little about the conversion.
DEPENDENCE = 1e-3
# An output that moves less gets a second try, with larger weights.
FADED = 0.02


def seed_of(name):
    return sum((i + 1) * b for i, b in enumerate(name.encode())) % 2**31


def tensors(tree):
    return [t.detach() for t in _pytree.tree_leaves(tree) if isinstance(t, torch.Tensor)]


def rms(values):
    values = values.double()
    return float(values[torch.isfinite(values)].square().mean().sqrt()) if values.numel() else 0.0


def dependence(one, other):
    """How much the outputs of two inputs differ, relative to their rms: the largest of the outputs."""
    return max((rms(a.double() - b.double()) / max(rms(a), 1e-30) for a, b in zip(one, other) if a.shape == b.shape), default=0.0)


def rounding(module, inputs, answers):
    """The SNR of each float32 answer against float64, which says how much rounding the network amplifies; None where that fails."""
    try:
        with torch.no_grad():
            exact = tensors(module.double()(*(t.double() if t.is_floating_point() else t for t in inputs)))
        return [min(zoo_judge.snr_db(e.numpy(), a) for e, a in zip(exact, outputs)) for outputs in answers]
    except Exception:
        return [None] * len(answers)


def message(error):
    text = re.sub(r"\x1b\[[0-9;]*m", "", f"{type(error).__name__}: {error}").strip()
    return without_folders(text)[:2000]


def without_folders(text):
    return re.sub(r"\S*/site-packages/", "", text)


def convert(atoll, source, target, timeout, prove):
    command = [str(atoll), "convert", str(source), "-o", str(target), "-q"] + ([] if prove else ["--no-verify"])
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=timeout)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    times = {"convert_s": time.perf_counter() - start,
             "convert_cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime}
    if done.returncode == 0 and target.exists():
        return times
    why = done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}"
    status = {1: "refused", 2: "refused", 3: "proof failed"}.get(done.returncode, "crashed")
    return times | {"status": status, "why": why.replace(str(source), source.name)[:3000]}


class Worker:
    def __init__(self, arguments, report):
        self.arguments, self.report = arguments, report
        self.networks = {n.name: n for n in zoo_lists.networks()}

    def tell(self, **line):
        self.report.write(json.dumps(line) + "\n")
        self.report.flush()

    def build(self, network):
        torch.manual_seed(seed_of(network.name))
        module = network.build().eval()
        for p in module.parameters():
            p.requires_grad_(False)
        zoo_network.spread(module, network.inputs)
        example, inputs = network.inputs(), network.inputs()
        expected, moved = self.compare(module, inputs, example)
        if moved < FADED:
            zoo_network.raise_gain(module)
            zoo_network.spread(module, network.inputs)
            expected, moved = self.compare(module, inputs, example)
        return module, example, inputs, expected, moved

    def compare(self, module, inputs, example):
        with torch.no_grad():
            expected, other = tensors(module(*inputs)), tensors(module(*example))
        return expected, dependence(expected, other)

    def work(self, network, record):
        """Fills in `record`; stops at the first stage that fails."""
        source = self.arguments.folder / f"{network.name}.pt2"
        target = source.with_suffix(".tflite")
        self.tell(stage="build")
        try:
            module, example, inputs, expected, record["dependence"] = self.build(network)
        except Exception as error:
            return record.update(status="not built", why=message(error))
        record["parameters"] = sum(p.numel() for p in module.parameters())
        self.tell(stage="export")
        try:
            start = time.perf_counter()
            with torch.no_grad():
                program = torch.export.export(module, example, strict=False)
            torch.export.save(program, source)
            record["export_s"] = time.perf_counter() - start
            del program
        except Exception as error:
            return record.update(status="not exported", why=message(error))
        arrays = [t.numpy() for t in inputs], [t.numpy() for t in expected]
        record["weight_mb"] = source.stat().st_size / 1e6
        self.tell(stage="convert")
        record.update(convert(self.arguments.atoll, source, target, self.arguments.timeout, self.arguments.prove))
        if "status" not in record:
            self.tell(stage="judge")
            actual = self.judge(target, arrays, record)
            if record["status"] == "wrong":
                record["float32_db"], record["against_float64_db"] = rounding(module, inputs, [arrays[1], actual])
        if record["status"] == "ok" and not self.arguments.keep:
            source.unlink()
        else:
            named = {f"in_{i}": a for i, a in enumerate(arrays[0])} | {f"out_{i}": a for i, a in enumerate(arrays[1])}
            np.savez(source.with_suffix(".npz"), **named)
        if not self.arguments.keep:
            target.unlink(missing_ok=True)

    def judge(self, target, arrays, record):
        try:
            ratio, operators, worst, actual = zoo_judge.judge(target, *arrays)
        except Exception as error:
            return record.update(status="not run", why=message(error))
        record.update(snr_db=ratio, operators=sum(operators.values()), transposes=operators.get("TRANSPOSE", 0), kinds=dict(operators))
        record["status"] = "ok" if ratio >= FLOOR_DB else "wrong"
        if ratio < FLOOR_DB:
            record["why"] = f"output {worst} has an SNR of {ratio:.1f} dB"
        elif record["dependence"] < DEPENDENCE:
            record["why"] = "the output hardly depends on the input"
        return actual

    def serve(self):
        for line in sys.stdin:
            network = self.networks[line.strip()]
            record = {"family": network.family}
            start = time.perf_counter()
            try:
                self.work(network, record)
            except Exception:
                record.update(status="zoo broke", why=without_folders(traceback.format_exc())[-1500:])
            record["total_s"] = time.perf_counter() - start
            self.tell(result=record)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--atoll", type=pathlib.Path, required=True)
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--report", type=int, required=True)
    parser.add_argument("--timeout", type=float, required=True)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--prove", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    # The fused inference path of nn.MultiheadAttention has no exported form.
    torch.backends.mha.set_fastpath_enabled(False)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with os.fdopen(arguments.report, "w") as report:
        Worker(arguments, report).serve()


main()
