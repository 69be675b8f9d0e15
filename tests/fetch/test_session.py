"""The fetching thread: whatever a task raises, the caller gets it and waits for nothing."""

from pathlib import Path

import pytest

from blocklist.fetch.session import FetchSession
from blocklist.model import NO_VALIDATORS
from tests.support import fault_server as faults
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
