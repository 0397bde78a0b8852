"""What tflite-runtime 2.14 computes with a file, by its own kernels without XNNPACK; runs in its own environment
(scripts/quantization/setup.sh).

usage: old_runtime.py FILE.tflite ARRAYS.npz OUT.npz
ARRAYS holds in_K_I: example K of input I of the first signature. Writes out_K_O likewise and prints nothing, or the reason why the file
does not run.
"""
import sys

import numpy as np
from tflite_runtime.interpreter import Interpreter, OpResolverType

try:
    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    model = Interpreter(sys.argv[1], num_threads=2, experimental_op_resolver_type=plain)
    model.allocate_tensors()
    signature, names = next(iter(model.get_signature_list().items()))
    runner = model.get_signature_runner(signature)
    arrays, out = np.load(sys.argv[2]), {}
    for k in range(1 + max(int(name.split("_")[1]) for name in arrays)):
        answers = runner(**{name: arrays[f"in_{k}_{i}"] for i, name in enumerate(names["inputs"])})
        out.update({f"out_{k}_{i}": answers[name] for i, name in enumerate(names["outputs"])})
    np.savez(sys.argv[3], **out)
except Exception as e:
    print(" ".join(str(e).split()))
