"""Feed records: health, refusals, and answers stored with their snapshots."""

from pathlib import Path

import pytest

from blocklist.config.feeds import Feed
from blocklist.ledger.db.connection import open_read_only
from blocklist.ledger.db.writer import LedgerWriter, open_ledger_writer
from blocklist.ledger.feeds import listings
from blocklist.ledger.feeds.health import FeedHealth
from blocklist.ledger.feeds.ranks import find_ranks
from blocklist.ledger.feeds.records import (
    AnswerRecord,
    record_fetch_failure,
    record_refusal,
    record_unchanged,
    register_feed,
    register_feeds,
)
from blocklist.model import NO_VALIDATORS, FeedState, GuardClass, Validators
from tests.support.listings import ACCOUNT, MINE, A, C, accept, indicators, rows

FIRST, SECOND = (AnswerRecord(Validators(tag, None, "url"), 60) for tag in ("first", "second"))


def accept_answer(
    writer: LedgerWriter, answer: AnswerRecord, *listed: tuple[str, str]
) -> FeedHealth:
    health = register_feed(writer, MINE)
    listings.accept_snapshot(writer, health, indicators(*listed), "print", ACCOUNT, answer)
    return register_feed(writer, MINE)


def test_health(database: Path) -> None:
    guard = Feed("top", ("x",), "domains", guard=GuardClass.POPULAR)
    with open_ledger_writer(database, "update") as writer:
        new = register_feed(writer, guard)
        assert (new.state, new.entries, new.fingerprint) == (FeedState.NEVER, 0, None)
        accept(writer, guard, A, C)
        record_refusal(writer, new, FeedState.REFUSED, "shrank", ACCOUNT)
        health = register_feed(writer, guard)
    assert (health.state, health.cause, health.entries) == (FeedState.REFUSED, "shrank", 2)
    assert health.fingerprint == "print", "of the snapshot in force, not of the refused one"
    sql = "SELECT state, cause, refused, added FROM snapshot ORDER BY id"
    assert rows(database, sql) == [
        ("fresh", None, '{"empty": 1}', 2),
        ("refused", "shrank", '{"empty": 1}', None),
    ]
    assert rows(database, "SELECT guard FROM feed") == [("popular",)]


def test_feeds_are_registered_together_and_keep_their_health(database: Path) -> None:
    feeds = [MINE, Feed("other", ("x",), "domains")]
    with open_ledger_writer(database, "update") as writer:
        accept(writer, MINE, A)
        healths = register_feeds(writer, feeds)
        assert {name: health.entries for name, health in healths.items()} == {"mine": 1, "other": 0}
        guard = Feed("other", ("x",), "domains", guard=GuardClass.PROTECTED)
        assert register_feeds(writer, [guard])["other"].id == healths["other"].id
    assert rows(database, "SELECT name, guard FROM feed ORDER BY name") == [
        ("mine", None),
        ("other", "protected"),
    ]


@pytest.mark.parametrize("guard", [*GuardClass, None])
def test_only_a_top_list_has_ranks(database: Path, guard: GuardClass | None) -> None:
    with open_ledger_writer(database, "update") as writer:
        accept(writer, Feed("list", ("x",), "domains", guard=guard), A, C)
    with open_read_only(database) as reader:
        assert reader is not None
        ranks = find_ranks(reader, ["b.example", "none.example"], "list")
    assert ranks == ({"b.example": 2} if guard is GuardClass.POPULAR else {})


def test_a_snapshot_and_its_answer_are_one_transaction(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(*_: object) -> None:
        raise ZeroDivisionError

    with open_ledger_writer(database, "update") as writer:
        health = accept_answer(writer, FIRST, A)
        assert (health.validators, health.expires) == (FIRST.validators, 60)
        with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
            patch.setattr(listings, "update_answer", break_off)
            accept_answer(writer, SECOND, C)
        assert register_feed(writer, MINE) == health, "neither is there"
        assert rows(database, "SELECT value FROM listing WHERE until IS NULL") == [("a.example",)]
        assert accept_answer(writer, SECOND, C).validators == SECOND.validators
    assert rows(database, "SELECT value FROM listing WHERE until IS NULL") == [("b.example",)]


def test_a_refusal_deletes_the_validators_and_a_failure_keeps_them(database: Path) -> None:
    with open_ledger_writer(database, "update") as writer:
        health = accept_answer(writer, FIRST, A)
        record_fetch_failure(writer, health, FeedState.FAILED, "no answer", retry_at="2999")
        failed = register_feed(writer, MINE)
        assert (failed.state, failed.validators, failed.retry_at) == (
            FeedState.FAILED, FIRST.validators, "2999"
        )  # fmt: skip
        record_fetch_failure(writer, health, FeedState.REFUSED, "too large", is_refusal=True)
        refused = register_feed(writer, MINE)
        assert (refused.state, refused.validators, refused.expires) == (
            FeedState.REFUSED, NO_VALIDATORS, None
        )  # fmt: skip


def test_a_304_makes_a_feed_good_again_and_keeps_its_validators(database: Path) -> None:
    with open_ledger_writer(database, "update") as writer:
        health = accept_answer(writer, FIRST, A)
        record_fetch_failure(writer, health, FeedState.FAILED, "no answer", retry_at="2999")
        record_unchanged(writer, health)
        unchanged = register_feed(writer, MINE)
        assert (unchanged.state, unchanged.cause, unchanged.retry_at) == (
            FeedState.UNCHANGED, None, None
        )  # fmt: skip
        assert unchanged.validators == FIRST.validators
        assert unchanged.good_at == unchanged.checked
        record_unchanged(writer, health, SECOND)
        assert register_feed(writer, MINE).validators == SECOND.validators
