"""Exports PyTorch's own operator samples (torch.testing, op_db) as one-operator programs with PyTorch's results.

For every operator and each of float32, int64 and bool that it takes, up to three samples of different form become NAME.pt2, NAME.npz
(in_0..., out_0...) and a line of manifest.jsonl. What is not exported has a line with the reason. Needs PyTorch 2.13 and expecttest.
    python scripts/opdb/export.py FOLDER [--only REGEX]
"""

import argparse
import contextlib
import itertools
import json
import os
import pathlib
import random
import re
import signal
import sys
import warnings

os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np
import torch
from torch.testing._internal.common_methods_invocations import op_db
from torch.utils import _pytree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fixtures"))
import portable

DTYPES = {"f32": torch.float32, "i64": torch.int64, "bool": torch.bool}
SAMPLES = 3
CONSIDERED = 300  # of an operator's samples
MAX_BYTES = 1 << 22  # of a program's inputs
SECONDS = 60  # for one program

DECOMPOSITION, FFT, COMPLEX, RANDOM = "linear algebra decomposition", "FFT", "complex numbers", "random or undefined values"
EXCLUDED = {
    DECOMPOSITION: """cholesky cholesky_inverse cholesky_solve geqrf inverse linalg.cholesky linalg.cholesky_ex linalg.cond linalg.det
        linalg.eig linalg.eigh linalg.eigvals linalg.eigvalsh linalg.householder_product linalg.inv linalg.inv_ex linalg.ldl_factor
        linalg.ldl_factor_ex linalg.ldl_solve linalg.lstsq linalg.lu linalg.lu_factor linalg.lu_factor_ex linalg.lu_solve
        linalg.matrix_rank linalg.pinv linalg.qr linalg.slogdet linalg.solve linalg.solve_ex linalg.solve_triangular linalg.svd
        linalg.svdvals linalg.tensorinv linalg.tensorsolve logdet lu lu_solve lu_unpack ormqr pca_lowrank pinverse qr svd svd_lowrank
        triangular_solve lobpcg""",
    FFT: "stft istft",
    COMPLEX: "complex polar view_as_complex view_as_real cfloat cdouble chalf imag",
    RANDOM: """bernoulli cauchy exponential geometric log_normal multinomial normal rand_like randint randint_like randn randn_like uniform
        randperm nn.functional.dropout nn.functional.dropout2d nn.functional.dropout3d nn.functional.alpha_dropout
        nn.functional.feature_alpha_dropout nn.functional.fractional_max_pool2d nn.functional.fractional_max_pool3d empty empty_like
        empty_permuted empty_strided new_empty new_empty_strided""",
}
# Samples of other operators that are random or need a decomposition.
EXCLUDED_SAMPLES = {
    "nn.functional.rrelu": lambda s: s.kwargs.get("training", False),
    "nn.functional.scaled_dot_product_attention": lambda s: s.kwargs.get("dropout_p", 0) > 0,
    "nn.functional.multi_head_attention_forward": lambda s: s.kwargs.get("training", True) and s.kwargs.get("dropout_p", 0) > 0,
}
REASONS = {name: reason for reason, names in EXCLUDED.items() for name in names.split()}


def excluded(op):
    if op.name.startswith("fft."):
        return FFT
    if op.name.startswith("jiterator"):
        return "needs CUDA"
    return REASONS.get(op.name)


class Program(torch.nn.Module):
    """One call of an operator: its tensors are the inputs, everything else is a constant."""

    def __init__(self, op, leaves, spec):
        super().__init__()
        self.call = (op, leaves, spec)

    def forward(self, *tensors):
        op, leaves, spec = self.call
        rest = iter(tensors)
        args, kwargs = _pytree.tree_unflatten([next(rest) if isinstance(v, torch.Tensor) else v for v in leaves], spec)
        out = op(*args, **kwargs)
        # Structures that torch.export cannot write down become a tuple; numpy has no bfloat16.
        leaves = [v.float() if isinstance(v, torch.Tensor) and v.dtype == torch.bfloat16 else v for v in _pytree.tree_leaves(out)]
        return leaves[0] if len(leaves) == 1 else tuple(leaves)


def call_of(sample):
    leaves, spec = _pytree.tree_flatten(((sample.input, *sample.args), sample.kwargs))
    return [v.detach().clone().contiguous() if isinstance(v, torch.Tensor) and not v.is_sparse else v for v in leaves], spec


def form(call):
    """What makes two samples different: structure, ranks, which axes are 0 or 1 long, and the arguments that are not tensors."""
    leaves, spec = call
    return repr((str(spec), [tuple(min(n, 2) for n in v.shape) if isinstance(v, torch.Tensor) else v for v in leaves]))


