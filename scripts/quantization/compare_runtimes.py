"""Runs quantized files in LiteRT 2.3.0 and in tflite-runtime 2.14, both by their own kernels without XNNPACK, and compares bits.

usage: compare_runtimes.py --folder build/quant [FILE.tflite...]        (all *.atoll.tflite of bench.py where none is named)
Inputs are random: normal floats, or integers of the input's whole range. Environments: scripts/quantization/setup.sh FOLDER.
"""
import argparse
import glob
import os

import numpy as np

from measure import Model
from old_runtime_comparison import EXAMPLES, beside_old_runtime


def random_inputs(model, rng):
    """EXAMPLES arrays for each input, in the input's own element type."""
    arrays = []
    for d in model.inputs:
        shape = (EXAMPLES, *d["shape"][1:])
        if np.issubdtype(d["dtype"], np.floating):
            arrays.append(rng.standard_normal(shape).astype(d["dtype"]))
        elif d["dtype"] in (np.int8, np.uint8, np.int16):
            info = np.iinfo(d["dtype"])
            arrays.append(rng.integers(info.min, info.max + 1, shape).astype(d["dtype"]))
        else:
            arrays.append(rng.integers(0, 2, shape).astype(d["dtype"]))
    return arrays


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--folder", default="build/quant")
    ap.add_argument("files", nargs="*")
    a = ap.parse_args()
    old = os.path.join(a.folder, "old/bin/python")
    for path in a.files or sorted(glob.glob(os.path.join(a.folder, "bench/*.atoll.tflite"))):
        rng = np.random.default_rng(7)
        try:
            result = beside_old_runtime(path, random_inputs(Model(path, delegate=False), rng), old)
        except Exception as e:
            result = f"{type(e).__name__}: {str(e).splitlines()[0][:80]}"
        print(f"{os.path.basename(path)}: {result}", flush=True)


main()
