"""Whether tflite-runtime 2.14 runs a file; runs in its own environment (scripts/quantization/setup.sh).

usage: old_runtime.py FILE.tflite
Runs it on zeros and prints nothing, or the reason why it does not run.
"""
import sys

import numpy as np
from tflite_runtime.interpreter import Interpreter

try:
    model = Interpreter(sys.argv[1], num_threads=2)
    model.allocate_tensors()
    for d in model.get_input_details():
        model.set_tensor(d["index"], np.zeros(d["shape"], d["dtype"]))
    model.invoke()
    for d in model.get_output_details():
        model.get_tensor(d["index"])
except Exception as e:
    print(" ".join(str(e).split()))