def choose(op, dtype, name):
    """Up to SAMPLES calls of different form: the first with tensors of several axes where there are any, those without elements last."""
    torch.manual_seed(0)
    forms = {}
    for sample in itertools.islice(op.sample_inputs("cpu", dtype, requires_grad=False), CONSIDERED):
        if EXCLUDED_SAMPLES.get(op.name, lambda s: False)(sample):
            continue
        call = call_of(sample)
        size = sum(v.numel() * v.element_size() for v in call[0] if isinstance(v, torch.Tensor))
        if size <= MAX_BYTES:
            forms.setdefault(form(call), call)
    calls = list(forms.values())
    order = random.Random(name)
    order.shuffle(calls)

    def weight(call):
        tensors = [v for v in call[0] if isinstance(v, torch.Tensor)]
        return max((sum(n > 1 for n in v.shape) for v in tensors), default=0)

    def is_empty(call):
        return any(isinstance(v, torch.Tensor) and v.numel() == 0 for v in call[0])

    calls.sort(key=is_empty)
    if calls:
        best = max(range(len(calls)), key=lambda i: (not is_empty(calls[i]), min(weight(calls[i]), 3)))
        calls.insert(0, calls.pop(best))
    return calls[:SAMPLES]


def results(program, tensors):
    # Inputs are copied: some operators write into them.
    out = program(*[t.clone() for t in tensors])
    return [t.detach() if isinstance(t, torch.Tensor) else t for t in _pytree.tree_leaves(out)]


class Skip(Exception):
    pass


def array(t):
    return t.resolve_conj().resolve_neg().contiguous().numpy()


def same(a, b):
    return array(a).tobytes() == array(b).tobytes()


@contextlib.contextmanager
def limit(seconds):
    def stop(*_):
        raise TimeoutError(f"took more than {seconds} s")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def export(op, call, path):
    leaves, spec = call
    tensors = [v for v in leaves if isinstance(v, torch.Tensor)]
    if not tensors:
        raise Skip("no tensor argument")
    if any(t.is_complex() for t in tensors):
        raise Skip(COMPLEX)
    if any(t.layout != torch.strided for t in tensors):
        raise Skip("sparse tensors")
    program = Program(op.op, leaves, spec).eval()
    torch.manual_seed(1)
    first = results(program, tensors)
    torch.manual_seed(2)
    second = results(program, tensors)
    outs = [t for t in first if isinstance(t, torch.Tensor)]
    if len(outs) != len(first) or not outs:
        raise Skip("results that are not tensors")
    if any(t.layout != torch.strided for t in outs):
        raise Skip("sparse tensors")
    if any(t.is_complex() for t in outs):
        raise Skip(COMPLEX)
    if not all(same(a, b) for a, b in zip(outs, second)):
        raise Skip(RANDOM)
    exported = torch.export.export(program, tuple(t.clone() for t in tensors), strict=False)
    portable.save(exported, f"{path}.pt2")
    arrays = {f"in_{i}": array(t) for i, t in enumerate(tensors)} | {f"out_{i}": array(t) for i, t in enumerate(outs)}
    np.savez(f"{path}.npz", **arrays)


def reason_of(e):
    text = " ".join(str(e).strip().split())
    for pattern, reason in (
        (r"Could not (extract specialized integer|guard) on data-dependent", "data-dependent size or branch"),
        (r"GuardOnDataDependent|data-dependent", "data-dependent size or branch"),
        (r"[Cc]omplex", COMPLEX),
    ):
        if re.search(pattern, type(e).__name__ + " " + text):
            return reason
    return f"{type(e).__name__}: {text[:160]}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    options.folder.mkdir(parents=True, exist_ok=True)
    manifest = options.folder / "manifest.jsonl"
    done = set()
    if manifest.exists():
        done = {json.loads(line)["program"] for line in manifest.read_text().splitlines()}
    with manifest.open("a") as out:

        def note(entry):
            out.write(json.dumps(entry) + "\n")
            out.flush()

        for op in op_db:
            full = op.name + ("." + op.variant_test_name if op.variant_test_name else "")
            if options.only and not re.search(options.only, full):
                continue
            for key, dtype in DTYPES.items():
                group = f"{full}.{key}"
                if dtype not in op.supported_dtypes("cpu") or group in done:
                    continue
                base = {"op": full, "dtype": key}
                if excluded(op):
                    note({"program": group, **base, "status": "excluded", "reason": excluded(op)})
                    continue
                try:
                    with limit(SECONDS):
                        calls = choose(op, dtype, group)
                except Exception as e:
                    note({"program": group, **base, "status": "no samples", "reason": reason_of(e)})
                    continue
                for i, call in enumerate(calls):
                    name = re.sub(r"[^A-Za-z0-9_.]", "_", f"{group}.{i}")
                    entry = {"program": name, **base}
                    try:
                        with limit(SECONDS):
                            export(op, call, options.folder / name)
                        note({**entry, "status": "exported"})
                    except Skip as e:
                        note({**entry, "status": "excluded", "reason": str(e)})
                    except Exception as e:
                        note({**entry, "status": "not exportable", "reason": reason_of(e)})
                note({"program": group, **base, "status": "done"})


main()
