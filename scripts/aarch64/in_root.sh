#!/usr/bin/env bash
# Runs an aarch64 program in a root of its own, as a Cortex-A53, with nothing of this system but the kernel: namespaces, in which the kernel
# starts aarch64 programs through QEMU (Linux 6.7 or newer; needs no root). CPU is a folder with proc/cpuinfo of such a machine (root.sh).
# usage: in_root.sh CPU ROOT [NAME=VALUE...] PROGRAM ARGUMENTS...    (variables: the program's whole environment)
set -euo pipefail
cpu=$(realpath "$1") root=$(realpath "$2")
shift 2
variables=(QEMU_CPU=cortex-a53)
while [[ $1 == *=* ]]; do
  variables+=("$1")
  shift
done
chroot=$(command -v chroot || echo /usr/sbin/chroot)
export cpu root
mkdir -p "$root/proc"
exec unshare --user --map-root-user --mount --pid --fork sh -euc '
  mount -t binfmt_misc binfmt "$root/proc"
  magic="\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
  mask="\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
  echo ":aarch64:M::$magic:$mask:$(command -v qemu-aarch64-static):F" > "$root/proc/register"
  mount -t proc proc "$root/proc"
  mount --bind "$cpu/proc/cpuinfo" "$root/proc/cpuinfo"
  exec "$@"' in_root env -i "${variables[@]}" "$chroot" "$root" "$@"
