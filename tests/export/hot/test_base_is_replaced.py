"""While a base zone is replaced, the hot zone is right before every base that a server has.

Random runs, decisions and installs that end, fail or are killed, with two servers that load a new
base zone at different times. The ledger, locks, files and records are the real ones.
"""

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from blocklist.config.loader import load_config
from blocklist.export.current import load_current_exports
from blocklist.export.hot.session import HotSession
from blocklist.export.install_pool import InstallPool
from blocklist.export.render.state import ExportOutcome
from blocklist.export.run import run_exports
from blocklist.export.stage.prepare import PreparedExport
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
from tests.support.name_model import LABELS, QUERIES, is_blocked_by_rows
from tests.support.two_zones import TwoZones

CONFIG = """
[exports.zone]
target = "rpz"
path = "zone"
zone = "rpz.test"
hot = true
"""
#: Name and scope -> action; the rows of a release.
Rows = dict[tuple[str, str], str]
#: It is in all releases, because a list is never emptied.
KEPT: Rows = {("kept.test", "exact"): "block"}
#: Names are short, so that most changes meet others.
_ASKED = [query for query in QUERIES if query.count(".") < 4]
_change = st.tuples(
    st.lists(st.sampled_from(LABELS), min_size=1, max_size=3).map(".".join),
    st.sampled_from(["exact", "subtree", "below"]),
    st.sampled_from(["block", "allow", None]),
)


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


class Replacement(RuleBasedStateMachine):
    """Releases, a base zone that is replaced, and the servers that have it."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        folder = Path(self.stack.enter_context(TemporaryDirectory()))
        (folder / "blocklist.toml").write_text(CONFIG)
        self.config = load_config(folder / "blocklist.toml")
        self.database, export = self.config.database, self.config.exports["zone"]
        self.export = replace(export, target=replace(export.target, check=()))
        self.job, self.lock = ExitStack(), ExitStack()
        self.releases = {0: dict[tuple[str, str], str]()}
        #: The names that each release changed, and the releases of entries alone.
        self.changed, self.of_entries = dict[int, set[str]](), set[int]()
        self.seen = list[object]()
        self.prepared: PreparedExport | None = None
        self.is_working, self.is_swapped = False, False

    @initialize(changes=st.lists(_change, max_size=6))
    def start(self, changes: list[tuple[str, str, str | None]]) -> None:
        with open_ledger_writer(self.database, "run"):
            self._publish(changes, of_entries=False)
        self.writer = self.stack.enter_context(open_run(self.database, "test"))
        self._export()

    @property
    def current(self) -> int:
        return max(self.releases)

    def _publish(self, changes: list[tuple[str, str, str | None]], *, of_entries: bool) -> None:
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

    # --- A job: it publishes, then it installs the base zone of what is then current -------------

    @precondition(lambda self: not self.is_working)
    @rule(changes=st.lists(_change, min_size=1, max_size=5))
    def run_publishes(self, changes: list[tuple[str, str, str | None]]) -> None:
        self.job.enter_context(hold_writer_lock(self.database, "run"))
        self.is_working = True
        self._publish(changes, of_entries=False)

    @precondition(lambda self: self.is_working and not self.prepared)
    @rule()
    def run_takes_the_lock(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self.lock.enter_context(hold_export_lock(self.database, "zone", "run"))
        current = load_current_exports(self.database, self.config, [self.export])
        self.inputs, state = current.inputs, current.states.get("zone")
        updater = ExportUpdater(self.writer, [self.export], current.states)
        self.prepared = updater.prepare(self.export, current.inputs, state, force=True)

    @precondition(lambda self: self.prepared and not self.is_swapped)
    @rule()
    def file_is_swapped(self) -> None:
        assert self.prepared
        self.old = self.export.path.read_bytes()
        self.result = install_prepared(self.prepared)
        self.is_swapped = True

    @precondition(lambda self: self.is_swapped)
    @rule(number=st.integers(0, 1))
    def server_loads(self, number: int) -> None:
        self.servers[number] = self._read_base(self.inputs.release)

    def _read_base(self, release: int) -> Server:
        return Server(release, self.export.path.read_text())

    @precondition(lambda self: self.is_swapped)
    @rule()
    def install_ends(self) -> None:
        self.servers = [self._read_base(self.inputs.release)] * 2
        record_export(self.writer, self.export, self.inputs, self.result)
        self._open_session().consolidate(self.export)
        self._note_hot(base=self.inputs.release)
        self._end_job()

    @precondition(lambda self: self.is_swapped)
    @rule()
    def install_is_undone(self) -> None:
        self.export.path.write_bytes(self.old)
        self.servers = [Server(self.base, self.old.decode())] * 2
        self._end_job()

    @precondition(lambda self: self.is_working)
    @rule()
    def run_is_killed(self) -> None:
        if self.prepared:
            self.prepared.discard()
        self._end_job()

    def _end_job(self) -> None:
        self.job.close()
        self.lock.close()
        self.is_working, self.is_swapped, self.prepared = False, False, None

    # --- A decision: it publishes, then it writes the hot zone, or else waits for the base -------

    @rule(changes=st.lists(_change, min_size=1, max_size=3))
    def decide(self, changes: list[tuple[str, str, str | None]]) -> None:
        self._publish(changes, of_entries=True)
        is_base_coming = self.is_working
        outcomes = list[ExportOutcome]()
        with InstallPool() as pool:
            pool.install_all([self.export], self._open_session().start, outcomes.append)
        if not outcomes:
            self._wait_and_rewrite()
            return
        assert outcomes[0].result, outcomes[0].cause
        self._note_hot(self.base, only_decided=is_base_coming)

    def _wait_and_rewrite(self) -> None:
        if self.prepared and not self.is_swapped:
            self.file_is_swapped()
        if self.is_swapped:
            self.install_ends()
        self._export()

    def _export(self) -> None:
        (outcome,) = run_exports(self.writer, self.config, [self.export], lambda _: None)
        assert outcome.result, outcome.cause
        self.servers = [self._read_base(self.current)] * 2
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

    @invariant()
    def every_server_is_right(self) -> None:
        if not hasattr(self, "servers"):
            return
        hot = self.export.as_hot().path.read_text()
        for server in self.servers:
            if (state := (hot, self.hot_release, self.base, self.is_partial, server)) in self.seen:
                continue
            self.seen.append(state)
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

    def teardown(self) -> None:
        self._end_job()
        self.stack.close()


TestReplacement = Replacement.TestCase
TestReplacement.settings = settings(
    max_examples=max(6, settings().max_examples // 10), stateful_step_count=25
)
