"""Judges quantizers side by side: Atoll and AI Edge Quantizer 0.10.0 on the same float files and the same 16 calibration inputs.

usage: bench.py --atoll build/atoll --folder build/quant [--only REGEX] [--variant NAME='COMMAND'] [--markdown FILE] [--json FILE]
Prints for each network and file: SNR of each output against the float file on inputs that did not calibrate (mean over the inputs),
top-1 lost (or mAP50 of the detector), operators, operators that touch floats, bytes, milliseconds of one thread
(least of many runs, all files in turns), seconds to make it, and how far tflite-runtime 2.14 is from LiteRT, both without XNNPACK, on
four inputs. In a COMMAND {float} is the float .tflite, {program} the .pt2, {data} the
calibration .npz and {out} the file to write. Environments: scripts/quantization/setup.sh FOLDER.
"""
import argparse
import dataclasses
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import time

import numpy as np

import detection
import judging_data
from measure import Model, latencies, snr_db
from old_runtime_comparison import beside_old_runtime

HERE = os.path.dirname(os.path.abspath(__file__))
VARIANTS = {
    "atoll": "{atoll} quantize {float} -o {out} --calibrate {data} --io int8",
    "atoll best": "{atoll} quantize {float} -o {out} --calibrate {data} --io int8 --effort best",
}


@dataclasses.dataclass
class Entry:
    """One quantized file of one network, or why there is none."""

    name: str
    path: str = ""
    seconds: float = 0.0
    error: str = ""
    snr: dict = dataclasses.field(default_factory=dict)
    score: str = ""
    ops: int = 0
    float_ops: str = ""
    bytes: int = 0
    ms: float = 0.0
    old_runtime: str = ""


def run(command, log):
    start = time.monotonic()
    p = subprocess.run(command, shell=isinstance(command, str), capture_output=True, text=True)
    with open(log, "a") as f:
        f.write(f"$ {command}\n{p.stdout}{p.stderr}\n")
    return p, time.monotonic() - start


def digest(*paths):
    h = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as f:
            h.update(f.read())
    return h.hexdigest()


def peer_files(a, float_file, data_file, prefix, log):
    """What AI Edge Quantizer makes, kept from an earlier run on the same float file and data."""
    kept, key = prefix + ".peer.json", digest(float_file, data_file, os.path.join(HERE, "peer.py"))
    if os.path.exists(kept):
        with open(kept) as f:
            report = json.load(f)
        if report["key"] == key and all(any(name.startswith(r + ".") for name in report["files"]) for r in a.recipes):
            return {name: made for name, made in report["files"].items() if name.split(".")[0] in a.recipes}
    python = os.path.join(a.folder, "peer/bin/python")
    p, _ = run([python, os.path.join(HERE, "peer.py"), float_file, data_file, prefix, *a.recipes], log)
    lines = p.stdout.strip().splitlines()
    if p.returncode or not lines:
        why = (p.stderr.strip().splitlines() or [f"exit code {p.returncode}"])[-1]
        return {"a8w8.minmax": {"error": why}}
    files = json.loads(lines[-1])
    with open(kept, "w") as f:
        json.dump({"key": key, "files": files}, f)
    return files


def atoll_file(a, name, template, case, float_file, data_file, prefix, log):
    out = f"{prefix}.{name.replace(' ', '_')}.tflite"
    if os.path.exists(out):
        os.remove(out)
    quote = shlex.quote
    command = template.format(atoll=quote(a.atoll), float=quote(float_file), program=quote(case.program), data=quote(data_file), out=quote(out))
    p, seconds = run(command, log)
    if p.returncode or not os.path.exists(out):
        return Entry(name, error=(p.stderr.strip().splitlines() or [f"exit code {p.returncode}"])[0][:100])
    return Entry(name, out, seconds)


def named_parts(case, answers, reference_count):
    """name -> array: the parts of a single output, or all outputs."""
    if case.parts:
        joined = answers[0] if len(answers) == 1 else np.concatenate(answers, axis=-1)
        return {name: joined[..., part] for name, part in case.parts.items()}
    if len(answers) != reference_count:
        raise ValueError(f"{len(answers)} outputs, the float file has {reference_count}")
    return {f"out {i}": answer for i, answer in enumerate(answers)}


def score(data, answers):
    """(in words, number): top-1 in per cent or mAP50; (\"\", None) where nothing is labelled."""
    if data.labels is not None:
        right = answers[0].reshape(len(data.labels), -1).argmax(1) == data.labels
        return "top-1", 100 * float(right.mean())
    if data.boxes is not None:
        joined = answers[0] if len(answers) == 1 else np.concatenate(answers, axis=-1)
        return "mAP50", 100 * detection.mean_average_precision(joined.reshape(len(data.boxes), -1, joined.shape[-1]), data.boxes)
    return "", None


def judge(entry, case, data, reference, reference_score, old_python, log):
    model = Model(entry.path)
    answers = model.answers(data.judging)
    parts = named_parts(case, answers, len(reference))
    for name, wanted in named_parts(case, reference, len(reference)).items():
        entry.snr[name] = snr_db(wanted, parts[name].reshape(wanted.shape))
    kind, number = score(data, answers)
    if kind:
        entry.score = f"{kind} {number - reference_score:+.2f}"
    entry.ops, floats, names = model.operators()
    entry.float_ops = ", ".join(f"{n} {k}" for k, n in sorted(names.items())) if floats else "0"
    entry.bytes = os.path.getsize(entry.path)
    entry.old_runtime = beside_old_runtime(entry.path, data.judging, old_python)
    return model


