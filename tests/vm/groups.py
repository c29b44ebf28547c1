# SPDX-License-Identifier: Apache-2.0
"""Which test files run in one guest, so that few guests are booted and two at a time end together."""

import json
import os
from math import ceil

from tap import Needs, test_name

GROUP_FILES = 12        # that share a guest, at most
GROUP_SECONDS = 600     # that they take together, about


class Times:
    """How long files took when they last passed on this host; a guess by their limits before that."""

    def __init__(self, cache, kernel=None):
        self.path = cache / f"seconds{f'-{kernel}' if kernel else ''}.json"
        try:
            self.known = json.loads(self.path.read_text())
        except (OSError, ValueError):
            self.known = {}

    def of(self, path):
        return max(1, self.known.get(test_name(path), Needs(path).numbers["timeout"] / 10))

    def learn(self, taps):
        self.known.update((t.name, round(t.seconds)) for t in taps if t.seconds and not t.bad)
        new = self.path.with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps(self.known, indent=0, sort_keys=True))
        new.replace(self.path)


def groups(files, split, times):
    """[(files, needs, seconds)]: one guest for all, or as the files' headers say, the longest first."""
    if not split:
        return [group(files, times)]
    machines = {}
    for f in files:
        needs = Needs(f)
        machines.setdefault(needs.machine() if "shared" in needs.flags else f, []).append(f)
    found = [group(part, times) for members in machines.values() for part in parts(members, times)]
    return sorted(found, key=lambda g: -g[2])


def group(members, times):
    """A guest for these: what the most demanding of them wants, of everything."""
    needs = Needs(members[0])
    for f in members[1:]:
        needs.merge(Needs(f))
    return members, needs, sum(map(times.of, members))


def parts(members, times):
    """Cut into as few parts as the limits allow, of about equal time; files with equal services stay together."""
    members = sorted(members, key=lambda f: (sorted(Needs(f).services), f))
    total = sum(map(times.of, members))
    number = ceil(total / GROUP_SECONDS)
    while True:
        found, end = [[] for _ in range(number)], 0
        for f in members:
            middle = end + times.of(f) / 2
            found[int(middle / total * number)].append(f)
            end += times.of(f)
        if max(map(len, found)) <= GROUP_FILES:
            return [part for part in found if part]
        number += 1
