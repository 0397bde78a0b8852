#!/usr/bin/env bash
# Writes the manual: atoll.1 and a page for every command, from what `--help` says (help2man).
# usage: man_pages.sh ATOLL FOLDER    (ATOLL is one that runs on this machine)
set -euo pipefail
atoll=$(realpath "$1")
folder=$2
version=$("$atoll" --version | cut -d' ' -f2)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$folder"

# help2man takes the page's name from the program's, keeps the lines of examples that begin with a prompt, and sees a heading after an empty line.
page() {  # COMMAND, SUMMARY
  local name=atoll${1:+-$1}
  printf '#!/bin/sh\n"%s" %s --help | sed -e "s/^  atoll /  \\$ atoll /" -e "s/^Examples:/\\n&/"\n' "$atoll" "$1" > "$scratch/$name"
  chmod +x "$scratch/$name"
  help2man --no-info --version-string="$name $version" --help-option=--help --name="$2" "$scratch/$name" > "$folder/$name.1"
}

"$atoll" --help | awk '/^Subcommands:/ { on = 1; next } on && /^  [a-z]/ { print $1 } /^$/ { on = 0 }' > "$scratch/commands"
page "" "from a PyTorch model to a Google Coral board or any other LiteRT device"
{
  echo '.SH "SEE ALSO"'
  sed 's/.*/.BR atoll-& (1),/; $ s/,$//' "$scratch/commands"
} >> "$folder/atoll.1"
while read -r command; do
  page "$command" "$("$atoll" "$command" --help | head -1 | sed 's/\.$//; s/^./\L&/')"
  printf '.SH "SEE ALSO"\n.BR atoll (1)\n' >> "$folder/atoll-$command.1"
done < "$scratch/commands"
