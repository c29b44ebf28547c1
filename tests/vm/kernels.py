# SPDX-License-Identifier: Apache-2.0
"""What a guest boots: the image's own kernel, or one that `kernel` makes; and what was built for it."""

import os
import re
import struct
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
OURS = "[dm_container_crypt]"

# How many times longer everything takes under their sanitizers, and the memory those need on top.
SLOW = {"debug": 5, "kcsan": 5}
SANITIZER_MIB = 1024
NAMES = ("6.1", "7.2", *SLOW)

SECTOR, FIRST = 512, 2048       # where the first partition starts

# A report ends at its line of "=", or where the next begins.
RACE = re.compile(r"^.*BUG: KCSAN:.*\n(?:(?!.*(?:={20}|BUG: KCSAN:)).*\n?)*", re.M)


class Kernel:
    def __init__(self, name, image, suite=None):
        """name: of a kernel, None for the image's own; suite: whose guest the image is, None for the usual one"""
        made = subprocess.run([HERE / "kernel", name], check=True, stdout=subprocess.PIPE,
                              text=True).stdout.strip() if name else image
        self.name = name
        self.stage = f"stage-{suite}" if suite else "stage"
        self.dir = Path(made)
        self.image = self.dir / "kernel"
        self.slow = SLOW.get(name, 1) * int(os.environ.get("CC_SLOW", 1))
        self.mib = SANITIZER_MIB if name in SLOW else 0

    def stages(self, out):
        """What was built for the guest: the programs, and the module unless it is among them."""
        return [out / self.stage] + ([out / f"stage-{self.name}"] if self.name else [])

    def root(self):
        """The end of the kernel's command line: where the root is and how it becomes usable."""
        if not self.name:
            return "root=/dev/nvme0n1 init=/usr/sbin/vminit"
        checks = "page_poison=1 kasan_multi_shot cryptomgr.notests=1 " if self.name in SLOW else ""
        return (f'{checks}root=/dev/nvme0n1p1 init=/bin/sh -- -c "mountpoint -q /dev'
                ' || mount -t devtmpfs dev /dev; mount -t ext4 /dev/nvme0n1p2 /usr/lib/modules'
                ' && modprobe virtio_pci && exec /usr/sbin/vminit"')

    def disk(self, root, directory):
        """The only NVMe disk, for QEMU's -drive. The image has no modules of another kernel, so
        that one gets root and modules as two partitions: whatever is probed in parallel has no
        dependable name."""
        if not self.name:
            return f"file={root},format=raw"
        parts = [root, self.dir / "modules.ext4"]
        sizes = [part.stat().st_size // SECTOR for part in parts]
        table, start = b"", FIRST
        for size in sizes:
            table += struct.pack("<B3xB3xII", 0, 0x83, start, size)
            start += size
        head = directory / "head.raw"
        with open(head, "wb") as f:
            f.write(table.rjust(446 + len(table), b"\0").ljust(510, b"\0") + b"\x55\xaa")
            f.truncate(FIRST * SECTOR)
        extents = zip([FIRST, *sizes], [head, *parts])
        disk = directory / "root.vmdk"
        disk.write_text('# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\n'
                        'createType="twoGbMaxExtentFlat"\n'
                        + "".join(f'RW {n} FLAT "{path}" 0\n' for n, path in extents))
        return f"file={disk},format=vmdk"


def without_foreign_races(text):
    """The kernel has data races of its own; only those count that one of ours takes part in."""
    return RACE.sub(lambda m: m[0] if OURS in m[0] else "", text)
