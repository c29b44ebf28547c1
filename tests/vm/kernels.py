# SPDX-License-Identifier: Apache-2.0
"""What a guest boots: the image's own kernel, or one that `kernel` makes."""

import re
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
OURS = "[dm_container_crypt]"

# How many times longer everything takes under their sanitizers, and the memory those need on top.
SLOW = {"debug": 5, "kcsan": 5}
SANITIZER_MIB = 1024
NAMES = ("6.1", "7.2", *SLOW)

# A report ends at its line of "=", or where the next begins.
RACE = re.compile(r"^.*BUG: KCSAN:.*\n(?:(?!.*(?:={20}|BUG: KCSAN:)).*\n?)*", re.M)


class Kernel:
    def __init__(self, name, image):
        made = subprocess.run([HERE / "kernel", name], check=True, stdout=subprocess.PIPE,
                              text=True).stdout.strip() if name else image
        self.name = name
        self.dir = Path(made)
        self.image = self.dir / "kernel"
        self.slow = SLOW.get(name, 1)
        self.mib = SANITIZER_MIB if name in SLOW else 0

    def stages(self, out):
        """What was built for the guest: the programs, and the module unless it is among them."""
        return [out / "stage"] + ([out / f"stage-{self.name}"] if self.name else [])

    def init(self):
        """The end of the kernel's command line."""
        if not self.name:
            return "init=/usr/sbin/vminit"
        checks = "page_poison=1 kasan_multi_shot " if self.name in SLOW else ""
        return (f'{checks}init=/bin/sh -- -c "mountpoint -q /dev || mount -t devtmpfs dev /dev;'
                ' mount -t ext4 /dev/nvme0n2 /usr/lib/modules && modprobe virtio_pci'
                ' && exec /usr/sbin/vminit"')

    def disk(self):
        """QEMU's arguments for a second name space on the root's controller, in place before
        init: the image has no modules of this kernel."""
        if not self.name:
            return []
        return ["-drive", f"file={self.dir}/modules.ext4,format=raw,if=none,id=modules,snapshot=on",
                "-device", "nvme-ns,bus=nvme,drive=modules,nsid=2"]


def without_foreign_races(text):
    """The kernel has data races of its own; only those count that one of ours takes part in."""
    return RACE.sub(lambda m: m[0] if OURS in m[0] else "", text)
