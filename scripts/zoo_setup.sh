#!/usr/bin/env bash
# Puts the zoo's Python environment into a folder: torch 2.13.0 for the CPU, torchvision, timm, transformers, LiteRT.
# usage: zoo_setup.sh FOLDER
# torch comes from pip's configured sources; where those hold only its CUDA build, name PyTorch's CPU index in PIP_EXTRA_INDEX_URL.
set -euo pipefail
folder=$1
here=$(cd "$(dirname "$0")" && pwd)
stamp="$folder/zoo_requirements.txt"
cmp -s "$here/zoo_requirements.txt" "$stamp" && exit 0
rm -rf "$folder"
python3 -m venv "$folder"
# The constraint keeps every later resolution on this torch.
export PIP_CONSTRAINT="$here/zoo_requirements.txt"
pip=("$folder/bin/python" -m pip install -q --disable-pip-version-check)
"${pip[@]}" -r "$here/zoo_requirements.txt"
"${pip[@]}" --no-deps torchvision==0.29.2 timm==1.0.31
cp "$here/zoo_requirements.txt" "$stamp"
echo "the zoo's environment is in $folder"
