#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which files share a guest: every one is in one group, only with others that its guest suits, and no group
is too large. Needs no guest."""

import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from groups import GROUP_FILES, GROUP_SECONDS, Times, groups
from tap import Needs, test_name

FILES = {
    **{f"engine{n}": "shared udev docker scsi=1" for n in range(14)},
    "two": "shared udev docker podman scsi=2",
    "registry": "shared udev docker registry scsi=1",
    "bare": "shared udev scsi=2",
    "nodev": "shared timeout=60",
    "small": "shared mem=512",
    "own": "udev docker scsi=1",
    "pair": "peer udev docker scsi=1",
    "software": "shared udev docker scsi=1 software=nginx",
}


class Tap:
    """What a run says of a file."""

    def __init__(self, name, seconds, bad=()):
        self.name, self.seconds, self.bad = name, seconds, bad


with tempfile.TemporaryDirectory() as d:
    folder = Path(d)
    for name, words in FILES.items():
        (folder / f"{name}.t").write_text(f"#!/bin/bash\n# vm: {words}\n")
    files = sorted(folder.glob("*.t"))
    times = Times(folder)
    assert times.of(folder / "nodev.t") == 6, "a tenth of the limit as long as nothing is known"
    times.learn([Tap(f"engine{n}", 60) for n in range(14)] + [Tap("nodev", 99, ["failed"])])
    times = Times(folder)
    assert (times.of(folder / "engine3.t"), times.of(folder / "nodev.t")) == (60, 6), "what passed is learned"

    found = groups(files, True, times)
    names = [sorted(map(test_name, members)) for members, _, _ in found]
    assert sorted(sum(names, [])) == sorted(FILES), "each file once"
    for alone in ("bare", "nodev", "small", "own", "pair", "software"):
        assert [alone] in names, f"{alone} shares its guest"
    engines = [n for n in names if "engine0" in n or len(n) > 1]
    assert 2 <= len(engines) <= 3, f"{sum(map(len, engines))} files and some 950 s in {len(engines)} guests"
    for members, needs, seconds in found:
        assert len(members) <= GROUP_FILES and seconds < 1.5 * GROUP_SECONDS
        for f in members:
            of_f = Needs(f)
            assert of_f.services <= needs.services and of_f.numbers["scsi"] <= needs.numbers["scsi"]
    assert [g[2] for g in found] == sorted((g[2] for g in found), reverse=True), "the longest first"
    assert len(groups(files, False, times)) == 1
print("files share a guest by what they need")
