"""Do random decisions, runs, rollbacks and kills at once, and compare with a serial history.

    python -m benchmarks.interleavings [ROUNDS [SEED]]

In each round some commands run in forks of this process at the same time, and some are killed at
random instants. Each name is decided about by one command a round, so the entries after a round are
known, but for killed commands, which did all or nothing. Nothing may be lost: the entries must be
those, releases must be numbered without a gap, files must be whole, and after a last quiet run the
release must be what the entries and the feeds say.
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
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.crashes import EXPORTS, HEAVY_MODULES, Fault, compare_names, look, run, start
from blocklist.ledger.db.codes import code_of
from blocklist.model import Kind, Reason, Verdict

_FEEDS = """
[feeds.names]
url = "names.txt"
format = "domains"
max_shrink = 1.0

[gate]
max_added = 1.0
max_removed = 1.0
max_category_added = 9.0
max_category_removed = 1.0
"""
#: So many of the names of a feed change in a round, on average.
NAMES, CHANGED_SHARE = 2000, 0.02
#: Names that are decided about: some are on the feed, some never.
DECIDED = [f"fraud{number}.top" for number in range(12)] + [f"mine{n}.top" for n in range(12)]
_MORE_HEAVY_MODULES = ("blocklist.release.entry_release", "blocklist.pipeline.decisions")

#: The action of the entry on a name; None without an entry.
State = str | None


@dataclass
class Command:
    """A command of a round, the name that it decides about, and how it ended."""

    words: tuple[str, ...]
    name: str | None = None
    #: The entry that it leaves, if it does not fail.
    state: State = None
    kill_after: float | None = None
    process: int = 0
    #: None if it was killed.
    code: int | None = field(default=None)


def change_feed(folder: Path, chance: random.Random) -> set[str]:
    """Write the feed anew, and return its names."""
    names = {f"fraud{number}.top" for number in range(6)}
    path = folder / "names.txt"
    old = path.read_text().split() if path.exists() else []
    kept = [name for name in old if name not in names and chance.random() > CHANGED_SHARE]
    names.update(kept[: NAMES - 6])
    while len(names) < NAMES:
        names.add(f"listed{chance.randrange(100 * NAMES)}.top")
    path.write_text("\n".join(sorted(names)) + "\n")
    return names


def choose_commands(chance: random.Random, states: dict[str, State]) -> list[Command]:
    """Return the commands of a round: decisions on different names, and jobs."""
    commands = [
        _choose_decision(chance, name, states[name])
        for name in chance.sample(DECIDED, chance.randint(2, 4))
    ]
    jobs = [("run",), ("run",), ("release", "build"), ("export",), ("expire", "--now")]
    jobs += [("release", "rollback"), ("release", "unpin")]
    commands += [Command(words) for words in chance.sample(jobs, chance.randint(1, 3))]
    for command in commands:
        if chance.random() < 0.3:
            command.kill_after = chance.uniform(0, 2)
    chance.shuffle(commands)
    return commands


def _choose_decision(chance: random.Random, name: str, state: State) -> Command:
    now = ("--now",) if chance.random() < 0.6 else ()
    if state and chance.random() < 0.5:
        return Command((state, "remove", name, *now), name, None)
    action = chance.choice(["allow", "block"])
    # A block that takes the place of an allow asks without it.
    consent = ("--anyway",) if action == "block" else ()
    return Command((action, "add", name, *consent, *now), name, action)


def do_at_once(folder: Path, commands: list[Command], chance: random.Random) -> None:
    """Start the commands at nearly the same time, kill some, and wait until all have ended."""
    deadlines = []
    for command in commands:
        time.sleep(chance.uniform(0, 0.2))
        command.process = start(folder, *command.words)
        if command.kill_after is not None:
            deadlines.append((time.monotonic() + command.kill_after, command))
    for deadline, command in sorted(deadlines, key=lambda pair: pair[0]):
        time.sleep(max(0.0, deadline - time.monotonic()))
        # The process is not waited for yet, so its number is not another's.
        os.kill(command.process, signal.SIGKILL)
    for command in commands:
        _, status = os.waitpid(command.process, 0)
        code = os.waitstatus_to_exitcode(status)
        command.code = None if code == -signal.SIGKILL else code


def query(folder: Path, sql: str, *parameters: object) -> list[tuple[object, ...]]:
    """Return the rows of a query."""
    reader = sqlite3.connect(folder / "blocklist.db")
    try:
        return reader.execute(sql, parameters).fetchall()
    finally:
        reader.close()


def check_entries(folder: Path, commands: list[Command], states: dict[str, State]) -> None:
    """Compare the entries with the decisions of a round; remember what killed ones left."""
    rows = query(folder, "SELECT value, action FROM entry WHERE removed IS NULL")
    entries = {str(value): str(action) for value, action in rows}
    expected: dict[str, set[State]] = {name: {state} for name, state in states.items()}
    for command in commands:
        if command.name is not None:
            before = expected[command.name] if command.code is None else set()
            expected[command.name] = {command.state} | before
    for name, possible in expected.items():
        if entries.get(name) not in possible:
            raise Fault(f"the entry on {name} is {entries.get(name)}, not one of {possible}")
        states[name] = entries.get(name)


def check_published(folder: Path, commands: list[Command], before: int) -> None:
    """Check that what was decided with --now is in a release, also if it was rolled back since."""
    for command in commands:
        if command.code == 0 and "--now" in command.words and command.state:
            rows = query(
                folder,
                "SELECT 1 FROM verdict WHERE value = ? AND verdict = ? AND reason = ? "
                "AND (until IS NULL OR until > ?)",
                command.name, code_of(Verdict(command.state)), code_of(Reason.OPERATOR), before,
            )  # fmt: skip
            if not rows:
                raise Fault(f"{' '.join(command.words)} is in no release")


def check_numbers(folder: Path) -> int:
    """Check that releases are numbered without a gap, and return the last number."""
    numbers = [number for (number,) in query(folder, "SELECT number FROM release ORDER BY number")]
    if numbers != list(range(1, len(numbers) + 1)):
        raise Fault(f"the releases are {numbers}")
    return len(numbers)


def check_quiet_run(folder: Path, names: set[str], states: dict[str, State]) -> None:
    """Let a run end in peace, and compare its release with the entries and the feed."""
    run(folder, "release", "unpin")
    if (code := run(folder, "run")) != 0:
        raise Fault(f"a quiet run ends with {code}")
    last = check_numbers(folder)
    rows = query(
        folder,
        "SELECT DISTINCT value FROM verdict WHERE kind = ? AND verdict = ? AND until IS NULL",
        code_of(Kind.DOMAIN), code_of(Verdict.BLOCK),
    )  # fmt: skip
    allowed = {name for name, state in states.items() if state == "allow"}
    expected = (names | {name for name, state in states.items() if state == "block"}) - allowed
    if (blocked := {str(value) for (value,) in rows}) != expected:
        difference = sorted(blocked ^ expected)[:5]
        raise Fault(f"release {last} is not what entries and feeds say: {difference}")
    for name in ("plain", "zone"):
        path = folder / "out" / name
        compare_names(path, path.read_text().splitlines(), expected, "the current release")


#: How a command may end: done, refused because of another job or without an effect, held, export.
_FINE = {0, 2, 5}


def play_round(folder: Path, chance: random.Random, states: dict[str, State]) -> Counter[str]:
    """Do one round and check it; return how many commands ended how."""
    names, before = change_feed(folder, chance), check_numbers(folder)
    commands = choose_commands(chance, states)
    do_at_once(folder, commands, chance)
    try:
        for command in commands:
            if command.code not in (None, *_FINE) or (command.name and command.code == 5):
                raise Fault(f"{' '.join(command.words)} ended with {command.code}")
        look(folder)
        check_numbers(folder)
        check_entries(folder, commands, states)
        check_published(folder, commands, before)
        if chance.random() < 0.5:
            check_quiet_run(folder, names, states)
    except Fault as fault:
        history = [(command.words, command.kill_after, command.code) for command in commands]
        raise Fault(f"{fault}; after {history}") from None
    return Counter(
        f"{command.words[0]}: {'killed' if command.code is None else command.code}"
        for command in commands
    )


def main(rounds: int = 60, seed: int = 1) -> None:
    """Play so many rounds and print how the commands ended."""
    for name in (*HEAVY_MODULES, *_MORE_HEAVY_MODULES):
        importlib.import_module(name)
    chance = random.Random(seed)
    states: dict[str, State] = dict.fromkeys(DECIDED)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="blocklist-interleavings-") as scratch:
        folder = Path(scratch)
        (folder / "blocklist.toml").write_text(_FEEDS + EXPORTS)
        check_first = change_feed(folder, chance)
        check_quiet_run(folder, check_first, states)
        for _ in range(rounds):
            counts += play_round(folder, chance, states)
    for what, count in sorted(counts.items()):
        print(f"{count:5}  {what}")
    print(f"{rounds:5}  histories at once, none with a difference")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
