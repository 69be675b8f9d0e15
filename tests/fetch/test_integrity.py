"""SHA-256 of lists: only a list with the digest that the feed demands is accepted."""

import gzip
import hashlib
from dataclasses import replace

from tests.support import fault_server as faults
from tests.support.fault_server import says
from tests.support.http_feeds import (
    GOOD,
    REFUSED,
    HttpFeeds,
)


def test_digests(http_feeds: HttpFeeds) -> None:
    body = gzip.compress(GOOD)
    other, right = "0" * 64, hashlib.sha256(body).hexdigest()
    feed = http_feeds.feed("mine", faults.good(body))
    name = feed.urls[0].rpartition("/")[2]
    sums = (
        f"{other}  other.txt\n{right}  {name}\n",
        f"{other}  all-{name}\n{other}  {name}.gz\n{right} *./{name}\n",
        f"SHA256 (all-{name}) = {other}\nSHA256 ({name}) = {right}\n",
    )
    beside = [http_feeds.feed(f"sums{n}", says(text.encode())) for n, text in enumerate(sums)]
    good = (hashlib.sha256(GOOD).hexdigest().upper(), *(one.urls[0] for one in beside))
    for sha256 in good:
        assert http_feeds.update(replace(feed, sha256=sha256))[0].is_good
    for asked in (False, True):
        assert http_feeds.update(replace(feed, sha256=right))[0].is_good
        headers = http_feeds.server.asked[-1].headers
        assert ("if-none-match" in headers) == asked, "as long as it must be the same"
    (outcome,) = http_feeds.update(replace(feed, sha256="0" * 64))
    assert (outcome.state, outcome.cause) == (
        REFUSED,
        f"{feed.urls[0]}: its SHA-256 is not the one of feeds.mine.sha256",
    )
