#!/usr/bin/env python3
"""The table of peak memory in docs/results.md: the largest anonymous resident memory of `atoll convert --no-verify`.

usage: peak_memory.py CASES [NAME...] [--atoll build/atoll]
Samples RssAnon of /proc/PID/status every 0.5 ms. Prints a table in Markdown; the bound is 64 MB + the largest weight.
"""
import argparse
import pathlib
import re
import subprocess
import tempfile
import time
import zipfile


def peak(command):
    process = subprocess.Popen([str(a) for a in command])
    highest = 0
    with open(f"/proc/{process.pid}/status", "rb", buffering=0) as status:
        while process.poll() is None:
            status.seek(0)
            found = re.search(rb"RssAnon:\s+(\d+) kB", status.read(4096))
            highest = max(highest, int(found[1]) if found else 0)
            time.sleep(0.0005)
    if process.returncode != 0:
        raise SystemExit(f"{command} failed")
    return highest * 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=pathlib.Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--atoll", default="build/atoll")
    args = parser.parse_args()
    print("| network | largest weight | RssAnon at peak | bound |\n|---|---|---|---|")
    for name in args.names or sorted(p.stem for p in args.cases.glob("*.pt2")):
        with zipfile.ZipFile(args.cases / f"{name}.pt2") as z:
            largest = max((i.file_size for i in z.infolist() if "/data/weights/" in i.filename), default=0) / 1e6
        with tempfile.TemporaryDirectory() as folder:
            highest = peak([args.atoll, "convert", args.cases / f"{name}.pt2", "-o", f"{folder}/out.tflite",
                            "--no-verify", "-q"]) / 1e6
        print(f"| {name} | {largest:.1f} MB | {highest:.0f} MB | {64 + largest:.0f} MB |", flush=True)


if __name__ == "__main__":
    main()
