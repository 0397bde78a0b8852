"""Runs a .tflite in LiteRT's official Python interpreter and compares it with what torch computed."""
import collections
import math

import numpy as np
from ai_edge_litert.interpreter import Interpreter

EXACT_DB = 300.0


def snr_db(expected, actual):
    """Signal-to-noise ratio in dB, at most EXACT_DB; minus EXACT_DB where NaN or infinities differ."""
    expected, actual = expected.astype(np.float64).ravel(), actual.astype(np.float64).ravel()
    finite = np.isfinite(expected)
    if not np.array_equal(expected[~finite], actual[~finite], equal_nan=True):
        return -EXACT_DB
    noise = float(np.sum((expected[finite] - actual[finite]) ** 2))
    signal = float(np.sum(expected[finite] ** 2))
    if noise == 0:
        return EXACT_DB
    if not math.isfinite(noise) or signal == 0:
        return -EXACT_DB
    return min(EXACT_DB, 10 * math.log10(signal / noise))


def run(path, inputs, threads=1):
    """(outputs, Counter of operators) of a file whose inputs and outputs stand in the source's order."""
    interpreter = Interpreter(str(path), num_threads=threads)
    interpreter.allocate_tensors()
    details = interpreter.get_input_details()
    if len(details) != len(inputs):
        raise ValueError(f"the file has {len(details)} inputs, the network {len(inputs)}")
    for detail, value in zip(details, inputs):
        if tuple(detail["shape"]) != value.shape:
            raise ValueError(f"input {detail['name']} is {tuple(detail['shape'])}, the network's {value.shape}")
        interpreter.set_tensor(detail["index"], value.astype(detail["dtype"]))
    interpreter.invoke()
    outputs = [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]
    return outputs, collections.Counter(o["op_name"] for o in interpreter._get_ops_details() if o["op_name"] != "DELEGATE")


def judge(path, inputs, expected):
    """The lowest SNR of the outputs, the operators, the index of the worst output, and the outputs."""
    actual, operators = run(path, inputs)
    if len(actual) != len(expected):
        raise ValueError(f"the file has {len(actual)} outputs, the network {len(expected)}")
    for i, (e, a) in enumerate(zip(expected, actual)):
        if e.shape != a.shape:
            raise ValueError(f"output {i} is {a.shape}, the network's {e.shape}")
    ratios = [snr_db(e, a) for e, a in zip(expected, actual)]
    return min(ratios), operators, int(np.argmin(ratios)), actual
