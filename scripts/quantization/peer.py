"""AI Edge Quantizer on one float file; runs in its own environment (scripts/quantization/setup.sh).

usage: peer.py FLOAT.tflite CALIBRATION.npz OUT-PREFIX [RECIPE...]
Calibrates once with each of its two updates of ranges and writes OUT-PREFIX.RECIPE.UPDATE.tflite for the recipes (a8w8 and a16w8 are
both). Prints one line of JSON: for each file its seconds or its error. Arrays of the .npz are named as the inputs are; their first axis counts the examples.
"""
import json
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import calibrator, quantizer, recipe
from ai_edge_quantizer.utils import qsv_utils

RECIPES = {"a8w8": recipe.static_wi8_ai8, "a16w8": recipe.static_wi8_ai16}
UPDATES = {"average": qsv_utils.moving_average_update, "minmax": qsv_utils.min_max_update}
THREADS = 2


def examples(model, data):
    """(signature's key, its inputs for each example)."""
    signatures = Interpreter(model).get_signature_list()
    key = next(iter(signatures))
    arrays = np.load(data)
    names = signatures[key]["inputs"]
    return key, [{n: np.ascontiguousarray(arrays[n][i : i + 1]) for n in names} for i in range(len(arrays[names[0]]))]


def main():
    model, data, prefix = sys.argv[1:4]
    key, inputs = examples(model, data)
    report = {}
    for recipe_name in sys.argv[4:] or RECIPES:
        for update_name, update in UPDATES.items():
            out = f"{prefix}.{recipe_name}.{update_name}.tflite"
            start = time.monotonic()
            try:
                q = quantizer.Quantizer(model)
                q.load_quantization_recipe(RECIPES[recipe_name]())
                c = calibrator.Calibrator(model, num_threads=THREADS, qsv_update_func=update)
                c.calibrate({key: inputs}, q._recipe_manager)
                q.quantize(c.get_model_qsvs()).export_model(out, overwrite=True)
                report[f"{recipe_name}.{update_name}"] = {"file": out, "seconds": time.monotonic() - start}
            except Exception as e:
                report[f"{recipe_name}.{update_name}"] = {"error": f"{type(e).__name__}: {str(e).strip().splitlines()[0] if str(e).strip() else ''}"}
    print(json.dumps(report))


main()
