#!/usr/bin/env bash
# Makes the root that cross-building, QEMU and the bundle take their files from: Debian's arm64 packages, unpacked into a folder by an apt of
# its own. They are not installed beside this system's, because libsimdjson-dev cannot be (it is not "Multi-Arch: same").
# QEMU needs the files of /proc and /sys that it would otherwise read from this machine; they are a Dev Board's (four Cortex-A53).
# usage: root.sh FOLDER
set -euo pipefail
folder=$1
packages=(
  libc6-dev libstdc++-12-dev libfmt-dev libsimdjson-dev libeigen3-dev libcli11-dev nlohmann-json3-dev libssl-dev zlib1g-dev
  libflatbuffers-dev libpng-dev libturbojpeg0-dev libjemalloc-dev libgtest-dev libusb-1.0-0
)
wanted="$(. /etc/os-release && echo "$VERSION_CODENAME") ${packages[*]}"
[ "$(cat "$folder/packages" 2>/dev/null)" = "$wanted" ] && exit 0

echo "unpacking Debian's arm64 packages into $folder"
rm -rf "$folder"
apt=$folder.apt
rm -rf "$apt"
trap 'rm -rf "$apt"' EXIT
mkdir -p "$folder" "$apt/state/lists/partial" "$apt/cache/archives/partial"
: > "$apt/status"
cat > "$apt/conf" <<END
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
APT::Install-Recommends "false";
APT::Sandbox::User "$(id -un)";
Acquire::Languages "none";
Dir::State "$(realpath "$apt")/state";
Dir::State::status "$(realpath "$apt")/status";
Dir::Cache "$(realpath "$apt")/cache";
END
export APT_CONFIG=$apt/conf
apt-get update -qq
apt-get install -y -qq --download-only "${packages[@]}" > "$apt/log"
# With dpkg's database of them, which dpkg-shlibdeps and the bundle ask for the package of a file.
database=$folder/var/lib/dpkg
mkdir -p "$database/info"
echo 1 > "$database/info/format"
for package in "$apt"/cache/archives/*.deb; do
  dpkg-deb -x "$package" "$folder"
  name=$(dpkg-deb -f "$package" Package)
  [ "$(dpkg-deb -f "$package" Multi-Arch)" != same ] || name=$name:$(dpkg-deb -f "$package" Architecture)
  dpkg-deb --fsys-tarfile "$package" | tar -t | sed 's|^\.||; s|/$||; s|^$|/.|' > "$database/info/$name.list"
  dpkg-deb -e "$package" "$apt/control"
  for fact in shlibs symbols; do [ ! -f "$apt/control/$fact" ] || mv "$apt/control/$fact" "$database/info/$name.$fact"; done
  { dpkg-deb -f "$package" | sed '1a Status: install ok installed'; echo; } >> "$database/status"
  rm -r "$apt/control"
done
# Links that begin at / would lead into this system.
find "$folder" -type l -lname '/*' | while read -r link; do ln -sfn --relative "$folder$(readlink "$link")" "$link"; done

mkdir -p "$folder/proc" "$folder/sys/devices/system/cpu"
for core in 0 1 2 3; do
  printf 'processor\t: %s\nBogoMIPS\t: 16.66\nFeatures\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid\n' $core
  printf 'CPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: 0xd03\nCPU revision\t: 4\n\n'
done > "$folder/proc/cpuinfo"
for list in possible present online; do echo 0-3 > "$folder/sys/devices/system/cpu/$list"; done
echo "$wanted" > "$folder/packages"
