#!/bin/sh
# The main job on a model of the project's own: a classifier of handwritten digits, trained by scripts/fixtures/digits.py.
# usage: scripts/demo.sh [ATOLL]        (default: build/atoll)
set -eu

atoll=$(realpath "${1:-build/atoll}")
demo=$(realpath "$(dirname "$0")/../demo")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
ln -s "$demo" demo

# Shows a command and runs it.
show() {
  printf '\n$ atoll'
  printf ' %s' "$@"
  printf '\n'
  "$atoll" "$@"
}
size() { wc -c <"$1" | tr -d ' '; }

echo
echo "A classifier of handwritten digits: from PyTorch to a LiteRT file, proven equal"
show convert demo/digits.pt2 -o digits.tflite
show inspect digits.tflite
echo
echo "All test digits, against the labels and against what torch answered"
show run digits.tflite --each --input x=demo/digits_test.npz --expect demo/digits_test.npz
echo
echo "One picture"
show run digits.tflite --input demo/images/7.png --preprocess scale=1/255 --top 3
show bench digits.tflite --threads 1
echo
echo "To integers, calibrated on training digits that are in no test"
show quantize demo/digits.pt2 -o digits_int8.tflite --calibrate demo/digits_train.npz
echo
echo "Accuracy on all test digits before and after"
show eval demo/digits.pt2 digits.tflite digits_int8.tflite --data demo/digits_test.npz
echo
echo "Sizes in bytes: digits.pt2 $(size demo/digits.pt2), digits.tflite $(size digits.tflite), digits_int8.tflite $(size digits_int8.tflite)"
