"""The main job on N invented names in 1.5 N lines, in times of `sort -u` of the same lines.

    python -m benchmarks.build [N [ROUNDS]]

Every round sorts, builds from an empty database, builds again with nothing changed, and again with
one feed changed by a hundredth. What other programs check is left out: it is their time.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import Cost, blocklist, cost, median, record
from blocklist.config.catalogue import find_catalogue_folder

_FORMATS = {
    "plain.domains.txt": "domains",
    "hosts.hosts": "hosts",
    "rules.adblock.txt": "adblock",
    "links.urls.txt": "urls",
}
_REST = """
[gate]
max_total = 100000000
[exports.hosts]
target = "hosts"
path = "out/hosts"
[exports.rpz]
target = "rpz"
path = "out/db.rpz"
zone = "rpz.example"
[exports.adblock]
target = "adblock"
path = "out/adblock.txt"
"""
_REACH = {"build": 3.0, "unchanged": 0.1, "changed": 1.0}


def prepare(folder: Path, count: int) -> None:
    """Write feeds, configuration and targets without their checkers."""
    # In a process of its own: what this one holds would count as its children's memory.
    generate = [sys.executable, "-m", "benchmarks.generate", str(folder), str(count)]
    subprocess.run(generate, check=True)
    (folder / "exports").mkdir()
    tables = [
        f'[feeds.{file.partition(".")[0]}]\nurl = "lists/{file}"\nformat = "{known}"\n'
        for file, known in _FORMATS.items()
    ]
    (folder / "blocklist.toml").write_text("".join(tables) + _REST)
    for target in ("hosts", "rpz", "adblock"):
        text = (find_catalogue_folder("exports") / f"{target}.toml").read_text()
        (folder / "exports" / f"{target}.toml").write_text(re.sub(r"(?m)^check = .*$", "", text))


def change(folder: Path, number: int) -> None:
    """Put new names in the place of the first hundredth of a feed."""
    path = folder / "lists" / "plain.domains.txt"
    lines = path.read_text().split("\n")
    for place in range(len(lines) // 100):
        lines[place] = f"changed{number}-{place}.example-{place % 977}.com"
    path.write_text("\n".join(lines))


def one_round(folder: Path, number: int) -> dict[str, Cost]:
    """Return what each step of one round took."""
    lists = sorted(map(str, (folder / "lists").iterdir()))
    sort = ["sort", "-u", "--parallel=2", "-o", str(folder / "sorted"), *lists]
    run = [*blocklist(folder / "blocklist.toml"), "run"]
    found = {"sort -u": cost(sort)}
    for path in folder.glob("blocklist.db*"):
        path.unlink()
    shutil.rmtree(folder / "out", ignore_errors=True)
    (folder / "sorted").unlink()
    found["build"] = cost(run)
    found["unchanged"] = cost(run)
    change(folder, number)
    found["changed"] = cost(run)
    return found


def stages(folder: Path) -> dict[str, Cost]:
    """Return what the parts of a first build take, each as a command of its own."""
    for path in folder.glob("blocklist.db*"):
        path.unlink()
    shutil.rmtree(folder / "out", ignore_errors=True)
    program = blocklist(folder / "blocklist.toml")
    found = {"update": cost([*program, "update"])}
    found["release build"] = cost([*program, "release", "build"])
    for name in ("hosts", "rpz", "adblock"):
        found[f"export {name}"] = cost([*program, "export", name])
    found["check -"] = cost([*program, "check", "-"], folder / "asked.txt", expected=(0, 1))
    return found


def main(count: int = 1_000_000, rounds: int = 1) -> None:
    """Measure, print a table, and write it down."""
    with tempfile.TemporaryDirectory(prefix="blocklist-bench-") as scratch:
        folder = Path(scratch) / "bench"
        prepare(folder, count)
        every = [one_round(folder, number) for number in range(rounds)]
        found = {what: median([one[what] for one in every]) for what in every[0]}
        found |= stages(folder)
    unit = found["sort -u"]
    print(f"{count:,} names in {count * 3 // 2:,} lines, median of {rounds}")
    print(
        f"{'':14} {'wall s':>8} {'of sort':>8} {'cpu s':>8} {'of sort':>8} {'peak MiB':>9}  reach"
    )
    for what, one in found.items():
        print(
            f"{what:14} {one.wall:8.2f} {one.wall / unit.wall:8.2f} {one.cpu:8.2f} "
            f"{one.cpu / unit.cpu:8.2f} {one.peak:9,.0f}  {_REACH.get(what, '')}"
        )
    record("build", count, found)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
