"""The log of updates: one line at INFO for each feed, without secrets and refused content."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from blocklist.config.sections import CollectConfig
from tests.support.feed_folder import FeedFolder, many_names


@pytest.fixture
def folder(tmp_path: Path) -> FeedFolder:
    return FeedFolder(tmp_path)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, logger="blocklist")
    return caplog


def info_lines(log: pytest.LogCaptureFixture) -> list[str]:
    lines = [record.getMessage() for record in log.records if record.levelno == logging.INFO]
    log.clear()
    return lines


def test_each_decision_about_a_feed_is_one_line(
    folder: FeedFolder, log: pytest.LogCaptureFixture
) -> None:
    folder.collect(many_names(3))
    assert info_lines(log) == ["feed mine: accepted, 3 entries, +3 -0"]
    folder.collect(many_names(2, first=1))
    assert info_lines(log) == ["feed mine: accepted, 2 entries, +0 -1"]
    folder.collect()
    assert info_lines(log) == ["feed mine: unchanged, 2 entries"]
    folder.collect("<html>")
    assert info_lines(log) == ["feed mine: refused, a web page, not a list; last good just now"]
    folder.file.unlink()
    folder.collect()
    (line,) = info_lines(log)
    assert line == f"feed mine: failed, {folder.file}: no such file; last good just now"


def test_refused_content_is_not_logged(folder: FeedFolder, log: pytest.LogCaptureFixture) -> None:
    outcome = folder.collect('{"error": "unknown key K-123"}')
    assert outcome.cause is not None
    assert "K-123" in outcome.cause, "a person sees how the content begins"
    assert info_lines(log) == [
        "feed mine: refused, a JSON document, not a list; never fetched successfully"
    ]


def test_secrets_are_not_logged(
    folder: FeedFolder, log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "s3cret-token")
    urls = (
        "http://127.0.0.1:1/list?key=s3cret-key",
        "http://127.0.0.1:1/{token}/list",
    )
    feed = replace(folder.feed, urls=urls, token_env="TOKEN", headers=("Auth-Key: $TOKEN",))
    folder.config = replace(folder.config, collect=CollectConfig(tries=2, backoff=0.01))
    folder.collect(feed=feed)
    lines = [record.getMessage() for record in log.records]
    retries = [line for line in lines if "attempt 1 failed, next in 0.0" in line]
    assert len(retries) == 2, lines
    assert any(line.startswith("mine: mirror http://127.0.0.1:1/list") for line in lines), lines
    (line,) = info_lines(log)
    assert line.startswith("feed mine: failed, http://127.0.0.1:1/list?...: cannot be reached")
    assert "s3cret" not in "\n".join(lines)
