"""Packed listings: every query gives the same answer as for rows."""

import json
from itertools import product
from pathlib import Path

import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from blocklist.config.feeds import Feed
from blocklist.frames.schemas import INDICATORS
from blocklist.ledger.db.connection import open_read_only, prepare_database
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.db.writer import open_ledger_writer
from blocklist.ledger.feeds.listings import (
    SnapshotChange,
    accept_snapshot,
    load_listing_dates,
    load_listings,
    select_active_feeds,
)
from blocklist.ledger.feeds.records import register_feed
from blocklist.ledger.feeds.undo_snapshot import undo_last_snapshot
from blocklist.ledger.lookup import LedgerLookup
from blocklist.ledger.point_in_time import PointInTime
from blocklist.ledger.temporal import packs
from blocklist.ledger.temporal.pack_sql import delete_ended_rows, packed_range_sql, packed_value_sql
from blocklist.ledger.temporal.packs import LISTING_TABLE
from blocklist.ledger.temporal.search import rows_containing
from tests.support.listings import ACCOUNT, rows

NAMES = [f"{letter}{number}.example" for letter in "abc" for number in range(4)]
PAGES = [
    f"http://{host}/{path}" for host in ("a.example", "a.example:81") for path in ("", "x", '"')
]
EVERY = [*(("domain", name) for name in NAMES), *(("url", page) for page in PAGES)]
RELEASE = (
    "INSERT INTO release (number, run_id, created, cause, blocked, held, added, removed) "
    "VALUES (?, ?, '', '', 0, 0, 0, 0)"
)
KEY = ["value", "scope"]
Listed = list[tuple[tuple[str, str], str, bool]]
listed: st.SearchStrategy[Listed] = st.lists(
    st.tuples(st.sampled_from(EVERY), st.sampled_from(["exact", "subtree"]), st.booleans()),
    unique_by=lambda row: (row[0][1], row[1]),
)


def frame(snapshot: Listed) -> pl.DataFrame:
    found = [
        (kind, value, scope if kind == "domain" else "exact", value.upper() if odd else value, 1)
        for (kind, value), scope, odd in snapshot
    ]
    return pl.DataFrame(found, schema=INDICATORS, orient="row").unique(
        KEY, keep="first", maintain_order=True
    )


def answers(database: Path) -> object:
    """Return all that can be asked about listings."""
    with open_read_only(database) as reader:
        assert reader is not None
        lookup = LedgerLookup(reader)
        single = [lookup.find_listings([value]) for _, value in EVERY]
        together = lookup.find_listings([value for _, value in EVERY])
        pages = lookup.find_page_listings("a.example")
    with read_transaction(database) as transaction:
        feeds = ["mine", "other"]
        bulk_form = [load_listings(transaction, feeds).sort(pl.all()).rows()]
        bulk_form.append(load_listing_dates(transaction, feeds).sort(pl.all()).rows())
        for number in range(1, 5):
            then = load_listings(transaction, feeds, number)
            bulk_form.append(then.sort(pl.all()).rows())
            bulk_form.append([(name,) for name in select_active_feeds(transaction, feeds, number)])
        for texts, at in product((["a1", "x"], ["example"], ["nothing"]), (None, 1, 2, 3)):
            found = rows_containing(transaction, LISTING_TABLE, texts, at)
            bulk_form.append(found.sort(pl.all()).rows())
    view = rows(database, "SELECT * FROM listing ORDER BY feed_id, value, scope, since")
    with open_read_only(database) as reader:
        assert reader is not None
        before = LedgerLookup(reader, PointInTime(1, 2)).find_listings(
            [value for _, value in EVERY]
        )
        who = LedgerLookup(reader).feeds_with_pages("a.example")
    return single, together, pages, before, who, bulk_form, view


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "PACK_SIZE", 3)
    monkeypatch.setattr(packs, "MIN_PACKED_ROWS", 2)


@pytest.mark.slow
@settings(max_examples=15, phases=[Phase.explicit, Phase.generate])
@given(
    runs=st.lists(st.tuples(st.sampled_from(["mine", "other"]), listed), max_size=4),
    undone=st.booleans(),
    pruned=st.integers(0, 4),
)
def test_packs_give_the_same_answers_as_rows(
    tmp_path_factory: pytest.TempPathFactory,
    runs: list[tuple[str, Listed]],
    undone: bool,
    pruned: int,
) -> None:
    found: list[object] = []
    for least in (2, 10**9):
        database = tmp_path_factory.mktemp("ledger") / "x.db"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(packs, "PACK_SIZE", 3)
            patch.setattr(packs, "MIN_PACKED_ROWS", least)
            patch.setattr("blocklist.ledger.db.writer.current_timestamp", lambda: "now")
            for name, snapshot in runs:
                with open_ledger_writer(database, "update") as writer:
                    feed = register_feed(writer, Feed(name, ("x",), "domains"))
                    accept_snapshot(writer, feed, frame(snapshot), "print", ACCOUNT)
                    with writer.transaction() as transaction:
                        transaction.execute(RELEASE, writer.run_id, writer.run_id)
            if not runs:
                continue
            found.append(answers(database))
            with open_ledger_writer(database, "undo") as writer:
                if undone:
                    undo_last_snapshot(
                        writer, register_feed(writer, Feed("mine", ("x",), "domains")), "why"
                    )
                with writer.transaction() as transaction:
                    delete_ended_rows(transaction.connection, "listing", pruned)
            found[-1] = (found[-1], answers(database))
    assert found[:1] == found[1:]


