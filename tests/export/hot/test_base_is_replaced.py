"""While a base zone is replaced, the hot zone is right before every base that a server has.

Random runs, decisions and installs that end, fail or are killed, with two servers that load a new
base zone at different times. The ledger, locks, files and records are the real ones.
"""

from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from hypothesis import example, given
from hypothesis import strategies as st

from blocklist.config.loader import load_config
from blocklist.export.current import load_current_exports
from blocklist.export.hot.session import HotSession
from blocklist.export.install_pool import InstallPool
from blocklist.export.render.state import ExportOutcome
from blocklist.export.run import run_exports
from blocklist.export.update import ExportUpdater, install_prepared, record_export
from blocklist.ledger.db.lock import hold_export_lock, hold_writer_lock
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.db.writer import open_ledger_writer, open_run
from blocklist.ledger.releases.history import current_release
from blocklist.ledger.releases.verdicts import (
    VERDICT_ROW,
    current_verdicts,
    diff_verdicts,
    next_release,
    publish_release,
)
from blocklist.release.hold import derive_release
from tests.support.name_model import QUERIES, is_blocked_by_rows
from tests.support.two_zones import TwoZones

CONFIG = """
[exports.zone]
target = "rpz"
path = "zone"
zone = "rpz.test"
hot = true
"""
#: Name, scope and action; None without a row.
Change = tuple[str, str, str | None]
#: Name and scope -> action; the rows of a release.
Rows = dict[tuple[str, str], str]
#: The steps of a run, after each of which there are decisions.
STEPS = ("publication", "lock", "swap")
#: It is in all releases, because a list is never emptied.
KEPT: Rows = {("kept.test", "exact"): "block"}
#: The names are few, so that most changes meet others.
_changes = st.lists(
    st.tuples(
        st.sampled_from(["a", "b.a", "a.b.a", "b.b.a"]),
        st.sampled_from(["exact", "subtree", "below"]),
        st.sampled_from(["block", "block", "allow", None, None]),
    ),
    max_size=3,
)
_ASKED = [query for query in QUERIES if query.count(".") < 4]


def to_verdicts(rows: Rows) -> pl.DataFrame:
    reasons = {"block": "listed", "allow": "operator"}
    verdicts = [
        ("domain", name, scope, action, reasons[action], None)
        for (name, scope), action in rows.items()
    ]
    return pl.DataFrame(verdicts, schema=VERDICT_ROW, orient="row")


def is_at_or_below(query: str, name: str) -> bool:
    return query == name or query.endswith(f".{name}")


@dataclass
class Server:
    """A server that has loaded a base zone of a release."""

    release: int
    base: str


@dataclass
class Run:
    """A run, the decisions between its steps, and how it ends."""

    changes: list[Change]
    decisions: list[list[Change]]
    #: How many servers load the new base zone before the end.
    loaded: int
    end: str


_runs = st.builds(
    Run,
    _changes,
    st.lists(_changes, min_size=len(STEPS), max_size=len(STEPS)),
    st.integers(0, 2),
    st.sampled_from(
        ["recorded", "recorded", "undone", *(f"killed after {step}" for step in STEPS)]
    ),
)


