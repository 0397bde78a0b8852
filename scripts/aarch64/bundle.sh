#!/usr/bin/env bash
# Packs a folder that runs on any aarch64 Linux: the tool, its loader, its libraries with the C library, LiteRT's, libusb for the board's
# libedgetpu, their licences, the udev rule and the manual.
# usage: bundle.sh BUILD LITERT MANUAL OUTPUT_FOLDER    (BUILD holds atoll, atoll_launcher and root)
set -euo pipefail
build=$1 litert=$2 manual=$3 output=$4
here=$(cd "$(dirname "$0")" && pwd)
root=$build/root
version=$(sed -n 's/^project(atoll VERSION \([0-9.]*\).*/\1/p' "$here/../../CMakeLists.txt")
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$here" log -1 --format=%ct)}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
name=atoll-$version-aarch64
bundle=$scratch/$name
mkdir -p "$bundle/lib" "$bundle/licences" "$output"

install -m 755 "$build/atoll_launcher" "$bundle/atoll"
install -m 755 "$build/atoll" "$bundle/lib/atoll"
install -m 644 "$litert/libLiteRt.so" -t "$bundle/lib"
cp -r "$litert"/ai_edge_litert-*.dist-info "$bundle/lib"

# A library of the root by the name under which it is needed, as a path in the root.
library() { (cd "$root" && find lib/aarch64-linux-gnu usr/lib/aarch64-linux-gnu -maxdepth 1 -name "$1" | head -1); }
needed() { aarch64-linux-gnu-readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'; }
packages=()
add() {  # NAME: the library, and what it needs
  [ ! -e "$bundle/lib/$1" ] || return 0
  local file package one
  file=$(library "$1")
  [ -n "$file" ] || { echo "bundle.sh: $1 is not in $root" >&2; exit 1; }
  install -m 755 "$root/$file" "$bundle/lib/$1"
  package=$(dpkg-query --admindir="$root/var/lib/dpkg" -S "/$file" | cut -d: -f1)
  packages+=("$package")
  for one in $(needed "$bundle/lib/$1"); do add "$one"; done
}
# The C library whole: what the board's libraries need of it must not come from the board.
parts=(ld-linux-aarch64.so.1 libc.so.6 libm.so.6 libdl.so.2 libpthread.so.0 librt.so.1 libresolv.so.2 libutil.so.1 libanl.so.1)
for part in "${parts[@]}" libstdc++.so.6 libgcc_s.so.1 libusb-1.0.so.0 $(needed "$build/atoll") $(needed "$litert/libLiteRt.so"); do add "$part"; done
aarch64-linux-gnu-strip "$bundle/atoll" "$bundle/lib/atoll" "$bundle/lib/libLiteRt.so"
chmod 755 "$bundle/lib/ld-linux-aarch64.so.1"

for package in $(printf '%s\n' "${packages[@]}" | sort -u); do cp -L "$root/usr/share/doc/$package/copyright" "$bundle/licences/$package"; done
cp "$here/../../LICENSE" "$bundle/licences/atoll"
install -D -m 644 "$manual"/*.1 -t "$bundle/man/man1"
install -m 644 "$here/../debian/60-edgetpu.rules" -t "$bundle"
install -m 644 "$here/../../docs/board.md" "$bundle/README.md"

tar -C "$scratch" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -c "$name" | gzip -9n > "$scratch/packed"
mv "$scratch/packed" "$output/$name.tar.gz"
echo "$output/$name.tar.gz"
