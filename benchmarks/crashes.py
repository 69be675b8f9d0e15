"""Kill the main job at random instants and look at what it leaves.

    python -m benchmarks.crashes [ROUNDS [SEED]]

The job runs in a fork of this process, so that no time is lost with imports: kills hit the work
from collecting to installing. Nothing here uses polars, for its threads do not survive a fork.
"""

import importlib
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from blocklist import cli
from blocklist.ledger.db.codes import code_of
from blocklist.model import Kind, Verdict

_FEEDS = """
[feeds.names]
url = "names.txt"
format = "domains"

[feeds.more]
url = "more.hosts"
format = "hosts"
"""
#: The exports of an installation whose jobs are killed; no server has them.
EXPORTS = """
[exports.plain]
target = "domains"
path = "out/plain"

[exports.zone]
target = "rpz"
path = "out/zone"
zone = "rpz.test"
"""
NAMES = 6000
FEEDS = 2
#: Modules that are imported before the first fork.
HEAVY_MODULES = (
    "polars", "sqlite_utils", "blocklist.cli.app",
    "blocklist.export.incremental.patch", "blocklist.export.update", "blocklist.release.full_build",
    "blocklist.collect.update", "blocklist.collect.acceptance", "blocklist.ledger.db.schema",
)  # fmt: skip


#: Does harm to a run that takes so many seconds as a rule; returns what it hit, or None.
Harm = Callable[[Path, random.Random, float], str | None]


class Fault(Exception):
    """What a killed run left is not what it should be."""


def change(folder: Path, chance: random.Random) -> None:
    """Write feeds in which a twentieth of the names are others than last time."""
    path = folder / "names.txt"
    names = path.read_text().split() if path.exists() else [""] * NAMES
    for place in range(NAMES):
        if not names[place] or chance.random() < 0.05:
            names[place] = f"fraud{chance.randrange(NAMES * 100)}.top"
    path.write_text("\n".join(names))
    (folder / "more.hosts").write_text("".join(f"0.0.0.0 x.{name}\n" for name in names[::3]))


def run(folder: Path, *words: str, kill_after: float | None = None) -> int | None:
    """Run a command in a fork; return its exit code, None when it was killed."""
    child = start(folder, *words)
    if kill_after is not None and lives(child, kill_after):
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return None if code == -signal.SIGKILL else code


def start(folder: Path, *words: str) -> int:
    """Start a command in a fork and return the number of its process."""
    child = os.fork()
    if not child:
        _command(folder, words)
    return child


