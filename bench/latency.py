#!/usr/bin/env python3
"""Latency of one network's .tflite files side by side: the files take turns in one run, so that a drift of the machine hits all.

usage: latency.py ours.tflite peer1.tflite [peer2.tflite ...] [--rounds 40] [--threads 2]
Needs ai-edge-litert and numpy. Prints each file's median in ms and its ratio to the first.
"""
import argparse
import statistics
import time

import numpy as np
from ai_edge_litert.interpreter import Interpreter


def prepare(path, threads):
    interpreter = Interpreter(path, num_threads=threads)
    interpreter.allocate_tensors()
    random = np.random.default_rng(0)
    for detail in interpreter.get_input_details():
        shape, dtype = detail["shape"], detail["dtype"]
        value = random.standard_normal(shape) if np.issubdtype(dtype, np.floating) else random.integers(0, 10, shape)
        interpreter.set_tensor(detail["index"], value.astype(dtype))
    for _ in range(5):
        interpreter.invoke()
    return interpreter


def measure(files, rounds, threads):
    """Median seconds of each file; the files take turns."""
    interpreters = [prepare(f, threads) for f in files]
    times = [[] for _ in interpreters]
    once = []
    for interpreter in interpreters:
        start = time.perf_counter()
        interpreter.invoke()
        once.append(time.perf_counter() - start)
    # Short networks are run several times a turn, so that a turn lasts about 5 ms.
    repeat = max(1, int(0.005 / max(min(once), 1e-6)))
    for _ in range(rounds):
        for interpreter, list_of_times in zip(interpreters, times):
            start = time.perf_counter()
            for _ in range(repeat):
                interpreter.invoke()
            list_of_times.append((time.perf_counter() - start) / repeat)
    return [statistics.median(t) for t in times]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    medians = measure(args.files, args.rounds, args.threads)
    for path, median in zip(args.files, medians):
        print(f"{median * 1e3:9.3f} ms  ratio of the first to it {medians[0] / median:5.2f}  {path}")


if __name__ == "__main__":
    main()
