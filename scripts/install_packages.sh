#!/usr/bin/env bash
# Installs the Debian packages that building and testing need; does nothing when they are there.
# usage: install_packages.sh [board]    (board: also what makes and tests the files for boards)
set -euo pipefail
packages=(
  build-essential cmake ninja-build ccache pkg-config
  libfmt-dev libsimdjson-dev libeigen3-dev libcli11-dev nlohmann-json3-dev libssl-dev zlib1g-dev
  libflatbuffers-dev flatbuffers-compiler flatbuffers-compiler-dev
  libpng-dev libturbojpeg0-dev libjemalloc-dev
  libgtest-dev libbenchmark-dev
  clang-format clang-tidy-16 clang-16 libclang-rt-16-dev
  python3 python3-pip python3-venv unzip
)
[ "${1:-}" != board ] || packages+=(g++-aarch64-linux-gnu qemu-user-static help2man dpkg-dev file)
missing=()
for p in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing+=("$p")
done
[ ${#missing[@]} -eq 0 ] && exit 0
echo "installing: ${missing[*]}"
sudo=""
if [ "$(id -u)" -ne 0 ]; then sudo=sudo; fi
$sudo apt-get update -qq
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
