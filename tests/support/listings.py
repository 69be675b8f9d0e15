"""Listings by hand, also for processes that need nothing of what tests are run with."""

from pathlib import Path

import polars as pl

from blocklist.config.feeds import Feed
from blocklist.frames.schemas import INDICATORS
from blocklist.ledger.db.connection import open_read_only
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.feeds.listings import SnapshotChange, accept_snapshot
from blocklist.ledger.feeds.records import register_feed

MINE = Feed("mine", ("x",), "domains")
ACCOUNT: dict[str, object] = {
    "sha256": "0", "bytes": 1, "lines": 1, "accepted": 1, "comments": 0, "refused": {"empty": 1},
}  # fmt: skip
A, B, C = ("a.example", "exact"), ("a.example", "subtree"), ("b.example", "exact")


def indicators(*rows: tuple[str, str], evidence: str | None = None) -> pl.DataFrame:
    columns = [("domain", value, scope, evidence or value, 1) for value, scope in rows]
    return pl.DataFrame(columns, schema=INDICATORS, orient="row")


def accept(writer: LedgerWriter, feed: Feed, *rows: tuple[str, str]) -> SnapshotChange:
    return accept_snapshot(writer, register_feed(writer, feed), indicators(*rows), "print", ACCOUNT)


def rows(database: Path, sql: str) -> list[tuple[object, ...]]:
    with open_read_only(database) as reader:
        assert reader is not None
        return reader.execute(sql).fetchall()
