#!/usr/bin/env bash
# Puts LiteRT's library into a folder: pip fetches the wheel, its SHA-256 is checked, the library, its licence and metadata are taken out of it.
# usage: fetch_litert.sh FOLDER [x86_64|aarch64]
set -euo pipefail
version=2.3.0
folder=$1
machine=${2:-$(uname -m)}
[ -f "$folder/libLiteRt.so" ] && [ -d "$folder/ai_edge_litert-$version.dist-info" ] && exit 0
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.11 --implementation cp \
  --platform "manylinux_2_27_$machine" \
  --require-hashes -r "$here/litert_requirements.txt" -d "$scratch" 2>&1 | grep -v 'is ignored' || true
wheel=$(ls "$scratch"/*.whl)
mkdir -p "$folder"
unzip -q -o -j "$wheel" 'ai_edge_litert/libLiteRt.so' -d "$folder"
# Atoll reads the version from the name of this folder.
unzip -q -o "$wheel" "ai_edge_litert-$version.dist-info/METADATA" "ai_edge_litert-$version.dist-info/licenses/*" -d "$folder"
echo "LiteRT $version for $machine is in $folder"
