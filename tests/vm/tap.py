# SPDX-License-Identifier: Apache-2.0
"""A test file: what it needs of a guest, and what its TAP said."""

import os
import re
import time
from pathlib import Path

SERVICES = ("systemd", "udev", "registry", "docker", "podman")    # in the order they are started
SOFTWARE = ("postgresql", "valkey", "mariadb", "nginx", "java")    # that `software` makes


class UnknownNeed(Exception):
    """A word of a `# vm:` line that means nothing."""


def test_name(path):
    """What a test is called: its folder and name below t/, elsewhere its name."""
    _, below, rest = str(path).rpartition("/vm/t/")
    return rest.removesuffix(".t") if below else Path(path).stem


class Needs:
    """What a test file's `# vm:` header lines ask of the guest."""

    def __init__(self, path=None):
        self.numbers = {"disks": 0, "scsi": 0, "smp": 2, "mem": 2048, "timeout": 300, "silence": 90}
        self.services = set()
        self.flags = set()
        if path:
            self.read(path)

    def read(self, path):
        for line in path.read_text().splitlines():
            if not line.startswith("#"):
                break
            if line.startswith("# vm:"):
                for word in line[5:].split():
                    self.add(path, word)

    def add(self, path, word):
        name, _, value = word.partition("=")
        if name in self.numbers and value.isdigit():
            self.numbers[name] = int(value)
        elif word in SERVICES:
            self.services.add(word)
        elif (word in ("shared", "long", "kernels", "newest", "icount", "peer", "selinux")
              or name == "software" and value in SOFTWARE):
            self.flags.add(word)
        else:
            raise UnknownNeed(f"{path}: unknown need '{word}' in a '# vm:' line")

    def machine(self):
        """Equal for files that may share a guest. More LUNs or another engine do not matter to a file; udev,
        which opens every device, and engines at all, which mount and map, do. Software is on a disk of its own."""
        numbers = [self.numbers[name] for name in ("smp", "mem", "disks")]
        engines = bool(self.services & {"docker", "podman", "registry"})
        return (*numbers, engines, *sorted(self.flags - {"shared", "long", "kernels", "newest"} | self.services & {"udev", "systemd"}))

    def software(self):
        """Which real software images are built from, if any."""
        return next((f.partition("=")[2] for f in self.flags if f.startswith("software=")), None)

    def merge(self, other):
        for name, value in other.numbers.items():
            self.numbers[name] = max(self.numbers[name], value)
        self.services |= other.services
        self.flags |= other.flags


class Tap:
    """Counts one test file's TAP as it streams by."""

    def __init__(self, name):
        self.name = name
        self.plan = None
        self.seen = self.passed = self.failed = self.skipped = 0
        self.bad = []
        self.left = []      # behind, in the guest
        self.last = "(nothing yet)"
        self.started = time.monotonic()
        self.seconds = 0    # until it has ended
        self.idle = 0       # percent of them in which the guest's processors had nothing to do

    def line(self, text):
        if m := re.match(r"1\.\.(\d+)(?:\s*#\s*skip\b\s*(.*))?$", text, re.I):
            self.plan = int(m[1])
            if self.plan == 0:
                self.skipped += 1
        elif m := re.match(r"(not )?ok\b(?:\s+\d+)?(.*)", text):
            self.seen += 1
            self.last = text
            if m[1]:
                self.fail(text)
            elif re.search(r"#\s*skip\b", m[2], re.I):
                self.skipped += 1
            else:
                self.passed += 1
        elif text.startswith("Bail out!"):
            self.fail(text)

    def fail(self, why):
        self.failed += 1
        self.bad.append(f"{self.name}: {why}")

    def end(self, status, plain=False):
        """Plain: the file is no TAP, only its exit status counts."""
        self.seconds = time.monotonic() - self.started
        if status == 124:
            self.fail(f"timed out after: {self.last}")
        elif status and not self.failed:
            self.fail(f"exit status {status}")
        if self.left and not self.failed and os.environ.get("CC_LEFT") == "fail":
            self.fail("left something behind")
        if self.failed:
            self.bad += [f"  {self.name} left {thing}" for thing in self.left]
        if plain:
            return
        if self.plan is None:
            self.fail("no plan")
        elif self.plan != self.seen and not status:
            self.fail(f"planned {self.plan} tests, ran {self.seen}")
