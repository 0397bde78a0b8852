"""tflite-runtime 2.14 beside LiteRT on the same file and inputs."""
import os
import subprocess

import numpy as np

from measure import Model

EXAMPLES = 4


def beside_old_runtime(path, judging, old_python):
    """In words: how the outputs of tflite-runtime 2.14 differ from LiteRT's, both by their own kernels."""
    model = Model(path, delegate=False)
    arrays, wanted = {}, {}
    for k in range(min(EXAMPLES, len(judging[0]))):
        given, answers = model.raw([a[k : k + 1] for a in judging])
        arrays.update({f"in_{k}_{i}": a for i, a in enumerate(given)})
        wanted.update({f"out_{k}_{i}": a for i, a in enumerate(answers)})
    inputs, outputs = path + ".in.npz", path + ".out.npz"
    np.savez(inputs, **arrays)
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "old_runtime.py")
    p = subprocess.run([old_python, script, path, inputs, outputs], capture_output=True, text=True)
    if p.returncode or p.stdout.strip():
        return "no: " + (p.stdout.strip() or f"exit code {p.returncode}")[-60:]
    got = np.load(outputs)
    differ = sum(int((got[name] != a).sum()) for name, a in wanted.items())
    if differ == 0:
        return "same bits"
    largest = max(float(np.abs(got[name].astype(np.float64) - a).max()) for name, a in wanted.items())
    return f"{differ} of {sum(a.size for a in wanted.values())} differ, by {largest:g} at most"
