"""Operator entries: add, replace, end and remove."""

import sqlite3
from pathlib import Path

import pytest

from blocklist.ledger.db.connection import open_read_only
from blocklist.ledger.db.writer import open_ledger_writer
from blocklist.ledger.operator import entries
from blocklist.model import Entry, Indicator, Kind, Scope, Verdict
from tests.support.listings import rows


def word(action: Verdict, scope: Scope, reason: str, expires: str | None = None) -> Entry:
    return Entry(Kind.DOMAIN, "a.example", scope, action, reason, "", expires)


def test_entries_are_added_replaced_and_removed(database: Path) -> None:
    name = Indicator(Kind.DOMAIN, "a.example")
    with open_ledger_writer(database, "allow") as writer:
        assert not entries.add_entry(writer, word(Verdict.BLOCK, Scope.EXACT, "first"))
        assert entries.add_entry(writer, word(Verdict.ALLOW, Scope.EXACT, "second"))
        past = "2000-01-01T00:00:00+00:00"
        assert not entries.add_entry(writer, word(Verdict.BLOCK, Scope.SUBTREE, "third", past))
        with open_read_only(database) as reader:
            assert reader is not None
            assert [entry.reason for entry in entries.active_entries(reader)] == ["second"]
            at = "1999-01-01T00:00:00+00:00"
            assert [entry.reason for entry in entries.active_entries(reader, at)] == [
                "second",
                "third",
            ]
        assert entries.remove_entries(writer, name, Verdict.BLOCK) == 1
        assert entries.remove_entries(writer, name, Verdict.ALLOW) == 1
        assert entries.remove_entries(writer, name, Verdict.ALLOW) == 0
    assert rows(database, "SELECT count(*) FROM entry") == [(3,)], "history is kept"


def test_an_entry_that_cannot_be_stored_ends_no_earlier_one(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_ledger_writer(database, "allow") as writer:
        entries.add_entry(writer, word(Verdict.ALLOW, Scope.EXACT, "first"))
        monkeypatch.setattr(entries, "decision_timestamp", lambda _: None)
        with pytest.raises(sqlite3.IntegrityError):
            entries.add_entry(writer, word(Verdict.BLOCK, Scope.EXACT, "second"))
    assert rows(database, "SELECT reason FROM entry WHERE removed IS NULL") == [("first",)]
