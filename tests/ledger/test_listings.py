"""Listings: intervals from run to run, evidence, and the views for people."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocklist.config.feeds import Feed
from blocklist.frames.schemas import LISTINGS
from blocklist.ledger.db.codes import SCOPES
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.db.writer import open_ledger_writer
from blocklist.ledger.feeds import listings
from blocklist.ledger.feeds.records import register_feed
from tests.support.examples import at_most
from tests.support.listings import ACCOUNT, MINE, A, B, C, accept, indicators, rows

OPEN = "SELECT value, since, until FROM listing ORDER BY value, scope, since"


def test_listings_begin_and_end_with_runs(database: Path) -> None:
    changes = []
    for listed in ([A, C], [A], [A, C], [A, C], []):
        with open_ledger_writer(database, "update") as writer:
            change = accept(writer, MINE, *listed)
            changes.append((writer.run_id, change.added, change.removed))
    assert changes == [(1, 2, 0), (2, 0, 1), (3, 1, 0), (4, 0, 0), (5, 0, 2)]
    assert rows(database, OPEN) == [
        ("a.example", 1, 5),
        ("b.example", 1, 2),
        ("b.example", 3, 5),
    ], "a return opens a new interval, and the old one is kept"


Snapshots = list[dict[str, list[tuple[str, str]]]]
keys = st.sampled_from([A, B, C, ("c.example", "below"), ("xn--4ca.example", "exact")])
snapshots: st.SearchStrategy[Snapshots] = st.lists(
    st.dictionaries(st.sampled_from(["one", "two"]), st.lists(keys, unique=True), max_size=2),
    min_size=1,
    max_size=6,
)


@at_most(25)
@given(runs=snapshots)
def test_intervals_equal_those_of_a_simple_model(
    tmp_path_factory: pytest.TempPathFactory, runs: Snapshots
) -> None:
    database = tmp_path_factory.mktemp("ledger") / "x.db"
    history: dict[tuple[str, str, str], list[list[int | None]]] = {}
    for number, run in enumerate(runs, 1):
        with open_ledger_writer(database, "update") as writer:
            assert writer.run_id == number
            for feed, listed in run.items():
                accept(writer, Feed(feed, ("x",), "domains"), *listed)
                for known, intervals in history.items():
                    if known[0] == feed and known[1:] not in listed and intervals[-1][1] is None:
                        intervals[-1][1] = number
                for value, scope in listed:
                    intervals = history.setdefault((feed, value, scope), [])
                    if not intervals or intervals[-1][1] is not None:
                        intervals.append([number, None])
    found: dict[tuple[object, ...], list[list[object]]] = {}
    sql = (
        "SELECT name, value, scope, since, until FROM listing JOIN feed ON id = feed_id "
        "ORDER BY since"
    )
    for name, text, covers, since, until in rows(database, sql):
        assert isinstance(covers, int)
        found.setdefault((name, text, SCOPES[covers].value), []).append([since, until])
    assert found == history
    in_force = {key for key, intervals in history.items() if intervals[-1][1] is None}
    with read_transaction(database) as transaction:
        frame = listings.load_listings(transaction, ["one", "two"])
    assert frame.schema == LISTINGS
    assert set(frame.select("feed", "value", "scope").iter_rows()) == in_force


def test_an_update_is_idempotent(database: Path) -> None:
    with open_ledger_writer(database, "update") as writer:
        accept(writer, MINE, A, C)
    before = rows(database, "SELECT * FROM listing")
    with open_ledger_writer(database, "update") as writer:
        assert accept(writer, MINE, A, C) == listings.SnapshotChange(0, 0)
    assert rows(database, "SELECT * FROM listing") == before


def test_feeds_are_independent(database: Path) -> None:
    other = Feed("other", ("x",), "domains")
    with open_ledger_writer(database, "update") as writer:
        accept(writer, MINE, A)
        accept(writer, other, A, C)
    with open_ledger_writer(database, "update") as writer:
        assert accept(writer, other) == listings.SnapshotChange(0, 2)
    with read_transaction(database) as transaction:
        assert listings.load_listings(transaction, ["mine", "other", "strange"])[
            "feed"
        ].to_list() == ["mine"]
        assert listings.load_listings(transaction, []).is_empty()


def test_evidence_is_stored_only_if_it_differs_from_the_value(database: Path) -> None:
    with open_ledger_writer(database, "update") as writer:
        frame = pl.concat([indicators(A), indicators(C, evidence="B.example.")])
        listings.accept_snapshot(writer, register_feed(writer, MINE), frame, "print", ACCOUNT)
    assert rows(database, "SELECT evidence FROM listing ORDER BY value") == [
        (None,),
        ("B.example.",),
    ]
    assert rows(database, "SELECT evidence FROM listings ORDER BY value") == [
        ("a.example",),
        ("B.example.",),
    ]


def test_views_show_codes_as_words(database: Path) -> None:
    with open_ledger_writer(database, "update") as writer:
        accept(writer, MINE, A, B)
    with open_ledger_writer(database, "update") as writer:
        accept(writer, MINE, B)
        with writer.transaction() as transaction:
            transaction.table("release").insert(
                {
                    "number": 1, "run_id": 1, "created": "now", "cause": "x",
                    "blocked": 1, "held": 0, "added": 1, "removed": 0,
                }
            )  # fmt: skip
            transaction.table("verdict_row").insert(
                {
                    "value": "a.example", "scope": 1, "since": 1, "until": None,
                    "kind": 0, "verdict": 1, "reason": 2, "cause": "top.example",
                }
            )  # fmt: skip
    started = [row[0] for row in rows(database, "SELECT started FROM run ORDER BY id")]
    assert rows(database, "SELECT * FROM listings ORDER BY scope") == [
        ("mine", "a.example", "domain", "exact", started[0], started[1], "a.example"),
        ("mine", "a.example", "domain", "subtree", started[0], None, "a.example"),
    ]
    assert rows(database, "SELECT * FROM verdicts") == [
        ("a.example", "domain", "subtree", "hold", "popular", "top.example", 1, None)
    ]
