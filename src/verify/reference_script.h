// The program that runs a .pt2 in the user's own Python with torch: given to `python -c`.
#pragma once

namespace atl {

// argv: the .pt2, a .npz with the inputs (in_0, in_1, ...), the .npz to write, a file with the names of the values to record.
// Writes <name> for every recorded value and out_0, out_1, ... for the outputs that are tensors or numbers. Prints
// "torch VERSION", then "PROGRESS DONE TOTAL" lines; ends with status 3 when torch or numpy is missing.
inline constexpr char kReferenceScript[] = R"PY(
import sys, zipfile
try:
    import numpy as np
    import torch
except ImportError as e:
    print("MISSING", e.name or e, flush=True)
    sys.exit(3)
pt2, inputs_file, outputs_file, names_file = sys.argv[1:5]
print("torch", torch.__version__, flush=True)
torch.manual_seed(0)
program = torch.export.load(pt2)
wanted = set(open(names_file, encoding="utf-8").read().split("\n"))
given = np.load(inputs_file, allow_pickle=False)
signature = program.graph_signature
state, constants = program.state_dict, program.constants

def stored(spec):
    if spec.target in state:
        return state[spec.target]
    return constants[spec.target]

def user_input(spec, index):
    if type(spec.arg).__name__ == "ConstantArgument":
        return spec.arg.value, index
    value = torch.from_numpy(np.array(given["in_%d" % index], order="C"))
    node = placeholders[spec.arg.name]
    meta = node.meta.get("val")
    if meta is not None and value.dtype != meta.dtype:
        value = value.to(meta.dtype)
    return value, index + 1

graph = program.graph_module.graph
placeholders = {n.name: n for n in graph.nodes if n.op == "placeholder"}
args, index = [], 0
for spec in signature.input_specs:
    kind = spec.kind.name
    if kind == "USER_INPUT":
        value, index = user_input(spec, index)
    elif kind == "TOKEN":
        value = None
    else:
        value = stored(spec)
    args.append(value)

archive = zipfile.ZipFile(outputs_file, "w", zipfile.ZIP_STORED, allowZip64=True)

def write(name, value):
    if isinstance(value, torch.Tensor):
        value = value.detach()
        if value.dtype == torch.bfloat16:
            value = value.float()
        try:
            value = value.cpu().contiguous().numpy()
        except TypeError:
            return
    if value.dtype.kind not in "fiub":
        return
    with archive.open(name + ".npy", "w", force_zip64=True) as f:
        np.lib.format.write_array(f, np.array(value, order="C"), allow_pickle=False)

class Recorder(torch.fx.Interpreter):
    done, total = 0, len(graph.nodes)
    def run_node(self, n):
        result = super().run_node(n)
        # At once, because an in-place operator may change the value later.
        if n.name in wanted and isinstance(result, torch.Tensor):
            write(n.name, result)
        Recorder.done += 1
        if Recorder.done % 16 == 0:
            print("PROGRESS", Recorder.done, Recorder.total, flush=True)
        return result

with torch.no_grad():
    results = Recorder(program.graph_module).run(*args, enable_io_processing=False)
index = 0
for spec, value in zip(signature.output_specs, results):
    if spec.kind.name not in ("USER_OUTPUT", "LOSS_OUTPUT") or value is None:
        continue
    if isinstance(value, torch.Tensor):
        write("out_%d" % index, value)
    elif isinstance(value, float):
        write("out_%d" % index, np.array(value, dtype=np.float32))
    elif isinstance(value, int):
        write("out_%d" % index, np.array(value, dtype=np.int64))
    else:
        continue
    index += 1
archive.close()
print("DONE", flush=True)
)PY";

}  // namespace atl
