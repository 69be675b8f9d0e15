"""Thirty days of N names of which a hundredth changes each day: what history costs.

    python -m benchmarks.days [N [DAYS]]

Each day is the main job with one feed and one export, as a command of its own.
"""

import sys
import tempfile
from pathlib import Path

from benchmarks.generate import names
from benchmarks.measure import Cost, blocklist, cost, record

_CONFIG = """
[feeds.names]
url = "names.txt"
format = "domains"

[exports.plain]
target = "domains"
path = "out/plain"
"""
_REACH = 1.5


def size(folder: Path) -> float:
    """Return what the database takes on the disk, in MiB."""
    return sum(path.stat().st_size for path in folder.glob("blocklist.db*")) / (1 << 20)


def main(count: int = 1_000_000, days: int = 30) -> None:
    """Simulate the days, print what each took, and write the first and the last down."""
    listed = names(count).to_list()
    took: list[tuple[Cost, float]] = []
    with tempfile.TemporaryDirectory(prefix="blocklist-days-") as scratch:
        folder = Path(scratch)
        (folder / "blocklist.toml").write_text(_CONFIG)
        for day in range(days + 1):
            if day:
                first = day * 7919 % 100
                for place in range(first, count, 100):
                    listed[place] = f"day{day}-{place}.example-{place % 977}.com"
            (folder / "names.txt").write_text("\n".join(listed))
            one = cost([*blocklist(folder / "blocklist.toml"), "run"])
            took.append((one, size(folder)))
            print(
                f"day {day:2}: {one.wall:7.2f} s wall, {one.cpu:7.2f} s cpu, {took[-1][1]:7.1f} MiB"
            )
    (full, _), (first_day, least), (last_day, most) = took[0], took[1], took[-1]
    print(f"the whole list first: {full.wall:.2f} s, {took[0][1]:.1f} MiB")
    print(
        f"day {days} in times of day 1: {last_day.wall / first_day.wall:.2f} wall, "
        f"{last_day.cpu / first_day.cpu:.2f} cpu, {most / least:.2f} size; "
        f"in times of the first list: {most / took[0][1]:.2f} size; reach {_REACH}"
    )
    record("days", count, {"full": full, "day 1": first_day, f"day {days}": last_day})


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
