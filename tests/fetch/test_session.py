"""The fetching thread: whatever a task raises, the caller gets it and waits for nothing."""

import gc
import time
import warnings
from pathlib import Path

import pytest

from blocklist.fetch.session import FetchSession
from blocklist.model import NO_VALIDATORS
from tests.support import fault_server as faults
from tests.support.fault_server import Asked, Connection
from tests.support.http_feeds import GOOD, QUICK, HttpFeeds


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_an_exception_that_ends_event_loops_reaches_the_caller(
    http_feeds: HttpFeeds, tmp_path: Path, error: type[BaseException]
) -> None:
    def fail(feed: str, received: int, total: int | None) -> None:
        if feed == "one":
            raise error("mine")

    one, two, slow = (
        http_feeds.feed(name, play)
        for name, play in (
            ("one", faults.good(GOOD)), ("two", faults.good(GOOD)), ("slow", faults.silence),
        )
    )  # fmt: skip
    with FetchSession(QUICK, tmp_path, fail) as session:
        session.start_fetch(slow, NO_VALIDATORS)
        with pytest.raises(error, match="mine"):
            session.start_fetch(one, NO_VALIDATORS).result(timeout=20)
        assert session.start_fetch(two, NO_VALIDATORS).result(timeout=20)().body == GOOD


async def answer_and_freeze(to: Connection, asked: Asked) -> None:
    """Answer, then read nothing for a while, not even the end of the TLS connection."""
    await to.answer("200 OK", GOOD)
    time.sleep(0.5)  # the whole server stands still


def test_no_connection_outlives_the_session(http_feeds: HttpFeeds, tmp_path: Path) -> None:
    feed = http_feeds.feed("mine", answer_and_freeze, kind="https")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with FetchSession(QUICK, tmp_path) as session:
            assert session.start_fetch(feed, NO_VALIDATORS).result(timeout=20)().body == GOOD
        del session
        gc.collect()
    assert [str(each.message) for each in caught] == []
