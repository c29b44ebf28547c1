# SPDX-License-Identifier: Apache-2.0
"""What the tables and the plot show, out of the single measurements of build/bench.json."""

import statistics

DATABASE_DEVICES = ("plain", "crypt", "crypt-best", "ours")
DEVICES = ("linear", "crypt", "crypt-best", "ours")


def instructions(bench):
    """[{op, bytes, floor, count: {device: n}, over: {device: n}}], in a fixed order."""
    count, cipher = {}, {}
    for r in bench["instructions"]:
        if r["measure"] == "cipher":
            cipher[r["op"]] = r["value"]
            continue
        count.setdefault((r["bytes"], r["op"]), {})[r["device"]] = r["value"]
    rows = []
    for (size, op), by_device in sorted(count.items()):
        floor = by_device["linear"] + cipher[op] * (size // 4096)
        rows.append({"op": op, "bytes": size, "floor": floor, "count": by_device,
                     "over": {d: by_device[d] - floor for d in DEVICES[1:]}})
    return rows


def throughput(bench):
    """[{op, bytes, jobs, depth, kib: {device: median}, us: {device: median}, crypt, crypt-best}]:
    the last two are the median over the rounds of ours / that device."""
    points = {}
    for r in bench["throughput"]:
        point = points.setdefault((r["bytes"], r["op"], r["jobs"], r["depth"]), {})
        point.setdefault(r["round"], {})[r["device"]] = r
    rows = []
    for (size, op, jobs, depth), rounds in points.items():
        whole = [r for r in rounds.values() if len(r) == len(DEVICES)]
        if not whole:
            continue
        row = {"op": op, "bytes": size, "jobs": jobs, "depth": depth, "rounds": len(whole)}
        for what in ("kib", "us"):
            row[what] = {d: statistics.median(r[d][what] for r in whole) for d in DEVICES}
        for d in ("crypt", "crypt-best"):
            row[d] = statistics.median(r["ours"]["kib"] / r[d]["kib"] for r in whole)
        rows.append(row)
    return rows


def database(bench):
    """[{what, rounds, value: {device: median}, ratio: {device: median over the rounds of ours / that device}}]"""
    points = {}
    for r in bench["database"]:
        points.setdefault(r["what"], {}).setdefault(r["round"], {})[r["device"]] = r["value"]
    rows = []
    for what, rounds in points.items():
        whole = [r for r in rounds.values() if len(r) == len(DATABASE_DEVICES)]
        rows.append({"what": what, "rounds": len(whole),
                     "value": {d: statistics.median(r[d] for r in whole) for d in DATABASE_DEVICES},
                     "ratio": {d: statistics.median(r["ours"] / r[d] for r in whole) for d in DATABASE_DEVICES[:-1]}})
    return rows
