#!/usr/bin/env bash
# Makes a Debian package of the tool, its manual, the udev rule for Edge TPUs and LiteRT's library.
# usage: deb.sh ARCHITECTURE BUILD LITERT MANUAL OUTPUT_FOLDER [ROOT]
#   BUILD holds atoll, LITERT libLiteRt.so, MANUAL the pages; ROOT (of scripts/aarch64/root.sh) is where a foreign architecture's libraries are.
set -euo pipefail
architecture=$1 build=$2 litert=$3 manual=$4 output=$5 root=${6:-}
here=$(cd "$(dirname "$0")" && pwd)
version=$(sed -n 's/^project(atoll VERSION \([0-9.]*\).*/\1/p' "$here/../../CMakeLists.txt")
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$here" log -1 --format=%ct)}
maintainer=$(git -C "$here" log -1 --format='%cn <%ce>')
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
tree=$scratch/tree
prefix=
[ "$architecture" = "$(dpkg --print-architecture)" ] || prefix=aarch64-linux-gnu-

install -D -m 755 "$build/atoll" "$tree/usr/bin/atoll"
install -D -m 644 "$litert/libLiteRt.so" "$tree/usr/lib/atoll/libLiteRt.so"
install -D -m 644 "$litert"/ai_edge_litert-*.dist-info/METADATA -t "$tree/usr/lib/atoll/$(basename "$litert"/ai_edge_litert-*.dist-info)"
${prefix}strip --remove-section=.comment --remove-section=.note "$tree/usr/bin/atoll" "$tree/usr/lib/atoll/libLiteRt.so"
install -D -m 644 "$here/60-edgetpu.rules" -t "$tree/lib/udev/rules.d"
install -D -m 644 "$manual"/*.1 -t "$tree/usr/share/man/man1"
install -D -m 644 "$here/copyright" -t "$tree/usr/share/doc/atoll"
install -D -m 644 "$here/../../docs/board.md" "$here/../../docs/edgetpu.md" -t "$tree/usr/share/doc/atoll"
install -D -m 644 "$here/lintian-overrides" "$tree/usr/share/lintian/overrides/atoll"
printf 'atoll (%s) unstable; urgency=medium\n\n  * See the history of the repository.\n\n -- %s  %s\n' "$version" "$maintainer" \
  "$(date -R -u -d "@$SOURCE_DATE_EPOCH")" > "$tree/usr/share/doc/atoll/changelog"
gzip -9n "$tree"/usr/share/man/man1/*.1 "$tree/usr/share/doc/atoll/changelog"

# The packages that the two files need, by Debian's own tool.
mkdir -p "$scratch/debian" "$tree/DEBIAN"
printf 'Source: atoll\n\nPackage: atoll\nArchitecture: any\n' > "$scratch/debian/control"
database=()
if [ -n "$root" ]; then
  root=$(realpath "$root")
  # The libraries are looked up by where they lie, so their packages' lists of files have to say that.
  cp -r "$root/var/lib/dpkg" "$scratch/database"
  sed -i "s|^/|$root/|" "$scratch"/database/info/*.list
  database=(--admindir="$scratch/database" -l"$root/lib/aarch64-linux-gnu" -l"$root/usr/lib/aarch64-linux-gnu")
fi
depends=$(cd "$scratch" && DEB_HOST_ARCH=$architecture dpkg-shlibdeps --warnings=0 -O "${database[@]}" -e "$tree/usr/bin/atoll" -e "$tree/usr/lib/atoll/libLiteRt.so")

install -m 755 "$here/postinst" -t "$tree/DEBIAN"
cat > "$tree/DEBIAN/control" <<END
Package: atoll
Version: $version
Architecture: $architecture
Maintainer: $maintainer
Installed-Size: $(du -sk --apparent-size --exclude=DEBIAN "$tree" | cut -f1)
Depends: ${depends#shlibs:Depends=}, adduser
Recommends: libusb-1.0-0
Suggests: libedgetpu1-std | libedgetpu1-max, python3
Section: science
Priority: optional
Description: PyTorch models for Google Coral boards and other LiteRT devices
 Converts programs of torch.export into small .tflite files, proves that they
 compute the same, quantizes them, says what of them runs on an Edge TPU, and
 runs them on the CPU or on the Edge TPU. LiteRT's library is included;
 libedgetpu is opened where it is installed.
END
(cd "$tree" && find . -type f -not -path './DEBIAN/*' -printf '%P\0' | sort -z | xargs -0 md5sum) > "$tree/DEBIAN/md5sums"
find "$tree" -newermt "@$SOURCE_DATE_EPOCH" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
mkdir -p "$output"
dpkg-deb --build --root-owner-group -Zxz "$tree" "$output" > /dev/null
echo "$output/atoll_${version}_$architecture.deb"
