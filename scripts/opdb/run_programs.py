"""Runs .tflite files in LiteRT's Python interpreter on recorded inputs and compares with recorded results; one JSON line a file.

Reads file stems from standard input (NAME.tflite, NAME.npz). check.py starts this program again behind a file that ends it.
"""

import json
import re
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter

RTOL, ATOL = 1e-4, 1e-5


def difference(got, want):
    """None when equal, else what differs."""
    if got.shape != want.shape:
        return f"shape {list(got.shape)} instead of {list(want.shape)}"
    if got.dtype != want.dtype:
        return f"type {got.dtype} instead of {want.dtype}"
    if want.dtype.kind != "f":
        wrong = int(np.sum(got != want))
        return f"{wrong} of {want.size} elements" if wrong else None
    rtol, atol = (2e-3, 1e-3) if want.dtype == np.float16 else (RTOL, ATOL)
    close = np.isclose(got.astype(np.float64), want.astype(np.float64), rtol=rtol, atol=atol, equal_nan=True)
    if close.all():
        return None
    where = ~close
    if not np.isfinite(want[where]).all() or not np.isfinite(got[where]).all():
        at = tuple(np.argwhere(where & ~(np.isfinite(want) & np.isfinite(got)))[0])
        return f"{int(where.sum())} of {want.size} elements, {got[at]} instead of {want[at]}"
    worst = np.max(np.abs(got - want)[where] / np.maximum(np.abs(want[where]), 1e-30))
    return f"{int(where.sum())} of {want.size} elements, relative error up to {worst:.1g}"


def same_elements(data, values, got, want):
    """Whether indices that differ name equal elements of the operand along some axis: PyTorch leaves open which of them."""
    if got.shape != want.shape or got.dtype != want.dtype or got.dtype != np.int64:
        return False
    for axis in range(data.ndim):
        for index in (got, np.expand_dims(got, axis) if got.ndim < data.ndim else got):
            try:
                taken = np.take_along_axis(data, index, axis).reshape(values.shape)
            except (IndexError, ValueError):
                continue
            if np.array_equal(taken, values, equal_nan=values.dtype.kind == "f"):
                return True
    return False


def check(stem):
    arrays = np.load(stem + ".npz")
    ins = [arrays[f"in_{i}"] for i in range(sum(k.startswith("in_") for k in arrays.files))]
    outs = [arrays[f"out_{i}"] for i in range(sum(k.startswith("out_") for k in arrays.files))]
    interpreter = Interpreter(model_path=stem + ".tflite")
    interpreter.allocate_tensors()
    details = interpreter.get_input_details()
    if len(details) != len(ins):
        return f"{len(details)} inputs instead of {len(ins)}"
    for detail, value in zip(details, ins):
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    details = interpreter.get_output_details()
    if len(details) != len(outs):
        return f"{len(details)} outputs instead of {len(outs)}"
    for i, (detail, want) in enumerate(zip(details, outs)):
        if want.size == 0 and list(detail["shape"]) == list(want.shape):
            continue  # the interpreter's getter refuses tensors without elements
        got = interpreter.get_tensor(detail["index"])
        problem = difference(got, want)
        ties = re.match(r"(topk|kthvalue|mode|median|nanmedian|sort|argsort|max|min)\b", stem.rsplit("/", 1)[-1])
        if problem and ties and i == 1 and same_elements(ins[0], outs[0], got, want):
            continue
        if problem:
            return (f"output {i}: " if len(outs) > 1 else "") + problem
    return None


for line in sys.stdin:
    stem = line.strip()
    print(json.dumps({"start": stem}), flush=True)
    try:
        problem = check(stem)
        print(json.dumps({"stem": stem, "wrong": problem} if problem else {"stem": stem, "equal": True}), flush=True)
    except Exception as e:
        print(json.dumps({"stem": stem, "failed": " ".join(str(e).split())[:300]}), flush=True)