def lives(child: int, seconds: float) -> bool:
    """Wait so long at most; return whether a process is then still at work."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return False
        time.sleep(0.001)
    return True


def _command(folder: Path, words: tuple[str, ...]) -> None:
    os.chdir(folder)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    sys.argv = ["blocklist", *words]
    code = 0
    try:
        cli.main()
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        os._exit(code)


def look(folder: Path) -> dict[str, int]:
    """Return which release each export is of; raise `Fault` for anything that is not whole."""
    reader = sqlite3.connect(folder / "blocklist.db")
    try:
        (said,) = reader.execute("PRAGMA integrity_check").fetchone()
        orphans = reader.execute("PRAGMA foreign_key_check").fetchall()
        if said != "ok" or orphans:
            raise Fault(f"the database is damaged: {said} {orphans[:3]}")
        found = {}
        for name in ("plain", "zone"):
            path = folder / "out" / name
            if path.exists():
                found[name] = _whole(reader, path)
        return found
    finally:
        reader.close()


def _whole(reader: sqlite3.Connection, path: Path) -> int:
    """Return the release a file is of; raise `Fault` unless it has just what the release blocks."""
    lines = path.read_text().splitlines()
    number = int(next(line for line in lines if " release: " in line).rpartition(" ")[2])
    rows = reader.execute(
        "SELECT DISTINCT value FROM verdict WHERE kind = ? AND verdict = ? AND since <= ? "
        "AND (until IS NULL OR until > ?)",
        [code_of(Kind.DOMAIN), code_of(Verdict.BLOCK), number, number],
    )
    compare_names(path, lines, {value for (value,) in rows}, f"release {number}")
    return number


def compare_names(path: Path, lines: list[str], blocked: set[str], what: str) -> None:
    """Raise `Fault` unless the lines of a file list just what is blocked."""
    entries = (line for line in lines if line[:1] not in "#;$@" and "rpz-passthru" not in line)
    names = (line.split(" ")[0].removeprefix("*.") for line in entries)
    listed = {name for name in names if "canary" not in name}
    # A zone leaves out what a wildcard above says already.
    above = {name for name in blocked - listed if name.partition(".")[2] in listed}
    if listed | above != blocked:
        raise Fault(f"{path} is not {what}: {len(listed)} of {len(blocked)}")


@dataclass(frozen=True)
class Progress:
    """How far all runs together have come."""

    runs: int
    snapshots: int
    release: int


def progress(folder: Path) -> Progress:
    """Return how far the runs have come, as the database says."""
    reader = sqlite3.connect(folder / "blocklist.db")
    try:
        found = reader.execute(
            "SELECT (SELECT count(*) FROM run), (SELECT count(*) FROM snapshot), "
            "(SELECT coalesce(max(number), 0) FROM release)"
        ).fetchone()
        return Progress(*found)
    finally:
        reader.close()


def whole_run(folder: Path) -> float:
    """Let a run end, look that all is of its release, and return how many seconds it took."""
    start = time.monotonic()
    if run(folder, "run") != 0:
        raise Fault("a run does not complete")
    took = time.monotonic() - start
    if set(look(folder).values()) != {progress(folder).release}:
        raise Fault("after a whole run a file is not of the release in force")
    if _left(folder):
        raise Fault("what a killed run left is still there")
    return took


def _left(folder: Path) -> list[Path]:
    return list((folder / "out").glob(".*.new"))


def killed(folder: Path, chance: random.Random, usual: float) -> str | None:
    """Kill a run at a random instant and look; return what that hit, None when it was done."""
    change(folder, chance)
    before = progress(folder)
    ended = run(folder, "run", kill_after=chance.uniform(0, usual))
    hit = looked(folder, before)
    return hit if ended is None else None


def looked(folder: Path, before: Progress) -> str:
    """Look at what a run left that did not end, and return how far it had come."""
    files, now = look(folder), progress(folder)
    if run(folder, "check", "fraud1.top", "nobody.example") not in (0, 1):
        raise Fault("check gives no answer")
    if _left(folder):
        return "while a file was written"
    if now.release > before.release:
        old = min(files.values()) <= before.release
        return "between release and files" if old else "after the files"
    if now.snapshots < before.snapshots + FEEDS:
        return "while feeds were collected" if now.runs > before.runs else "at the start"
    return "between collecting and release"


def played(rounds: int, seed: int, harm: Harm) -> Counter[str]:
    """Harm so many runs, a whole one after each; print and return how often what was hit."""
    for name in HEAVY_MODULES:
        importlib.import_module(name)
    chance = random.Random(seed)
    hits: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="blocklist-crashes-") as scratch:
        folder = Path(scratch)
        (folder / "blocklist.toml").write_text(_FEEDS + EXPORTS)
        change(folder, chance)
        usual = whole_run(folder)
        while hits.total() < rounds:
            hit = harm(folder, chance, usual)
            hits.update([hit] if hit else [])
            change(folder, chance)
            usual = whole_run(folder)
    for what, count in hits.most_common():
        print(f"{count:5}  {what}")
    return hits


def main(rounds: int = 200, seed: int = 1) -> None:
    """Kill so many runs and print what the kills hit."""
    hits = played(rounds, seed, killed)
    print(f"{hits.total():5}  runs killed, none with a fault")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
