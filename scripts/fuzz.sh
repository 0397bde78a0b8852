#!/usr/bin/env bash
# Runs each libFuzzer target. usage: fuzz.sh BUILD [SECONDS for each] [TARGET...]
# First the inputs that once were findings (tests/fuzz/regressions/TARGET), then new ones grown from the fixtures. Inputs that
# reach new code stay in BUILD/corpus. Stops at the first finding with exit code 1 and names its file.
set -euo pipefail
shopt -s nullglob
build=$1
seconds=${2:-600}
shift $(($# < 2 ? $# : 2))
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(archive json pickle tflite)
root=$(cd "$(dirname "$0")/.." && pwd)

# seed TARGET: fills BUILD/corpus/TARGET from the fixtures.
seed() {
  python3 - "$1" "$build/corpus/$1" "$root" <<'PYTHON'
import hashlib
import pathlib
import sys
import zipfile

target, corpus, root = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])


def add(data):
    (corpus / hashlib.sha1(data).hexdigest()).write_bytes(data)


fixtures = root / "tests" / "read" / "fixtures"
archives = [f for f in fixtures.rglob("*") if f.is_file() and zipfile.is_zipfile(f)]
if target == "archive":
    for f in archives:
        add(f.read_bytes())
for f in archives:
    with zipfile.ZipFile(f) as z:
        for name in z.namelist():
            data = z.read(name)
            if target == "pickle" and name.endswith(".pkl"):
                add(data)
            if target == "json" and name.endswith(".json"):
                # The first byte says which of a program's documents it is; see json_fuzzer.cpp.
                kinds = {"weights_config.json": 1, "constants_config.json": 2, "exported_program.json": 3}
                add(bytes([next((k for end, k in kinds.items() if name.endswith(end)), 0)]) + data)
if target == "tflite":
    for f in (root / "tests").rglob("*.tflite"):
        add(f.read_bytes())
PYTHON
}

for target in "${targets[@]}"; do
  fuzzer=$build/tests/fuzz/${target}_fuzzer
  mkdir -p "$build/corpus/$target" "$build/findings"
  seed "$target"
  options=(-rss_limit_mb=4096 -malloc_limit_mb=2048 -timeout=20 -artifact_prefix="$build/findings/$target-")
  regressions=("$root/tests/fuzz/regressions/$target"/*)
  echo "$target: ${#regressions[@]} regressions, then $seconds s"
  if [ ${#regressions[@]} -gt 0 ]; then
    "$fuzzer" "${options[@]}" "${regressions[@]}" > "$build/findings/$target.log" 2>&1 || {
      tail -40 "$build/findings/$target.log"
      echo "$target: a regression is back"
      exit 1
    }
  fi
  "$fuzzer" "${options[@]}" -max_total_time="$seconds" -max_len=200000 -print_final_stats=1 "$build/corpus/$target" \
    > "$build/findings/$target.log" 2>&1 || {
    tail -40 "$build/findings/$target.log"
    echo "$target: a finding; fix it and keep the file in tests/fuzz/regressions/$target"
    exit 1
  }
  grep -E 'number_of_executed_units|new_units_added|peak_rss_mb' "$build/findings/$target.log"
done
