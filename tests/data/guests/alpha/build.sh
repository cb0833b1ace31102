#!/usr/bin/env bash
# Builds disk.cpio.gz, the initial file system with disk-init.c as /init.
# Needs Debian's gcc-alpha-linux-gnu and cpio; run as root because of the device node.
set -eu
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/root/dev"
alpha-linux-gnu-gcc -O1 -mcpu=ev6 -static -nostdlib -ffreestanding -fno-builtin -Wall -Wextra -Wl,--no-relax -Wl,--build-id=none -o "$work/root/init" "$here/disk-init.c"
alpha-linux-gnu-strip "$work/root/init"
mknod "$work/root/dev/console" c 5 1
cd "$work/root"
find . -exec touch -d 2026-01-01T00:00:00Z {} +
find . | LC_ALL=C sort | cpio -o -H newc --quiet --reproducible | gzip -9n > "$here/disk.cpio.gz"
