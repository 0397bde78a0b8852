#!/usr/bin/env bash
# Tests a build for aarch64 under QEMU as a Cortex-A53: its own test programs, and this machine's test of the command line driving its tool.
# usage: test.sh ARM_BUILD BUILD    (ARM_BUILD holds root, litert, atoll and tests)
set -euo pipefail
arm=$(realpath "$1") build=$(realpath "$2")
export ATOLL_LITERT=$arm/litert
ctest --test-dir "$arm" --output-on-failure -R '^(run|device|task)$'

# The tool as a program of this machine; the stand-ins are those of aarch64, but for the compiler, which is a program of this machine.
tested=$arm/tested
mkdir -p "$tested"
# By its path: tests change the PATH.
printf '#!/bin/sh\nexec "%s" -cpu cortex-a53 -L "%s" "%s" "$@"\n' "$(command -v qemu-aarch64-static)" "$arm/root" "$arm/atoll" > "$tested/atoll"
chmod +x "$tested/atoll"
ln -sf "$arm"/tests/stand_in/libedgetpu*.so "$build/tests/stand_in/edgetpu_compiler" "$tested"
# Tests skip themselves without LiteRT; here it has to run.
"$tested/atoll" doctor
ATOLL_TESTED=$tested/atoll ATOLL_TESTED_STAND_INS=$tested "$build/tests/test_cli"