class Replacement:
    """Releases, a base zone that is replaced, and the servers that have it."""

    def __init__(self, first: list[Change], folder: Path) -> None:
        (folder / "blocklist.toml").write_text(CONFIG)
        self.config = load_config(folder / "blocklist.toml")
        self.database, export = self.config.database, self.config.exports["zone"]
        self.export = replace(export, target=replace(export.target, check=()))
        self.locks = ExitStack()
        self.releases = {0: dict[tuple[str, str], str]()}
        #: The names that each release changed, and the releases of entries alone.
        self.changed, self.of_entries = dict[int, set[str]](), set[int]()
        self.is_working, self.servers = False, list[Server]()
        with open_ledger_writer(self.database, "run"):
            self._publish(first, of_entries=False)
        with open_run(self.database, "test") as self.writer:
            self._export()

    @property
    def current(self) -> int:
        return max(self.releases)

    def _publish(self, changes: list[Change], *, of_entries: bool) -> None:
        rows = {**self.releases[self.current], **KEPT}
        for name, scope, action in changes:
            rows.pop((name, scope), None)
            if action:
                rows[name, scope] = action
        with read_transaction(self.database) as transaction:
            past = current_release(transaction.connection)
            change = diff_verdicts(current_verdicts(transaction), to_verdicts(rows))
        if not change:
            return
        with open_run(self.database, "test") as writer:
            new = next_release(writer, past, change, "test")
            if of_entries and past:
                new = derive_release(writer, past, change, "test")
            publish_release(writer, new, change)
        self.releases[new.number] = rows
        self.changed[new.number] = {*change.new["value"], *change.old["value"]}
        if of_entries:
            self.of_entries.add(new.number)

    # --- A run: it publishes, then it installs the base zone of what is then current -------------

    def play(self, run: Run) -> None:
        """Do the steps of a run, and decisions between them; check the servers after each."""
        publish = partial(self._publish_as_run, run.changes)
        steps: list[Callable[[], None]] = [publish, self._take_lock, self._swap_file]
        self.is_working = True
        for name, step, changes in zip(STEPS, steps, run.decisions, strict=True):
            step()
            self.check_servers()
            if name == "swap":
                self._load(run.loaded)
            if run.end == f"killed after {name}":
                self._end_run()
            if changes:
                self.decide(changes)
            if not self.is_working:  # it was killed, or the decision waited for its end
                return
        if run.end == "undone":
            self._undo()
        else:
            self._record()
        self.check_servers()

    def _publish_as_run(self, changes: list[Change]) -> None:
        self.locks.enter_context(hold_writer_lock(self.database, "run"))
        self._publish(changes, of_entries=False)

    def _take_lock(self) -> None:
        self.locks.enter_context(hold_export_lock(self.database, "zone", "run"))
        current = load_current_exports(self.database, self.config, [self.export])
        self.inputs, state = current.inputs, current.states.get("zone")
        updater = ExportUpdater(self.writer, [self.export], current.states)
        self.prepared = updater.prepare(self.export, current.inputs, state, force=True)
        self.locks.callback(self.prepared.discard)

    def _swap_file(self) -> None:
        self.old = self.export.path.read_bytes()
        self.result = install_prepared(self.prepared)

    def _load(self, count: int) -> None:
        new = Server(self.inputs.release, self.export.path.read_text())
        self.servers = [new] * count + self.servers[count:]
        self.check_servers()

    def _record(self) -> None:
        self._load(2)
        record_export(self.writer, self.export, self.inputs, self.result)
        self._open_session().consolidate(self.export)
        self._note_hot(base=self.inputs.release)
        self._end_run()

    def _undo(self) -> None:
        self.export.path.write_bytes(self.old)
        self.servers = [Server(self.base, self.old.decode())] * 2
        self._end_run()

    def _end_run(self) -> None:
        self.locks.close()
        self.is_working = False

    # --- A decision: it publishes, then it writes the hot zone, or else waits for the base -------

    def decide(self, changes: list[Change]) -> None:
        self._publish(changes, of_entries=True)
        outcomes = list[ExportOutcome]()
        with InstallPool() as pool:
            pool.install_all([self.export], self._open_session().start, outcomes.append)
        if outcomes:
            assert outcomes[0].result, outcomes[0].cause
            self._note_hot(self.base, only_decided=self.is_working)
        else:
            self._wait_and_rewrite()
        self.check_servers()

    def _wait_and_rewrite(self) -> None:
        self._end_run()
        self._export()

    def _export(self) -> None:
        (outcome,) = run_exports(self.writer, self.config, [self.export], lambda _: None)
        assert outcome.result, outcome.cause
        self.servers = [Server(self.current, self.export.path.read_text())] * 2
        self._note_hot(base=self.current)

    def _note_hot(self, base: int, *, only_decided: bool = False) -> None:
        """Note what the hot zone that was just written must lead to the current release."""
        self.base, self.hot_release = base, self.current
        self.is_partial = only_decided
        self.decided = {
            name
            for number in range(base + 1, self.current + 1)
            if number in self.of_entries or not only_decided
            for name in self.changed[number]
        }

    def _open_session(self) -> HotSession:
        return HotSession(self.writer, self.config, [self.export], lambda _: None)

    def check_servers(self) -> None:
        """Check what each server answers."""
        hot = self.export.as_hot().path.read_text()
        for server in self.servers:
            zones = TwoZones(hot.replace("hot.rpz.test", "rpz.test"), server.base)
            for query in _ASKED:
                allowed = self._list_answers(server, query)
                assert zones.blocks_in_bind(query) in allowed, (query, server.release)
                assert zones.blocks_in_powerdns(query) in allowed, (query, server.release)

    def _list_answers(self, server: Server, query: str) -> set[bool]:
        """Return the answers that a server may give; one, but for two cases.

        A name whose own rows are the same in the base and in the release was not decided for this
        server, and may follow the base. So may a name of a base that is newer than the hot zone.
        """
        new, base = self._ask(self.hot_release, query), self._ask(server.release, query)
        above = [name for name in self.decided if is_at_or_below(query, name)]
        if server.release > self.hot_release:
            return {new, base} if above else {base}
        if not self.is_partial and server.release == self.base:
            return {new}
        if any(self._own(self.hot_release, n) != self._own(server.release, n) for n in above):
            return {new}
        return {new, base} if above else {base}

    def _ask(self, number: int, query: str) -> bool:
        rows = [(name, scope, action) for (name, scope), action in self.releases[number].items()]
        return is_blocked_by_rows(rows, query)

    def _own(self, number: int, name: str) -> Rows:
        return {key: action for key, action in self.releases[number].items() if key[0] == name}


BLOCK, REMOVE = ("a", "exact", "block"), ("a", "exact", None)
QUIET = Run([], [[], [], []], 0, "recorded")


@example([], [Run([BLOCK], [[], [], [REMOVE]], 1, "recorded")])
@example([], [Run([BLOCK], [[], [REMOVE], []], 1, "undone")])
@example(
    [],
    [
        Run([BLOCK], [[], [], []], 1, "killed after swap"),
        replace(QUIET, decisions=[[], [REMOVE], []]),
    ],
)
@example([], [Run([BLOCK], [[], [], [REMOVE]], 1, "killed after swap"), QUIET])
@example([BLOCK], [Run([REMOVE], [[], [], [BLOCK]], 1, "recorded")])
@given(first=_changes, runs=st.lists(_runs, min_size=1, max_size=3))
def test_servers_are_right_while_the_base_zone_is_replaced(
    first: list[Change], runs: list[Run]
) -> None:
    with TemporaryDirectory() as folder:
        world = Replacement(first, Path(folder))
        with closing(world.locks):
            for run in runs:
                world.play(run)
