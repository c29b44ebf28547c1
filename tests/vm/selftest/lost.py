#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The harness's own threads: a group of test files that does not run is a failed run with a reason, also when what goes
wrong happens while others run. Needs no guest."""

import contextlib
import io
import sys
import tempfile
from argparse import Namespace
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

sys.dont_write_bytecode = True
VM = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(VM))
loader = SourceFileLoader("run", str(VM / "run"))
run = module_from_spec(spec_from_loader("run", loader))
loader.exec_module(run)


class Guest:
    """In place of a guest: runs nothing; its file is edited while it waits for its turn."""
    emulator_crashed = ""
    dir = VM
    taps, rest = [], []

    def __init__(self, image, members, needs, options):
        self.bad, self.members = [], members

    def run(self):
        self.members[0].write_text("#!/bin/sh\n# vm: dokcer\n")
        run.Needs(self.members[0])

    def failures(self):
        return self.bad


class Exits(Guest):
    """The same, and something of it ends the thread."""

    def run(self):
        sys.exit("end of the thread")


def outcome(guest):
    """Exit status and output of a run of one file."""
    run.Guest, run.Slot = guest, contextlib.nullcontext
    with tempfile.TemporaryDirectory() as d, contextlib.redirect_stdout(io.StringIO()) as out:
        run.CACHE = Path(d)
        f = Path(d) / "1-test.t"
        f.write_text("#!/bin/sh\n# vm: docker\n")
        status = run.summary(*run.run_all(None, Namespace(split=True, smp=0, mem=0, suite=None, kernel=Namespace(name=None)), [f]))
    return status, out.getvalue()


class Crashes(Guest):
    """The second of two hosts, whose emulator crashes the first time."""
    pairs = 0

    def __init__(self, image, members, needs, options, link, luns=None):
        super().__init__(image, members, needs, options)
        self.second = luns is not None
        Crashes.pairs += not self.second

    def run(self):
        if self.second and Crashes.pairs == 1:
            self.emulator_crashed = "it did not come up"
            self.bad.append("crashed")


def pair():
    """What is said of two hosts."""
    run.Guest, run.Slot = Crashes, contextlib.nullcontext
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        return run.run_once(None, [VM / "selftest" / "9-peer.t"], Namespace(flags={"peer"}), None)


for guest, reason in ((Guest, "unknown need 'dokcer'"), (Exits, "1-test did not run: SystemExit")):
    status, text = outcome(guest)
    assert status == 1 and reason in text and "0 passed, 1 failed" in text, (status, text)
assert pair().bad == [] and Crashes.pairs == 2, "two hosts are begun again when the second's emulator crashes"
print("a group that does not run fails the run")
