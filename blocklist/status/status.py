"""Status: configuration, ledger, files and servers -> what is in force, and findings about it."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from blocklist.config.loader import Config, load_config
from blocklist.config.paths import ConfigSource
from blocklist.errors import BlocklistError, ConfigError
from blocklist.ledger.db.connection import SCHEMA_VERSION, open_read_only, schema_version
from blocklist.ledger.db.lock import find_lock_holder
from blocklist.ledger.db.runs import Run, latest_run
from blocklist.ledger.db.timestamps import current_timestamp
from blocklist.ledger.releases.candidate import Candidate, load_candidate
from blocklist.ledger.releases.history import Release, current_release
from blocklist.ledger.releases.pins import Pin, list_pins
from blocklist.status.entries import check_entries
from blocklist.status.exports import ExportStatus, check_exports, load_export_statuses
from blocklist.status.feeds import FeedAge, load_feed_ages
from blocklist.status.finding import (
    Finding,
    FindingState,
    HasFindings,
    fine,
    problem,
    warning,
)
from blocklist.status.machine import check_database_rights, check_disk_space
from blocklist.status.release import check_gate, check_pins, check_review
from blocklist.status.runs import RunAge, check_clock, check_runs, load_run_age
from blocklist.status.servers import ServerStatus, check_servers, load_server_statuses

#: The findings on which all others depend.
CONFIGURATION, DATABASE = "configuration", "database"
#: Every check that has a finding in a status, in the order of the findings.
CHECKS = (
    CONFIGURATION, DATABASE, "disk", "clock", "runs", "gate", "pins", "review", "feeds", "exports",
    "servers", "entries",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Status(HasFindings):
    """What a configuration and its ledger hold now, and what is wrong with it."""

    #: When this was found out (ISO 8601, UTC).
    checked: str
    config: str | None
    database: str | None
    #: None if there is none yet.
    release: Release | None
    #: The release that the gate holds, with its objections.
    candidate: Candidate | None
    pins: tuple[Pin, ...]
    #: Guards, then feeds.
    feeds: tuple[FeedAge, ...]
    exports: tuple[ExportStatus, ...]
    servers: tuple[ServerStatus, ...]
    #: The command that wrote last; it did not end well if it is not `finished` and nobody writes.
    last_run: Run | None
    #: The last run that could publish and ended well, and its age.
    run_age: RunAge | None
    #: The process and command that write just now.
    writer: str | None
    #: At least one for each check, good ones too.
    findings: tuple[Finding, ...]

    @property
    def state(self) -> FindingState:
        """The worst state of all findings."""
        if self.problems:
            return FindingState.PROBLEM
        return FindingState.WARNING if self.warnings else FindingState.FINE


def load_status(given: ConfigSource | Path | None, *, probe: bool = False) -> Status:
    """Return the status of an installation; a configuration that cannot be read is a problem.

    With `probe`, the servers of the exports are asked what they have; without it, the answer is
    that of the last run.
    """
    try:
        config = load_config(given)
    except BlocklistError as error:
        return _describe_faulty_configuration(given, error)
    return evaluate(config, probe=probe)


def evaluate(config: Config, *, probe: bool = False) -> Status:
    """Return the status of a configuration; a ledger that cannot be read is a problem."""
    collector = _Findings([])
    collector.add(CONFIGURATION, lambda: [_describe_configuration(config)])
    collector.add(DATABASE, lambda: check_database_rights(config))
    try:
        with open_read_only(config.database) as reader:
            _note_version(config, reader, collector)
            return _evaluate_ledger(config, reader, collector, probe=probe)
    except BlocklistError as error:
        fault = problem(str(error), config.database, _DAMAGED_REMEDY)
        collector.add(DATABASE, lambda: [fault])
        return _evaluate_ledger(config, None, collector, probe=False)


def _describe_configuration(config: Config) -> Finding:
    if config.path is not None:
        return fine("", config.path)
    what = "no configuration was found, so nothing is known of a list"
    remedy = "name it with --config or BLOCKLIST_CONFIG, or write one: blocklist init"
    return problem(what, "no file: the built-in defaults", remedy)


def _describe_missing_ledger(config: Config) -> Finding:
    """Return a problem if there are files of exports: then the ledger was lost."""
    files = [export.path for export in config.exports.values() if export.path.exists()]
    if not files:
        return warning("nothing was collected yet", config.database, "blocklist run")
    what = f"it is missing or empty, although {files[0]} was written from it"
    remedy = "restore your last backup of it; a run without it loses your entries and history"
    return problem(what, config.database, remedy)


_DAMAGED_REMEDY = "do what the message says"


class _Findings:
    """Collects findings under the name of their check; a failing check is a problem of its own."""

    def __init__(self, findings: list[Finding]) -> None:
        self.findings = findings

    def add(self, check: str, find: Callable[[], Iterable[Finding]]) -> None:
        """Add the findings of a check."""
        try:
            findings = list(find())
        except BlocklistError as error:
            findings = [problem(str(error), "", "do what the message says")]
        self.findings += [replace(one, check=check) for one in findings]

    def finish(self) -> tuple[Finding, ...]:
        """Return all findings in the order of `CHECKS`, with one for each check."""
        return tuple(one for check in CHECKS for one in self._list_of(check))

    def _list_of(self, check: str) -> Iterator[Finding]:
        findings = [one for one in self.findings if one.check == check]
        yield from findings or [replace(fine(), check=check)]


def _note_version(config: Config, reader: sqlite3.Connection | None, collector: _Findings) -> None:
    if reader is None:
        collector.add(DATABASE, lambda: [_describe_missing_ledger(config)])
        return
    if schema_version(reader) < SCHEMA_VERSION:
        what = "an earlier version wrote it last; the next run brings it up to date"
    else:
        return
    collector.add(DATABASE, lambda: [warning(what, config.database, "blocklist run")])


def _evaluate_ledger(
    config: Config, reader: sqlite3.Connection | None, collector: _Findings, *, probe: bool
) -> Status:
    release = current_release(reader) if reader else None
    candidate = load_candidate(reader) if reader else None
    pins = list_pins(reader) if reader else []
    run_age = load_run_age(reader) if reader else None
    feeds, feed_findings = load_feed_ages(config, reader)
    exports = load_export_statuses(config, reader, release)
    servers = load_server_statuses(config, reader, probe=probe)
    collector.add("disk", partial(check_disk_space, config))
    collector.add("clock", partial(check_clock, config, reader))
    if reader is not None:
        collector.add("runs", partial(check_runs, config, reader, run_age))
        collector.add("gate", partial(check_gate, release, candidate))
        collector.add("pins", partial(check_pins, pins))
        collector.add("review", partial(check_review, release))
        collector.add("feeds", lambda: feed_findings)
        collector.add("exports", partial(check_exports, exports, release))
        collector.add("servers", partial(check_servers, servers))
        collector.add("entries", partial(check_entries, reader))
    return Status(
        checked=current_timestamp(),
        config=str(config.path) if config.path else None,
        database=str(config.database),
        release=release,
        candidate=candidate,
        pins=tuple(pins),
        feeds=tuple(feeds),
        exports=tuple(exports),
        servers=tuple(servers),
        last_run=latest_run(reader) if reader else None,
        run_age=run_age,
        writer=find_lock_holder(config.database),
        findings=collector.finish(),
    )


def _describe_faulty_configuration(
    given: ConfigSource | Path | None, error: BlocklistError
) -> Status:
    path = given.shown if isinstance(given, ConfigSource) else given
    messages = error.mistakes if isinstance(error, ConfigError) else [str(error)]
    remedy = "correct the file as the message says; then run: blocklist doctor"
    found = [problem(message, path or "blocklist.toml", remedy) for message in messages]
    return Status(
        checked=current_timestamp(), config=str(path) if path else None, database=None,
        release=None, candidate=None, pins=(), feeds=(), exports=(), servers=(), last_run=None,
        run_age=None, writer=None,
        findings=tuple(replace(one, check=CONFIGURATION) for one in found),
    )  # fmt: skip
