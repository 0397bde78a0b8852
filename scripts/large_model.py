#!/usr/bin/env python3
"""Proves that a model of several gigabytes is converted in little memory and computed by LiteRT as by torch.

usage: large_model.py ATOLL FOLDER [--gigabytes 3]
Needs torch and ai_edge_litert, 4 GB of memory and 7 GB of disk more than the model's size. Exports a program of an embedding and
linear layers with random weights, converts it, samples the converter's anonymous memory, and runs the file in LiteRT's own
interpreter. Exits with 1 when the conversion takes over 1 s of processor time for 100 MB of weights (what it takes besides is the
disk's: the time of a plain copy is printed too), more anonymous memory than the largest tensor and 64 MB, or when the outputs differ.
"""
import argparse
import json
import multiprocessing
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import time

import numpy as np

MEGABYTE = 1_000_000
WIDTH, EMBEDDED, WORDS, ANSWERS, TOKENS = 4096, 1024, 200_000, 1000, 3


def export(folder, gigabytes):
    """Writes large.pt2 and large.npz; returns the bytes of all weights and of the largest one."""
    import torch

    torch.manual_seed(0)
    layer = WIDTH * WIDTH * 4
    count = max(1, round((gigabytes * 1e9 - WORDS * EMBEDDED * 4) / layer))

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.words = torch.nn.Embedding(WORDS, EMBEDDED)
            self.grow = torch.nn.Linear(EMBEDDED, WIDTH)
            self.layers = torch.nn.ModuleList(torch.nn.Linear(WIDTH, WIDTH) for _ in range(count))
            self.answer = torch.nn.Linear(WIDTH, ANSWERS)

        def forward(self, ids):
            x = self.grow(self.words(ids))
            for layer in self.layers:
                x = torch.relu(layer(x)) * 2.449  # keeps the size of the values from layer to layer
            return self.answer(x)

    with torch.no_grad():
        net = Net().eval()
        ids = torch.tensor([[7, WORDS - 1, WORDS // 3]])
        answer = net(ids)
        torch.export.save(torch.export.export(net, (ids,)), folder / "large.pt2")
    np.savez(folder / "large.npz", in_0=ids.numpy(), out_0=answer.numpy())
    sizes = [p.numel() * p.element_size() for p in net.parameters()]
    (folder / "large.json").write_text(json.dumps({"weights": sum(sizes), "largest": max(sizes)}))


def anonymous_bytes(pid):
    try:
        for line in open(f"/proc/{pid}/status"):
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0


def measure(command):
    """Runs a command; seconds, seconds of processor time, and the most anonymous memory it had at any of the samples."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start, peak = time.perf_counter(), 0
    process = subprocess.Popen(command)
    while process.poll() is None:
        peak = max(peak, anonymous_bytes(process.pid))
        time.sleep(0.002)
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit code {process.returncode}")
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, peak


def seconds_to_copy(source, target):
    start = time.perf_counter()
    shutil.copyfile(source, target)
    target.unlink()
    return time.perf_counter() - start


def run(path, ids):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=2)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], ids)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("atoll")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--gigabytes", type=float, default=3)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    source, target = args.folder / "large.pt2", args.folder / "large.tflite"
    if not (args.folder / "large.json").exists():
        child = multiprocessing.get_context("spawn").Process(target=export, args=(args.folder, args.gigabytes))
        child.start()
        child.join()
        if child.exitcode != 0:
            sys.exit("the export failed")
    facts = json.loads((args.folder / "large.json").read_text())
    os.sync()
    seconds, processor, peak = measure([args.atoll, "convert", str(source), "-o", str(target), "--no-verify"])
    for_100_mb = processor * 100 * MEGABYTE / facts["weights"]
    room = facts["largest"] + 64 * MEGABYTE
    print(f"weights {facts['weights'] / MEGABYTE:.0f} MB, file {target.stat().st_size / MEGABYTE:.0f} MB")
    copied = seconds_to_copy(target, args.folder / "copy.tflite")
    print(f"conversion {seconds:.1f} s, processor {processor:.1f} s, {for_100_mb:.2f} s for 100 MB (limit 1); a copy {copied:.1f} s")
    print(f"anonymous memory {peak / MEGABYTE:.1f} MB (limit {room / MEGABYTE:.0f})")
    arrays = np.load(args.folder / "large.npz")
    got, want = run(target, arrays["in_0"]), arrays["out_0"]
    error = float(np.max(np.abs(got - want)))
    scale = float(np.max(np.abs(want)))
    print(f"LiteRT against torch: largest error {error:.3g} of {scale:.3g}")
    good = for_100_mb < 1 and peak < room and error <= 1e-4 * scale and got.shape == want.shape
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
