#!/usr/bin/env bash
# Puts LiteRT's library into a folder: pip fetches the wheel, its SHA-256 is checked, two files are taken out of it.
# usage: fetch_litert.sh FOLDER
set -euo pipefail
version=2.3.0
folder=$1
[ -f "$folder/libLiteRt.so" ] && [ -d "$folder/ai_edge_litert-$version.dist-info" ] && exit 0
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.11 --implementation cp \
  --platform "manylinux_2_27_$(uname -m)" \
  --require-hashes -r "$here/litert_requirements.txt" -d "$scratch" 2>&1 | grep -v 'is ignored' || true
wheel=$(ls "$scratch"/*.whl)
mkdir -p "$folder"
unzip -q -o -j "$wheel" 'ai_edge_litert/libLiteRt.so' -d "$folder"
# Atoll reads the version from the name of this folder.
unzip -q -o "$wheel" "ai_edge_litert-$version.dist-info/METADATA" -d "$folder"
echo "LiteRT $version is in $folder"