def test_rows_with_equal_columns_are_packed(tmp_path: Path, small: None) -> None:
    database = tmp_path / "x.db"
    snapshot: Listed = [(one, "exact", False) for one in EVERY]
    with open_ledger_writer(database, "update") as writer:
        accept_snapshot(
            writer, register_feed(writer, Feed("mine", (), "")), frame(snapshot), "1", ACCOUNT
        )
    assert rows(database, "SELECT value FROM listing_row ORDER BY value") == [
        (page,) for page in PAGES if '"' in page
    ], "what JSON escapes stays a row"
    packed = rows(database, "SELECT members FROM listing_pack WHERE batch_id = 1 ORDER BY first")
    assert [json.loads(str(members)) for (members,) in packed] == thirds(NAMES)
    with open_ledger_writer(database, "update") as writer:
        change = accept_snapshot(
            writer, register_feed(writer, Feed("mine", (), "")), frame(snapshot[1:]), "2", ACCOUNT
        )
    assert change == SnapshotChange(0, 1)
    assert rows(database, "SELECT * FROM listing_end") == [(1, 2, "[0]")]
    assert rows(database, f"SELECT since, until FROM listing WHERE value = '{NAMES[0]}'") == [
        (1, 2)
    ]


def test_two_ends_in_one_run_are_stored_together(tmp_path: Path, small: None) -> None:
    database = tmp_path / "x.db"
    snapshot: Listed = [(("domain", name), "exact", False) for name in NAMES]
    with open_ledger_writer(database, "update") as writer:
        accept_snapshot(
            writer, register_feed(writer, Feed("mine", (), "")), frame(snapshot), "1", ACCOUNT
        )
    with open_ledger_writer(database, "update") as writer:
        for left in (snapshot[1:], snapshot[2:4]):
            accept_snapshot(
                writer, register_feed(writer, Feed("mine", (), "")), frame(left), "2", ACCOUNT
            )
    assert rows(database, "SELECT * FROM listing_end") == [
        (1, 2, "[0,1]"), (2, 2, "[1,2]"), (3, 2, "[0,1,2]"), (4, 2, "[0,1,2]")
    ]  # fmt: skip


def test_pruned_rows_do_not_return(tmp_path: Path, small: None) -> None:
    database = tmp_path / "x.db"
    snapshot: Listed = [(("domain", name), "exact", False) for name in NAMES]
    for left in (snapshot, snapshot[4:], snapshot[5:]):
        with open_ledger_writer(database, "update") as writer:
            accept_snapshot(
                writer, register_feed(writer, Feed("mine", (), "")), frame(left), "1", ACCOUNT
            )
    with open_ledger_writer(database, "prune") as writer, writer.transaction() as transaction:
        assert delete_ended_rows(transaction.connection, "listing", 2) == 4
    assert rows(database, "SELECT value, until FROM listing ORDER BY value") == [
        (name, 3 if name == NAMES[4] else None) for name in NAMES[4:]
    ]
    packed = rows(database, "SELECT members FROM listing_pack ORDER BY first")
    assert [json.loads(str(members)) for (members,) in packed] == [NAMES[4:6], *thirds(NAMES[6:])]
    with open_ledger_writer(database, "prune") as writer:
        accept_snapshot(
            writer, register_feed(writer, Feed("mine", (), "")), frame([]), "1", ACCOUNT
        )
        with writer.transaction() as transaction:
            deleted = delete_ended_rows(transaction.connection, "listing", writer.run_id)
    assert deleted == len(NAMES) - 4
    assert rows(database, "SELECT * FROM listing") == []
    assert rows(database, "SELECT * FROM listing_batch, listing_pack") == []


def thirds(names: list[str]) -> list[list[str]]:
    return [names[start : start + 3] for start in range(0, len(names), 3)]


def test_listings_are_sorted_by_value(tmp_path: Path, small: None) -> None:
    database = tmp_path / "x.db"
    listed: Listed = [(one, "exact", False) for one in EVERY]
    for snapshot in (listed[2:9], listed[4:], listed):
        with open_ledger_writer(database, "update") as writer:
            accept_snapshot(
                writer, register_feed(writer, Feed("mine", (), "")), frame(snapshot), "1", ACCOUNT
            )
    with read_transaction(database) as transaction:
        found = load_listings(transaction, ["mine"])["value"].to_list()
    assert found == sorted(value for _, value in EVERY)


@pytest.mark.parametrize("table", ["listing", "verdict"])
def test_a_look_up_reads_only_the_packs_of_its_value(tmp_path: Path, table: str) -> None:
    prepare_database(tmp_path / "x.db")
    with open_read_only(tmp_path / "x.db") as reader:
        assert reader is not None
        for sql in (
            packed_value_sql(table, "wanted.value", "1", "json_each(:wanted) AS wanted CROSS JOIN"),
            packed_value_sql(table, ":start", "1"),
            packed_range_sql(table, "1"),
        ):
            asked = {"wanted": "[]", "start": "a", "end": "b"}
            plan = [row[3] for row in reader.execute(f"EXPLAIN QUERY PLAN {sql}", asked)]
            assert any(step.startswith("SEARCH pack USING INDEX") for step in plan), plan
            assert "SCAN pack" not in plan
