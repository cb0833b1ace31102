#!/bin/sh
# Assembles the firmware with Debian's binutils: build.sh OUTPUT
set -e
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for source in *.s; do
  as --32 -o "$work/${source%.s}.o" "$source"
done
ld -m elf_i386 -T layout.ld -e 0 -o "$work/bios.elf" "$work"/*.o
objcopy -O binary --gap-fill 0xff "$work/bios.elf" "$work/bios.bin"
test "$(wc -c < "$work/bios.bin")" = 65536
cp "$work/bios.bin" "${1:-../kmem-bios.bin}"
