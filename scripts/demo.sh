#!/bin/sh
# The main job on a model of the project's own: a classifier of handwritten digits, trained by scripts/fixtures/digits.py.
# usage: scripts/demo.sh [ATOLL]        (default: build/atoll)
set -eu

atoll=${1:-build/atoll}
demo=$(dirname "$0")/../demo
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

step() { printf '\n== %s\n' "$1"; }
size() { wc -c <"$1" | tr -d ' '; }

step "convert the PyTorch program, and prove the file equal"
"$atoll" convert "$demo/digits.pt2" -o "$work/digits.tflite"

step "what is in the file"
"$atoll" inspect "$work/digits.tflite"

step "all test digits, against what torch answered"
"$atoll" run "$work/digits.tflite" --each --input "x=$demo/digits_test.npz" --expect "$demo/digits_test.npz"

step "one picture: demo/images/7.png"
"$atoll" run "$work/digits.tflite" --input "$demo/images/7.png" --preprocess 'scale=1/255' --top 3

step "latency"
"$atoll" bench "$work/digits.tflite" --threads 1

step "sizes"
printf '  %8s bytes  demo/digits.pt2\n  %8s bytes  digits.tflite\n' "$(size "$demo/digits.pt2")" "$(size "$work/digits.tflite")"
