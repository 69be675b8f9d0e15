"""Real feeds over HTTP: accepted once, unchanged the second time."""

from dataclasses import replace
from pathlib import Path

import pytest

from blocklist.config.sections import CollectConfig
from blocklist.model import GuardClass
from tests.support import fault_server as faults
from tests.support.corpus import NON_LISTS, corpus_files, format_of_file
from tests.support.http_feeds import (
    FRESH,
    UNCHANGED,
    HttpFeeds,
)


@pytest.mark.corpus
def test_the_corpus_over_http(http_feeds: HttpFeeds, corpus: Path) -> None:
    known = {name: file for name, file in corpus_files(corpus).items() if name not in NON_LISTS}
    guards = {name for name, file in known.items() if file.parent != corpus}
    feeds = [
        http_feeds.feed(
            name,
            faults.good(file.read_bytes()),
            format=format_of_file(file),
            guard=GuardClass.POPULAR if name in guards else None,
        )
        for name, file in known.items()
    ]
    # Real lists hold addresses of loopback, and no feed may list where it comes from.
    feeds = [
        replace(feed, urls=(feed.urls[0].replace("127.0.0.2", "localhost"),)) for feed in feeds
    ]
    http_feeds.config = replace(http_feeds.config, collect=CollectConfig())
    outcomes = http_feeds.update(*feeds)
    assert {outcome.feed: outcome.cause for outcome in outcomes if outcome.state is not FRESH} == {}
    assert http_feeds.server.body_bytes >= sum(file.stat().st_size for file in known.values())
    http_feeds.server.body_bytes = 0
    assert {outcome.state for outcome in http_feeds.update(*feeds)} == {UNCHANGED}
    assert http_feeds.server.body_bytes == 0, "not a byte of a body"
