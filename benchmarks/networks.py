"""Addresses and networks merged into the fewest disjoint ones, in times of iprange.

    python -m benchmarks.networks [N [ROUNDS]]

N lines of invented IPv4 addresses and networks, many next to or in each other, from a file to a
file: by this program's columns and by iprange (C), which must give the same. Python is running
before. A twentieth of the lines is then allowed, and cut out by both.
"""

import resource
import shutil
import subprocess
import sys
import tempfile
import time
from ipaddress import IPv4Network
from pathlib import Path
from random import Random
from typing import Protocol

import polars as pl

from benchmarks.measure import Cost, record
from blocklist.frames.networks import (
    merge_spans,
    networks_to_spans,
    spans_to_networks,
    subtract_spans,
)

_REACH = 2.0


class Work(Protocol):
    """Merges the lines of a folder's files, and cuts the allowed ones out if asked for."""

    def __call__(self, folder: Path, *, cut: bool) -> None:
        """Do it once."""


def write(folder: Path, count: int) -> None:
    """Write `all.txt`, of which a third are networks, and `allow.txt`."""
    choose = Random(20260503)
    lines = []
    for _ in range(count):
        prefix = choose.choice((32, 32, choose.randint(24, 31)))
        address = (11 << 24) + choose.randrange(1 << 26)
        network = IPv4Network((address, prefix), strict=False)
        lines.append(str(network).removesuffix("/32"))
    for name, part in (("all", lines), ("allow", lines[::20])):
        (folder / f"{name}.txt").write_text("\n".join([*part, ""]))


def ours(folder: Path, *, cut: bool) -> None:
    """Read, merge and, if asked for, cut out; write."""
    block, allow = (networks_to_spans(_lines(folder / f"{name}.txt")) for name in ("all", "allow"))
    found = subtract_spans(block, allow) if cut else merge_spans(block)
    spans_to_networks(found).to_frame().write_csv(folder / "ours", include_header=False)


def _lines(path: Path) -> pl.Series:
    return pl.read_lines(path)["line"]


def theirs(folder: Path, *, cut: bool) -> None:
    """Let iprange do the same."""
    files = [str(folder / "all.txt"), *(["--except", str(folder / "allow.txt")] if cut else [])]
    with (folder / "theirs").open("wb") as out:
        subprocess.run(["iprange", *files], stdout=out, check=True)


def measured(work: Work, folder: Path, *, cut: bool) -> Cost:
    """Return what some work takes of the clock, and of all processors."""
    start, before = time.perf_counter(), _processors()
    work(folder, cut=cut)
    return Cost(time.perf_counter() - start, _processors() - before, 0)


def _processors() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def main(count: int = 200_000, rounds: int = 15) -> None:
    """Measure, compare, print, and write down."""
    if not shutil.which("iprange"):
        sys.exit("iprange is not installed; on Debian: apt-get install iprange")
    costs: dict[str, Cost] = {}
    with tempfile.TemporaryDirectory(prefix="blocklist-bench-") as scratch:
        folder = Path(scratch)
        write(folder, count)
        for what, cut in (("merge", False), ("cut", True)):
            pairs = [
                (measured(ours, folder, cut=cut), measured(theirs, folder, cut=cut))
                for _ in range(rounds)
            ]
            same = (folder / "ours").read_text() == (folder / "theirs").read_text()
            # The shortest times are those with the least of other people's work in them.
            mine, other = (
                Cost(min(one.wall for one in side), min(one.cpu for one in side), 0)
                for side in zip(*pairs, strict=True)
            )
            print(
                f"{what:6} {count:,} lines: {mine.wall * 1000:.0f} ms, cpu {mine.cpu * 1000:.0f}; "
                f"iprange {other.wall * 1000:.0f} ms, cpu {other.cpu * 1000:.0f}; "
                f"ratio {mine.wall / other.wall:.2f}, cpu {mine.cpu / other.cpu:.2f} "
                f"(reach {_REACH}); {'same' if same else 'ANOTHER'} result"
            )
            costs |= {what: mine, f"{what} iprange": other}
    record("networks", count, costs)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
