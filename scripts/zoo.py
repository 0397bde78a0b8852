#!/usr/bin/env python3
"""The zoo: converts the networks of torchvision, timm, transformers and some of its own, and writes docs/zoo.md.

Every network is built with random weights, exported, converted without the proof, and judged by LiteRT's own Python interpreter on
an input that the export has not seen. Worker processes do it, so that a crash or a timeout is one network's result. Results are kept
in FOLDER/results.json, and a network with a result is not done again; the .pt2 and .npz of networks that fail stay in FOLDER. Beside the
document stands its data, in the same form: docs/zoo.json, copied to FOLDER/results.json, leaves only what it lacks to do.
"""
import argparse
import collections
import json
import os
import pathlib
import re
import select
import signal
import subprocess
import sys
import time

import zoo_lists
import zoo_report

HERE = pathlib.Path(__file__).resolve().parent


class Process:
    """A worker; `run` is one network's record, whatever happens to the process."""

    def __init__(self, arguments):
        self.arguments, self.process = arguments, None

    def start(self):
        read, write = os.pipe()
        command = [sys.executable, str(HERE / "zoo_worker.py"), "--atoll", str(self.arguments.atoll), "--folder", str(self.arguments.folder),
                   "--report", str(write), "--timeout", str(self.arguments.timeout)]
        command += ["--keep"] * self.arguments.keep + ["--prove"] * self.arguments.prove
        self.log = open(self.arguments.folder / "worker.log", "wb")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=self.log, stderr=self.log, pass_fds=[write], start_new_session=True)
        os.close(write)
        self.report, self.done = os.fdopen(read, "rb", buffering=0), 0

    def stop(self):
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.report.close()
        self.process = None

    def lines(self, deadline):
        """The worker's lines until the deadline or its end."""
        kept = b""
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([self.report], [], [], left)[0]:
                return
            piece = os.read(self.report.fileno(), 65536)
            if not piece:
                return
            *whole, kept = (kept + piece).split(b"\n")
            yield from map(json.loads, whole)

    def run(self, name):
        # A fresh process now and then: the exporters keep what they traced.
        if self.process is not None and self.done >= self.arguments.refresh:
            self.stop()
        if self.process is None:
            self.start()
        self.done += 1
        stage = "start"
        deadline = time.monotonic() + self.arguments.timeout
        self.process.stdin.write(name.encode() + b"\n")
        self.process.stdin.flush()
        for line in self.lines(deadline):
            if "result" in line:
                return line["result"]
            stage = line["stage"]
        late = time.monotonic() >= deadline
        self.stop()
        tail = (self.arguments.folder / "worker.log").read_text(errors="replace").strip()[-500:]
        if late:
            return {"status": "timeout", "why": f"not done after {self.arguments.timeout:.0f} s, during {stage}"}
        return {"status": "crashed", "why": f"the worker died during {stage}: {tail}"}


def chosen(networks, arguments, results):
    """The networks to run: one of each family that has no result yet, then the others in the list's order."""
    def wanted(network):
        known = results.get(network.name)
        return re.search(arguments.only, network.name) and (not known or arguments.redo or (arguments.redo_failed and known["status"] != "ok"))

    covered = {n.family for n in networks if n.name in results}
    first, others = [], []
    for network in filter(wanted, networks):
        (others if network.family in covered else first).append(network)
        covered.add(network.family)
    return first + others


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--atoll", type=pathlib.Path, default=HERE.parent / "build/atoll")
    parser.add_argument("--folder", type=pathlib.Path, default=HERE.parent / "build/zoo", help="results and failing networks")
    parser.add_argument("--only", default="", metavar="REGEX", help="of names: timm/swin, transformers/")
    parser.add_argument("--redo", action="store_true", help="also what has a result")
    parser.add_argument("--redo-failed", action="store_true", help="also what has a result that is not ok")
    parser.add_argument("--timeout", type=float, default=300, help="seconds for one network")
    parser.add_argument("--refresh", type=int, default=40, help="networks a worker does before it is replaced")
    parser.add_argument("--keep", action="store_true", help="keep every .pt2, .npz and .tflite")
    parser.add_argument("--prove", action="store_true", help="convert with the proof; times then include it")
    parser.add_argument("--list", action="store_true", help="print the names and end")
    parser.add_argument("--document", type=pathlib.Path, metavar="FILE", help="write the results as Markdown, and as JSON beside it")
    arguments = parser.parse_args()
    arguments.atoll, arguments.folder = arguments.atoll.resolve(), arguments.folder.resolve()
    networks = zoo_lists.networks()
    if arguments.list:
        return print("\n".join(n.name for n in networks if re.search(arguments.only, n.name)))
    arguments.folder.mkdir(parents=True, exist_ok=True)
    store = arguments.folder / "results.json"
    results = json.loads(store.read_text()) if store.exists() else {}
    todo = chosen(networks, arguments, results)
    worker = Process(arguments)
    begin = time.monotonic()
    try:
        for i, network in enumerate(todo):
            (arguments.folder / network.name).parent.mkdir(parents=True, exist_ok=True)
            record = worker.run(network.name)
            record.setdefault("family", network.family)
            results[network.name] = record
            fresh = store.with_suffix(".new")
            fresh.write_text(json.dumps(results, indent=1, sort_keys=True))
            fresh.replace(store)
            ratio = f"{record['snr_db']:.0f} dB" if "snr_db" in record else ""
            why = "" if record["status"] == "ok" else record.get("why", "").split("\n")[0][:150]
            print(f"[{i + 1}/{len(todo)} {time.monotonic() - begin:.0f} s] {network.name}: {record['status']} {ratio} {why}", flush=True)
    finally:
        worker.stop()
    listed = {n.name: results[n.name] for n in networks if n.name in results}
    print(dict(collections.Counter(r["status"] for r in listed.values())))
    if arguments.document:
        arguments.document.write_text(zoo_report.markdown(listed, [n.name for n in networks]))
        arguments.document.with_suffix(".json").write_text(zoo_report.data(listed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
