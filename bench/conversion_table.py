#!/usr/bin/env python3
"""The table of conversion times in docs/results.md: whole processes, page cache warm, taking turns, medians.

usage: conversion_table.py CASES [--atoll build/atoll] [--onnx FOLDER --onnx2tf BINARY] [--litert-python PYTHON]
                           [--peer-networks mobilenet_v2] [--copy-networks resnet50 vit_b_16] [--rounds 10]
CASES holds NAME.pt2, FOLDER holds NAME.onnx; BINARY is onnx2tf's program, PYTHON an interpreter that has litert-torch. Peers without
their option are left out. Prints two tables in Markdown: beside the peers, and beside `cp` of the same file.
"""
import argparse
import pathlib
import statistics
import subprocess
import tempfile
import time

LITERT = "import sys, torch, litert_torch\n" \
         "p = torch.export.load(sys.argv[1])\n" \
         "litert_torch.convert(p.module(), p.example_inputs[0]).export(sys.argv[2])\n"


def seconds(command):
    start = time.perf_counter()
    done = subprocess.run([str(a) for a in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise SystemExit(f"{command[0]} failed:\n{done.stderr.decode()[-2000:]}")
    return time.perf_counter() - start


def medians(commands, rounds):
    for command in commands:
        seconds(command)
    times = [[] for _ in commands]
    for _ in range(rounds):
        for command, of in zip(commands, times):
            of.append(seconds(command))
    return [statistics.median(t) for t in times]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=pathlib.Path)
    parser.add_argument("--atoll", default="build/atoll")
    parser.add_argument("--onnx", type=pathlib.Path)
    parser.add_argument("--onnx2tf")
    parser.add_argument("--litert-python")
    parser.add_argument("--peer-networks", nargs="*", default=["mobilenet_v2"])
    parser.add_argument("--copy-networks", nargs="*", default=["resnet50", "vit_b_16"])
    parser.add_argument("--rounds", type=int, default=10)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        def atoll(name):
            return [args.atoll, "convert", args.cases / f"{name}.pt2", "-o", f"{folder}/atoll.tflite", "--no-verify", "-q"]

        peers = {}
        if args.onnx and args.onnx2tf:
            peers["onnx2tf"] = lambda name: [args.onnx2tf, "-i", args.onnx / f"{name}.onnx", "-o", f"{folder}/onnx2tf",
                                             "-tb", "flatbuffer_direct", "-n"]
        if args.litert_python:
            peers["litert-torch"] = lambda name: [args.litert_python, "-c", LITERT, args.cases / f"{name}.pt2",
                                                  f"{folder}/litert.tflite"]
        if peers:
            print("| network | Atoll |" + "".join(f" {p} | times as long |" for p in peers))
            print("|---|---|" + "---|---|" * len(peers))
            for name in args.peer_networks:
                ours, *others = medians([atoll(name), *(make(name) for make in peers.values())], args.rounds)
                print(f"| {name} | {ours * 1e3:.0f} ms |" + "".join(f" {t:.2f} s | {t / ours:.0f} |" for t in others), flush=True)
            print()
        print("| network | Atoll | cp of the same file | ratio |\n|---|---|---|---|")
        for name in args.copy_networks:
            ours, copy = medians([atoll(name), ["cp", args.cases / f"{name}.pt2", f"{folder}/copy"]], args.rounds)
            print(f"| {name} | {ours * 1e3:.0f} ms | {copy * 1e3:.0f} ms | {ours / copy:.1f} |", flush=True)


if __name__ == "__main__":
    main()
