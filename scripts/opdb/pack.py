"""Packs a small choice of the exported samples into tests/verify/fixtures/opdb.zip, for a test that needs no PyTorch.

For each operator the smallest float32 program that gives PyTorch's results, and one program for each cause of a refusal; cases.json lists
them with what must happen. Run behind export.py and check.py:
    python scripts/opdb/pack.py FOLDER tests/verify/fixtures/opdb.zip
"""

import collections
import io
import json
import pathlib
import re
import sys
import zipfile

import numpy as np

MAX_BYTES = 60_000  # of a program with its arrays


def arrays_of(folder, name):
    """(bytes of the .npz, whether it can be run here): inputs without elements are not taken by LiteRT's C API."""
    data = (folder / f"{name}.npz").read_bytes()
    arrays = np.load(io.BytesIO(data))
    return data, all(arrays[k].size for k in arrays.files if k.startswith("in_"))


def size_of(folder, name):
    return (folder / f"{name}.pt2").stat().st_size + (folder / f"{name}.npz").stat().st_size


def main():
    folder, archive = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    entries = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    entries = {e["program"]: e for e in entries if e["status"] == "exported"}
    answers = json.loads((folder / "answers.json").read_text())
    by_op, by_cause = collections.defaultdict(list), {}
    for name, e in entries.items():
        status, message = answers.get(name, ("", ""))
        if e["dtype"] != "f32":
            continue
        if status == "equal" and size_of(folder, name) <= MAX_BYTES and arrays_of(folder, name)[1]:
            by_op[e["op"]].append(name)
        if status == "refused":
            code, what = re.match(r"error\[(E\d+)\]: (.*)", message).groups()
            by_cause.setdefault(re.sub(r"[\d.x,\[\]-]+", "#", what), (name, code, what))
    cases = [{"program": min(names, key=lambda n: (size_of(folder, n), n))} for names in by_op.values()]
    cases += [{"program": name, "code": code, "refused": what} for name, code, what in by_cause.values()]
    cases.sort(key=lambda c: c["program"])
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out:

        def add(name, data):
            out.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED, 9)

        add("cases.json", json.dumps(cases, indent=0))
        for c in cases:
            name = c["program"]
            add(f"{name}.pt2", (folder / f"{name}.pt2").read_bytes())
            if "refused" not in c:
                add(f"{name}.npz", arrays_of(folder, name)[0])
    print(f"{len(cases)} programs, {archive.stat().st_size} bytes in {archive}")


main()
