#!/usr/bin/env bash
# Rebuilds tour.elf from Debian's packages gcc-alpha-linux-gnu and binutils-alpha-linux-gnu; the result does not depend on where or when.
set -eu
cd "$(dirname "$0")"
out=${1:-$PWD/tour.elf}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
flags="-mcpu=ev67 -O2 -std=gnu11 -Wall -Wextra -Werror -ffreestanding -fno-builtin -fno-stack-protector -fno-asynchronous-unwind-tables -fno-pic -msmall-data -mno-fp-regs"
alpha-linux-gnu-gcc -mcpu=ev67 -c -o "$work/start.o" start.S
for part in tour text; do
    alpha-linux-gnu-gcc $flags -c -o "$work/$part.o" "$part.c"
done
# The linker of binutils 2.40 relaxes static Alpha programs wrongly.
cd "$work"
alpha-linux-gnu-ld --no-relax --no-warn-rwx-segments --build-id=none -static -N -T "$OLDPWD/tour.ld" -o "$work/tour.elf" start.o tour.o text.o
alpha-linux-gnu-strip "$work/tour.elf"
cp "$work/tour.elf" "$out"
