#!/bin/sh
# Environments for scripts/quantization/bench.py, below FOLDER: `peer` (AI Edge Quantizer 0.10.0) and `old` (tflite-runtime 2.14).
# usage: scripts/quantization/setup.sh FOLDER
set -eu

folder=$1
python=${PYTHON:-python3}   # tflite-runtime 2.14 has wheels up to Python 3.11

if [ ! -e "$folder/peer/done" ]; then
  "$python" -m venv "$folder/peer"
  "$folder/peer/bin/pip" install -q numpy scipy ml_dtypes scikit-learn pillow ai-edge-litert==2.3.0 immutabledict absl-py
  "$folder/peer/bin/pip" install -q --no-deps litert-lm-builder ai-edge-quantizer==0.10.0
  touch "$folder/peer/done"
fi
if [ ! -e "$folder/old/done" ]; then
  "$python" -m venv "$folder/old"
  "$folder/old/bin/pip" install -q 'numpy<2' tflite-runtime==2.14.0
  touch "$folder/old/done"
fi
