#!/usr/bin/env python3
"""The table of latencies in docs/results.md: each network that has peers, converted by Atoll and measured beside them in one run.

usage: latency_table.py CASES PEERS [--atoll build/atoll] [--only REGEX] [--rounds 40] [--threads 2]
CASES holds NAME.pt2, PEERS holds NAME.PEER.tflite for each peer. Needs ai-edge-litert and numpy. Prints a table in Markdown, then the
median of the ratios. A machine that is busy with other work gives other ratios on every run.
"""
import argparse
import pathlib
import re
import statistics
import subprocess
import tempfile

from latency import measure


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=pathlib.Path)
    parser.add_argument("peers", type=pathlib.Path)
    parser.add_argument("--atoll", default="build/atoll")
    parser.add_argument("--only", default="")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    print("| network | Atoll ms | best peer ms | ratio | all peers |\n|---|---|---|---|---|")
    ratios = []
    for case in sorted(args.cases.glob("*.pt2")):
        peers = sorted(args.peers.glob(f"{case.stem}.*.tflite"))
        if not peers or not re.search(args.only, case.stem):
            continue
        with tempfile.TemporaryDirectory() as folder:
            ours = f"{folder}/{case.stem}.tflite"
            subprocess.run([args.atoll, "convert", case, "-o", ours, "--layout", "nhwc", "--no-verify", "-q"], check=True)
            first, *others = measure([ours, *map(str, peers)], args.rounds, args.threads)
        ratios.append(first / min(others))
        listed = ", ".join(f"{p.name.split('.')[-2]} {t * 1e3:.3f}" for p, t in zip(peers, others))
        print(f"| {case.stem} | {first * 1e3:.3f} | {min(others) * 1e3:.3f} | {ratios[-1]:.2f} | {listed} |", flush=True)
    if ratios:
        print(f"\nmedian ratio {statistics.median(ratios):.2f} of {len(ratios)} networks, largest {max(ratios):.2f}")


if __name__ == "__main__":
    main()
