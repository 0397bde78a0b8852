#!/usr/bin/env python3
"""The table of cost by the number of layers in docs/results.md: `atoll convert --no-verify` of chains of 100, 1,000 and 10,000 layers.

usage: chain_cost.py [--atoll build/atoll] [--layers 100 1000 10000] [--runs 5]
Needs torch. A layer is convolution, batch norm, ReLU and an addition with the layer's input, with weights of its own. One of them is
exported, and its nodes, values and weights are repeated under new names, because torch takes minutes to export thousands. Prints a
table in Markdown: processor time of the whole process, least of the runs; exits with 1 when a layer of the longest chain costs more
than twice a layer of the chain before it.
"""
import argparse
import io
import json
import pathlib
import re
import resource
import subprocess
import sys
import tempfile
import zipfile

CHANNELS = 4


def exported_layer():
    """A program of one layer as its archive's entries, names without the leading folder."""
    import torch

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Sequential(torch.nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1), torch.nn.BatchNorm2d(CHANNELS))

        def forward(self, x):
            return x + torch.relu(self.layer(x))

    torch.manual_seed(0)
    file = io.BytesIO()
    torch.export.save(torch.export.export(Net().eval(), (torch.randn(1, CHANNELS, 6, 5),)), file)
    with zipfile.ZipFile(file) as archive:
        return {name.split("/", 1)[1]: archive.read(name) for name in archive.namelist()}


class Chain:
    """Repeats a program of one layer, whose input is `x`."""

    def __init__(self, entries):
        self.entries = entries
        self.model = json.loads(entries["models/model.json"])
        self.weights = json.loads(entries["data/weights/model_weights_config.json"])["config"]
        graph = self.model["graph_module"]["graph"]
        self.made = [n["outputs"][0]["as_tensor"]["name"] for n in graph["nodes"]]
        self.stored = [s["arg"]["name"] for s in self.specs() if "arg" in s]
        self.result = self.made[-1]

    def specs(self):
        return [s.get("parameter") or s.get("buffer") or {} for s in self.model["graph_module"]["signature"]["input_specs"]]

    def layer(self, part, i, source):
        """`part` for layer i, whose input is the value `source`."""
        text = json.dumps(part)
        for name in self.made + self.stored:
            text = text.replace(f'"{name}"', f'"{name}_of_{i}"')
        text = text.replace('"x"', json.dumps(source))
        return json.loads(re.sub(r'"layer\.', f'"layer{i}.', text))

    def write(self, path, layers):
        model = json.loads(json.dumps(self.model))
        graph, signature = model["graph_module"]["graph"], model["graph_module"]["signature"]
        nodes, values, inputs, specs, config, files = [], {"x": graph["tensor_values"]["x"]}, [], [], {}, {}
        source = "x"
        for i in range(layers):
            nodes += self.layer(graph["nodes"], i, source)
            values |= {k: v for k, v in self.layer(graph["tensor_values"], i, source).items() if k != source}
            inputs += self.layer(graph["inputs"][:-1], i, source)
            specs += self.layer(signature["input_specs"][:-1], i, source)
            for k, (name, weight) in enumerate(self.weights.items()):
                number = i * len(self.weights) + k
                config[name.replace("layer.", f"layer{i}.")] = weight | {"path_name": f"weight_{number}"}
                files[f"weight_{number}"] = self.entries[f"data/weights/{weight['path_name']}"]
            source = f"{self.result}_of_{i}"
        graph |= {"nodes": nodes, "tensor_values": values, "inputs": inputs + graph["inputs"][-1:]}
        graph["outputs"] = self.layer(graph["outputs"], layers - 1, source)
        signature["input_specs"] = specs + signature["input_specs"][-1:]
        signature["output_specs"] = self.layer(signature["output_specs"], layers - 1, source)
        changed = {"models/model.json": json.dumps(model), "data/weights/model_weights_config.json": json.dumps({"config": config})}
        with zipfile.ZipFile(path, "w") as out:
            for name, data in self.entries.items():
                if not re.fullmatch(r"data/weights/weight_\d+", name):
                    out.writestr(f"chain/{name}", changed.get(name, data))
            for name, data in files.items():
                out.writestr(f"chain/data/weights/{name}", data)


def processor_seconds(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--atoll", default="build/atoll")
    parser.add_argument("--layers", type=int, nargs="+", default=[100, 1000, 10000])
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    chain = Chain(exported_layer())
    print("| layers | source nodes | LiteRT operators | processor time | for a layer |\n|---|---|---|---|---|")
    for_a_layer = []
    with tempfile.TemporaryDirectory() as folder:
        for layers in arguments.layers:
            source, target = pathlib.Path(folder) / "chain.pt2", pathlib.Path(folder) / "chain.tflite"
            chain.write(source, layers)
            command = [arguments.atoll, "convert", str(source), "-o", str(target), "--no-verify", "-q"]
            seconds = min(processor_seconds(command) for _ in range(arguments.runs))
            facts = json.loads(subprocess.run([arguments.atoll, "inspect", str(target), "--json"], check=True, capture_output=True).stdout)
            operators = sum(o["count"] for o in facts["operator_counts"])
            for_a_layer.append(seconds / layers)
            print(f"| {layers:,} | {len(chain.made) * layers:,} | {operators:,} | {seconds:.2f} s | {seconds / layers * 1e6:.0f} µs |", flush=True)
    return 1 if len(for_a_layer) > 1 and for_a_layer[-1] > 2 * for_a_layer[-2] else 0


if __name__ == "__main__":
    sys.exit(main())
