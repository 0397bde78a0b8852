#!/usr/bin/env python3
"""Compares the predictions of `atoll place` with models that Google's compiler made.

    compare_pairs.py --atoll build/atoll FOLDER...

A pair is X.tflite beside X_edgetpu.tflite, anywhere below a folder. Prints a line for each: operators placed otherwise than the compiler did,
parameter bytes predicted and real. Files that do not belong together, or that place refuses, are named. Exit code 1 when any pair differs.
"""
import argparse
import json
import pathlib
import subprocess
import sys

SUFFIX = "_edgetpu.tflite"


def compare(atoll, source, compiled):
    run = subprocess.run([atoll, "place", source, "--against", compiled, "--json"], capture_output=True, text=True)
    return json.loads(run.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--atoll", default="build/atoll")
    parser.add_argument("folders", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()
    equal = differing = refused = 0
    for compiled in sorted(path for folder in arguments.folders for path in folder.rglob("*" + SUFFIX)):
        source = compiled.with_name(compiled.name[: -len(SUFFIX)] + ".tflite")
        if not source.exists():
            continue
        report = compare(arguments.atoll, source, compiled)
        if "error" in report:
            refused += 1
            print(f"{source}: {report['error']['what']}")
            continue
        differences = report["against"]["differences"]
        predicted, real = report["parameter_bytes"], report["against"]["parameter_bytes"]
        if differences or predicted != real:
            differing += 1
        else:
            equal += 1
        print(f"{source}: compiler {report['compiler']}, {report['total']} operators, {len(differences)} placed otherwise, "
              f"parameters {predicted} of {real} bytes")
    print(f"{equal} pairs equal, {differing} differ, {refused} refused")
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
