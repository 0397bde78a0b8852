"""What a .tflite file computes, holds and costs, by LiteRT's own interpreter."""
import collections
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType


def quantize(a, detail):
    scale, zero = detail["quantization"]
    if detail["dtype"] in (np.int8, np.uint8, np.int16) and scale and a.dtype.kind == "f":
        info = np.iinfo(detail["dtype"])
        return np.clip(np.round(a / scale) + zero, info.min, info.max).astype(detail["dtype"])
    return a.astype(detail["dtype"])


def dequantize(a, detail):
    scale, zero = detail["quantization"]
    return (a.astype(np.float64) - zero) * scale if scale and a.dtype.kind in "iu" else a.astype(np.float64)


class Model:
    """A file whose inputs and outputs stand in the order of its signature, floats at both ends."""

    def __init__(self, path, delegate=True):
        self.path = path
        resolver = OpResolverType.AUTO if delegate else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        self.interpreter = Interpreter(path, num_threads=1, experimental_op_resolver_type=resolver)
        self.interpreter.allocate_tensors()
        signature = next(iter(self.interpreter.get_signature_list().values()))
        runner = self.interpreter.get_signature_runner()
        self.input_names = signature["inputs"]
        details = runner.get_input_details()
        self.inputs = [details[n] for n in self.input_names]
        details = runner.get_output_details()
        self.outputs = [details[n] for n in signature["outputs"]]

    def set(self, arrays):
        for detail, a in zip(self.inputs, arrays, strict=True):
            self.interpreter.set_tensor(detail["index"], quantize(a.reshape(detail["shape"]), detail))

    def run(self, arrays):
        self.set(arrays)
        self.interpreter.invoke()
        return [dequantize(self.interpreter.get_tensor(d["index"]), d) for d in self.outputs]

    def raw(self, arrays):
        """(inputs, outputs) as the file has them."""
        self.set(arrays)
        given = [self.interpreter.get_tensor(d["index"]).copy() for d in self.inputs]
        self.interpreter.invoke()
        return given, [self.interpreter.get_tensor(d["index"]).copy() for d in self.outputs]

    def answers(self, inputs):
        """The outputs over all examples of `inputs`, each stacked along a new first axis."""
        all_outputs = [self.run([a[i : i + 1] for a in inputs]) for i in range(len(inputs[0]))]
        return [np.stack(column) for column in zip(*all_outputs)]

    def operators(self):
        """(how many, how many touch floats, names of these)."""
        types = {d["index"]: d["dtype"] for d in self.interpreter.get_tensor_details()}
        ops = [o for o in self.interpreter._get_ops_details() if o["op_name"] != "DELEGATE"]
        touches = lambda o: any(types.get(int(i)) in (np.float32, np.float16) for i in [*o["inputs"], *o["outputs"]] if i >= 0)
        names = collections.Counter(o["op_name"] for o in ops if touches(o))
        return len(ops), sum(names.values()), dict(names)


def latencies(models, inputs, seconds=3.0):
    """Least milliseconds that a run of each model takes one thread, which other programs' share of the machine does not enter;
    measured in turns."""
    example = [a[:1] for a in inputs]
    for m in models:
        m.set(example)
        m.interpreter.invoke()
    best, end = [float("inf")] * len(models), time.perf_counter() + seconds * len(models)
    while time.perf_counter() < end:
        for i, m in enumerate(models):
            start = time.thread_time()
            m.interpreter.invoke()
            best[i] = min(best[i], time.thread_time() - start)
    return [1e3 * b for b in best]


def snr_db(reference, got):
    """Mean over the examples (first axis) of the signal-to-noise ratio in dB; an exact example counts 150 dB."""
    axes = tuple(range(1, reference.ndim))
    signal, noise = (reference**2).sum(axes), ((reference - got) ** 2).sum(axes)
    with np.errstate(divide="ignore"):
        return float(np.minimum(10 * np.log10(np.maximum(signal, 1e-30) / noise), 150.0).mean())
