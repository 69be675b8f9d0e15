"""Releases of a folder of test feeds: build, read back, and a model of verdicts."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import strategies as st

from blocklist.collect.update import select_feeds, update_feeds
from blocklist.config.loader import Config, load_config
from blocklist.errors import GateHeld
from blocklist.frames.schemas import VERDICTS
from blocklist.ledger.db.timestamps import format_timestamp
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.db.writer import open_ledger_writer
from blocklist.ledger.operator.entries import add_entry
from blocklist.ledger.releases.history import Release, list_releases
from blocklist.ledger.releases.verdicts import export_rows
from blocklist.model import Entry, Kind, Reason, Scope, Verdict
from blocklist.release.build import build_release


def load_folder(folder: Path) -> Config:
    """Return the configuration of a folder."""
    return load_config(folder / "blocklist.toml")


def run_build(folder: Path, *, collect: bool = True) -> Release | None:
    """Update all feeds and build a release; return it, or None if it is unchanged."""
    config = load_folder(folder)
    with open_ledger_writer(config.database, "test") as writer:
        if collect:
            update_feeds(config, writer, select_feeds(config, []), lambda outcome: None)
        result = build_release(config, writer, "test")
    return result.release if result.is_new else None


def age_feed(database: Path, feed: str) -> None:
    """Set the time at which a feed was last good to years ago."""
    with (
        open_ledger_writer(database, "test") as writer,
        writer.transaction() as transaction,
    ):
        sql = "UPDATE feed SET good_at = '2020-01-01T00:00:00Z' WHERE name = ?"
        transaction.execute(sql, feed)


def all_releases(folder: Path) -> list[Release]:
    """Return all releases of a folder, newest first."""
    with read_transaction(load_folder(folder).database) as transaction:
        return list_releases(transaction.connection)


def release_actions(folder: Path, number: int) -> set[tuple[str, str, str]]:
    """Return the blocks and allows of a release: action, value, scope."""
    with read_transaction(load_folder(folder).database) as transaction:
        return set(export_rows(transaction, number).select("action", "value", "scope").iter_rows())


def add_name_entry(
    folder: Path, name: str, action: Verdict, expires: timedelta | None = None
) -> None:
    """Add an entry for a subtree, which ends after `expires` if that is given."""
    end = expires and format_timestamp(datetime.now(UTC) + expires)
    entry = Entry(Kind.DOMAIN, name, Scope.SUBTREE, action, "", "", end or None)
    with open_ledger_writer(load_folder(folder).database, "test") as writer:
        add_entry(writer, entry)


def run_held_build(folder: Path, *, collect: bool = True) -> str:
    """Run a build that the gate must hold; return the message."""
    with pytest.raises(GateHeld) as raised:
        run_build(folder, collect=collect)
    return str(raised.value)


def with_first_release(folder: Path) -> Path:
    """Build the first release of a folder and return the folder."""
    assert run_build(folder)
    return folder


# Verdicts as plain dictionaries, for tests against a model.

VALUES = ["a.com", "b.com", "c.com", "46.9.9.9"]
STATES = [
    (Verdict.BLOCK, Reason.LISTED, None),
    (Verdict.BLOCK, Reason.OPERATOR, "by hand"),
    (Verdict.ALLOW, Reason.OPERATOR, "by hand"),
    (Verdict.ALLOW, Reason.PROTECTED, "core"),
    (Verdict.HOLD, Reason.POPULAR, "top"),
    (Verdict.CLEAR, Reason.WEAK, None),
]
KEYS = st.tuples(st.sampled_from(VALUES), st.sampled_from(list(Scope)))
RELEASES = st.lists(st.dictionaries(KEYS, st.sampled_from(STATES)), min_size=1, max_size=8)
State = dict[tuple[str, Scope], tuple[Verdict, Reason, str | None]]


def verdict_frame(state: State) -> pl.DataFrame:
    """Return verdicts as a frame (schema `VERDICTS`)."""
    rows = [
        (Kind.IP if value[0] == "9" else Kind.DOMAIN, value, scope, *verdict, 0.5)
        for (value, scope), verdict in state.items()
    ]
    return pl.DataFrame(rows, schema=VERDICTS, orient="row")


def blocked_keys(state: State) -> set[tuple[str, Scope]]:
    """Return the values and scopes that are blocked."""
    return {key for key, verdict in state.items() if verdict[0] is Verdict.BLOCK}
