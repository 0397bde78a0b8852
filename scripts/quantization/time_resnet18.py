"""How long Atoll takes to calibrate and quantize a network, beside running LiteRT's float model over the same samples.

usage: time_resnet18.py --atoll build/atoll --float resnet18.float.tflite [--samples 32] [--prefix 'chrt -f 20']
Writes normal inputs to a scratch folder, runs the float file over them (threads as Atoll's, XNNPACK on), quantizes, and prints
seconds of both and the peak memory for half as many, as many and four times as many samples. --prefix goes before each command, so that both
sides have the machine to themselves alike.
"""
import argparse
import json
import os
import resource
import shlex
import subprocess
import sys
import tempfile
import time

import numpy as np

FLOAT_RUN = """
import sys, time, numpy as np
from ai_edge_litert.interpreter import Interpreter
x = np.load(sys.argv[2])["x"]
m = Interpreter(sys.argv[1], num_threads=int(sys.argv[3]))
m.allocate_tensors()
d = m.get_input_details()[0]
for _ in range(2):
    m.set_tensor(d["index"], x[:1].reshape(d["shape"])); m.invoke()
start = time.perf_counter()
for i in range(len(x)):
    m.set_tensor(d["index"], x[i].reshape(d["shape"])); m.invoke()
print(time.perf_counter() - start)
"""


def peak_megabytes(command):
    """(seconds, peak resident memory) of a command."""
    start = time.perf_counter()
    p = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(p.pid, 0)
    if status:
        sys.exit(f"{command} failed")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--atoll", default="build/atoll")
    ap.add_argument("--float", required=True, help="the float .tflite file, one input")
    ap.add_argument("--samples", type=int, default=32)
    ap.add_argument("--threads", type=int, default=2)
    ap.add_argument("--prefix", default="")
    a = ap.parse_args()
    from ai_edge_litert.interpreter import Interpreter

    model = Interpreter(a.float)
    runner = next(iter(model.get_signature_list().values()))["inputs"][0]
    shape = model.get_input_details()[0]["shape"][1:]
    with tempfile.TemporaryDirectory() as folder:
        rng = np.random.RandomState(0)
        for n in (a.samples // 2, a.samples, a.samples * 4):
            data, plain = os.path.join(folder, f"{n}.npz"), os.path.join(folder, "x.npz")
            x = rng.randn(n, *shape).astype(np.float32)
            np.savez(data, **{runner: x})
            np.savez(plain, x=x)
            prefix = shlex.split(a.prefix)
            p = subprocess.run([*prefix, sys.executable, "-c", FLOAT_RUN, a.float, plain, str(a.threads)], capture_output=True, text=True, check=True)
            once = float(p.stdout.split()[-1])
            command = [*prefix, a.atoll, "quantize", a.float, "-o", os.path.join(folder, "q.tflite"), "--calibrate", data, "--threads", str(a.threads), "-q"]
            seconds, megabytes = peak_megabytes(command)
            print(f"{n} samples: LiteRT float {once:.2f} s, three times and 2 s {3 * once + 2:.2f} s, atoll {seconds:.2f} s, {megabytes:.0f} MB", flush=True)


main()