def bench(case, a):
    """The float file's entry and those of all quantized files."""
    folder = os.path.join(a.folder, "bench")
    os.makedirs(folder, exist_ok=True)
    prefix, data = os.path.join(folder, case.name), case.make()
    log = prefix + ".log"
    open(log, "w").close()
    float_file, data_file = prefix + ".float.tflite", prefix + ".calibration.npz"
    p, seconds = run([a.atoll, "convert", case.program, "-o", float_file], log)
    if p.returncode:
        return [Entry("float", error=(p.stderr.strip().splitlines() or ["?"])[0])], ""
    float_model = Model(float_file)
    fresh = dict(zip(float_model.input_names, data.calibration, strict=True))
    kept = dict(np.load(data_file)) if os.path.exists(data_file) else {}
    if fresh.keys() != kept.keys() or any(not np.array_equal(fresh[k], kept[k]) for k in fresh):
        np.savez(data_file, **fresh)
    reference = float_model.answers(data.judging)
    kind, number = score(data, reference)
    entries = [Entry("float", float_file, seconds, score=f"{kind} {number:.2f}" if kind else "")]
    entries[0].ops, entries[0].float_ops, entries[0].bytes = float_model.operators()[0], "all", os.path.getsize(float_file)
    if a.recipes:
        for name, made in peer_files(a, float_file, data_file, prefix, log).items():
            entries.append(Entry("peer " + name, made.get("file", ""), made.get("seconds", 0.0), made.get("error", "")))
    for name, template in a.variants.items():
        entries.append(atoll_file(a, name, template, case, float_file, data_file, prefix, log))
    models = {0: float_model}
    for i, entry in enumerate(entries):
        if i > 0 and not entry.error:
            try:
                models[i] = judge(entry, case, data, reference, number, os.path.join(a.folder, "old/bin/python"), log)
            except Exception as e:
                entry.error = f"{type(e).__name__}: {str(e).splitlines()[0][:80]}"
    for i, ms in zip(models, latencies(list(models.values()), data.judging, a.latency_seconds)):
        entries[i].ms = ms
    return entries, f"{len(data.judging[0])} judging inputs"


def table(case, entries, note):
    """A table in Markdown."""
    parts = next((list(e.snr) for e in entries if e.snr), [])
    lines = [f"### {case.name}", "", f"{note}. Float: {entries[0].score or 'no labels'}." if note else "", "",
             "| file | " + " | ".join(f"{p}, dB" for p in parts) + " | score | ops | float ops | bytes | ms | made in s | tflite-runtime 2.14 |",
             "|---" * (8 + len(parts)) + "|"]
    for e in entries:
        if e.error:
            lines.append(f"| {e.name} | {e.error} |" + " |" * (6 + len(parts)))
            continue
        snr = [f"{e.snr[p]:.1f}" if p in e.snr else "" for p in parts]
        lines.append("| " + " | ".join([e.name, *snr, e.score, str(e.ops), e.float_ops, str(e.bytes), f"{e.ms:.2f}", f"{e.seconds:.1f}", e.old_runtime]) + " |")
    return "\n".join(lines) + "\n"


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--atoll", default="build/atoll")
    ap.add_argument("--folder", default="build/quant", help="environments, float and quantized files")
    ap.add_argument("--shared", default=os.path.join(HERE, "../../../shared/data"), help="UltraFace and O-net")
    ap.add_argument("--trained", default=os.path.join(HERE, "../../tests/quant/data"), help="what train.py made")
    ap.add_argument("--references", default="", help="folder of further NAME.pt2 with NAME.npz (in_0, ...), judged on random inputs")
    ap.add_argument("--only", default="", help="regular expression of names")
    ap.add_argument("--variant", action="append", default=[], help="NAME=COMMAND of Atoll, in place of the two usual ones")
    ap.add_argument("--recipes", nargs="*", default=["a8w8", "a16w8"], help="of the peer; none: no peer")
    ap.add_argument("--no-atoll", action="store_true", help="the peer alone")
    ap.add_argument("--latency-seconds", type=float, default=3.0, help="for each file")
    ap.add_argument("--markdown", help="write the tables here too")
    ap.add_argument("--json", help="write all figures here")
    a = ap.parse_args()
    a.variants = {} if a.no_atoll else dict(v.split("=", 1) for v in a.variant) or VARIANTS
    a.atoll = os.path.abspath(a.atoll)
    tables, figures = [], {}
    for case in judging_data.cases(a.shared, a.trained, a.references):
        if not re.search(a.only, case.name):
            continue
        entries, note = bench(case, a)
        tables.append(table(case, entries, note))
        figures[case.name] = [dataclasses.asdict(e) for e in entries]
        print(tables[-1], flush=True)
    if not tables:
        sys.exit("no network is chosen, or its program is not there")
    for path, text in ((a.markdown, "\n".join(tables)), (a.json, json.dumps(figures, indent=1))):
        if path:
            with open(path, "w") as f:
                f.write(text)


main()
