#!/usr/bin/env bash
# Puts the Python environment of `make opdb` into a folder: torch 2.13.0 for the CPU with what its operator list needs, LiteRT.
# usage: setup.sh FOLDER
# torch comes from pip's configured sources; where those hold only its CUDA build, name PyTorch's CPU index in PIP_EXTRA_INDEX_URL.
set -euo pipefail
folder=$1
here=$(cd "$(dirname "$0")" && pwd)
stamp="$folder/opdb_requirements.txt"
cmp -s "$here/requirements.txt" "$stamp" && exit 0
rm -rf "$folder"
python3 -m venv "$folder"
"$folder/bin/python" -m pip install -q --disable-pip-version-check -r "$here/requirements.txt"
cp "$here/requirements.txt" "$stamp"
echo "the environment is in $folder"
