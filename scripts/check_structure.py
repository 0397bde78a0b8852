#!/usr/bin/env python3
"""Checks what no compiler checks: the direction of includes between folders, file sizes and names, machine paths.

Exits 1 with one line a finding.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# What each folder of src/ may include besides itself.
ALLOWED = {
    "support": set(),
    "ir": {"support"},
    "ops": {"ir", "support"},
    "read": {"support"},
    "import": {"ops", "ir", "read", "support"},
    "pass": {"ops", "ir", "support"},
    "quant": {"ops", "ir", "support"},
    "tflite": {"ops", "ir", "support"},
    "edgetpu": {"tflite", "ir", "support"},
    "micro": {"edgetpu", "tflite", "ir", "support"},
    "device": {"support"},
    "run": {"device", "support"},
    "task": {"run", "device", "support"},
    "data": {"run", "support"},
    "verify": {"import", "pass", "quant", "tflite", "run", "device", "ops", "ir", "read", "support"},
    "api": {"verify", "data", "task", "edgetpu", "micro", "import", "pass", "quant", "tflite", "run", "device", "ops", "ir", "read", "support"},
}
MAX_LINES = 600
FORBIDDEN = re.compile(r"(utils?|misc|helper|final|late|terminal_|common)\d*$")
# The terminal is a thing here, not a time.
NAME_EXCEPTIONS = {"terminal"}


def tracked():
    out = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    return [ROOT / p for p in out.stdout.split("\n") if p and (ROOT / p).is_file()]


def main():
    findings = []
    for path in tracked():
        rel = path.relative_to(ROOT)
        if path.suffix in {".cpp", ".h", ".def", ".py"}:
            text = path.read_text()
            lines = text.count("\n")
            if lines > MAX_LINES:
                findings.append(f"{rel}: {lines} lines, {MAX_LINES} are allowed")
            if path.stem not in NAME_EXCEPTIONS and FORBIDDEN.search(path.stem):
                findings.append(f"{rel}: the name says nothing about what is in it")
            if rel.parts[0] == "src" and len(rel.parts) > 2:
                folder = rel.parts[1]
                for include in re.findall(r'#include "([a-z0-9_]+)/', text):
                    if include != folder and include in ALLOWED and include not in ALLOWED[folder]:
                        findings.append(f"{rel}: {folder} may not include {include}")
            for match in re.findall(r"[\"' (](/(?:work|root)/[A-Za-z0-9_./-]+)", text):
                findings.append(f"{rel}: path of a machine: {match}")
    architecture = (ROOT / "ARCHITECTURE.md").read_text()
    for folder in ALLOWED:
        if any((ROOT / "src" / folder).glob("*.cpp")) and f"src/{folder}" not in architecture:
            findings.append(f"ARCHITECTURE.md: does not name src/{folder}")
    print("\n".join(findings) if findings else "structure: good")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
