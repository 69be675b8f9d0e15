"""The schedule of feeds: intervals, servers that ask to wait, and feeds that become stale."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from blocklist.collect.schedule import parse_expires
from blocklist.ledger.db.timestamps import format_timestamp
from blocklist.ledger.db.writer import open_ledger_writer
from tests.support import fault_server as faults
from tests.support.fault_server import says
from tests.support.http_feeds import (
    FAILED,
    GOOD,
    NAMES,
    REFUSED,
    UNCHANGED,
    HttpFeeds,
)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("! Expires: 4 days (update frequency)", 4 * 86400),
        ("# Expires: 12 hours", 12 * 3600),
        ("! Expires: 6h", 6 * 3600),
        ("! Expires: 2", 2 * 86400),
        ("! Expires: 5 minutes", 3600),
        ("! Expires: 365 days", 14 * 86400),
        ("! Expires: 0", None),
        ("! Expires: soon", None),
        ("expires.example", None),
    ],
)
def test_expires(header: str, seconds: int | None) -> None:
    assert parse_expires(f"[Adblock Plus]\n{header}\nx.example\n".encode()) == seconds


def test_a_server_that_asks_to_wait_is_left_alone(http_feeds: HttpFeeds) -> None:
    later = says(b"", "Retry-After: 7200", status="429 Slow Down")
    feed = http_feeds.feed("mine", faults.in_turn(faults.good(GOOD), later))
    http_feeds.update(feed)
    assert http_feeds.update(feed)[0].state is FAILED
    asked = len(http_feeds.server.asked)
    (outcome,) = http_feeds.update(feed)
    assert (outcome.state, len(http_feeds.server.asked)) == (FAILED, asked)
    assert "its server accepts no request until 2" in (outcome.cause or "")
    http_feeds.update(feed, ignore_schedule=True)
    assert len(http_feeds.server.asked) == asked + 1, "who names it wants it"


def test_an_interval_is_kept(http_feeds: HttpFeeds) -> None:
    feed = http_feeds.feed("mine", says(GOOD), interval="6h")
    header = http_feeds.feed("header", says(b"! Expires: 2 days\n" + GOOD))
    http_feeds.update(feed, header)
    asked = len(http_feeds.server.asked)
    outcomes = http_feeds.update(feed, header)
    assert {outcome.state for outcome in outcomes} == {UNCHANGED}
    assert all((outcome.note or "").startswith("not due until 2") for outcome in outcomes)
    assert len(http_feeds.server.asked) == asked
    http_feeds.update(replace(feed, format="hosts"), ignore_schedule=False)
    assert len(http_feeds.server.asked) == asked + 1, "what is read otherwise is wanted now"
    http_feeds.update(feed, header, ignore_schedule=True)
    assert len(http_feeds.server.asked) == asked + 3


def test_a_changed_url_is_fetched_at_once(http_feeds: HttpFeeds) -> None:
    feed = http_feeds.feed("mine", says(GOOD), interval="1d")
    http_feeds.update(feed)
    elsewhere = http_feeds.feed("elsewhere", faults.not_found)
    asked = len(http_feeds.server.asked)
    mirrored = replace(feed, urls=(*elsewhere.urls, *feed.urls))
    assert http_feeds.update(mirrored)[0].state is UNCHANGED, "one that answered is still there"
    assert len(http_feeds.server.asked) == asked
    (outcome,) = http_feeds.update(replace(feed, urls=elsewhere.urls))
    assert outcome.state is FAILED, "and a mistake in it shows today"


def aged(http_feeds: HttpFeeds, name: str, column: str, by: timedelta) -> None:
    with (
        open_ledger_writer(http_feeds.config.database, "test") as writer,
        writer.transaction() as transaction,
    ):
        moment = format_timestamp(datetime.now(UTC) - by)
        transaction.execute(f"UPDATE feed SET {column} = ? WHERE name = ?", moment, name)


def test_a_feed_that_fails_for_long_is_stale(http_feeds: HttpFeeds) -> None:
    for name, play in (("gone", faults.not_found), ("page", says(b"<html>"))):
        feed = http_feeds.feed(name, faults.in_turn(says(GOOD), play), interval="6h")
        http_feeds.update(feed)
        aged(http_feeds, name, "good_at", timedelta(hours=17))
        assert http_feeds.update(feed)[0].state in (FAILED, REFUSED), "not yet"
        aged(http_feeds, name, "good_at", timedelta(hours=19))
        (outcome,) = http_feeds.update(feed)
        assert outcome.state.value == "stale"
        assert outcome.note == "last good 19 hours ago"
        assert http_feeds.in_force(name) == sorted(NAMES)
