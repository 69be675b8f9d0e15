"""The log of builds: each decision at INFO, without secrets."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.db.writer import open_ledger_writer
from blocklist.ledger.feeds.echoes import load_echoes
from blocklist.model import Verdict
from blocklist.release import echo_detection
from blocklist.release.history.accept import accept_candidate
from blocklist.release.history.rollback import roll_back_release, undo_feed_update
from blocklist.release.resolved_addresses import refresh_resolved_addresses
from tests.support.releases import (
    add_name_entry,
    load_folder,
    run_build,
    run_held_build,
    with_first_release,
)

SETTINGS = """
[gate]
always = 0

[feeds.mine]
url = "mine.txt"
format = "domains"
max_shrink = 1.0
max_growth = 1000.0

[feeds.remote]
url = "http://u:s3cret-word@127.0.0.1:1/list?key=s3cret-key"
format = "domains"

[collect]
tries = 1
"""


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a first release, to be copied."""
    folder = tmp_path_factory.mktemp("first")
    (folder / "blocklist.toml").write_text(SETTINGS)
    (folder / "mine.txt").write_text("".join(f"fraud{number}.com\n" for number in range(10)))
    return with_first_release(folder)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, logger="blocklist")
    return caplog


def release_lines(log: pytest.LogCaptureFixture, level: int = logging.INFO) -> list[str]:
    """Return the lines of release modules at a level, and forget all lines."""
    assert "s3cret" not in log.text
    lines = [
        record.getMessage()
        for record in log.records
        if record.levelno == level and record.name.startswith("blocklist.release")
    ]
    log.clear()
    return lines


def test_published_and_unchanged_releases(copied: Path, log: pytest.LogCaptureFixture) -> None:
    (copied / "mine.txt").write_text("".join(f"fraud{number}.com\n" for number in range(11)))
    assert run_build(copied)
    assert release_lines(log) == ["release 2: published, 11 blocked (+1 -0), 0 held"]
    assert run_build(copied) is None
    assert release_lines(log) == ["release 2: not judged, unchanged inputs"]


def test_a_changed_list_without_changed_verdicts(
    copied: Path, log: pytest.LogCaptureFixture
) -> None:
    add_name_entry(copied, "fraud0.com", Verdict.BLOCK)
    assert run_build(copied)
    assert release_lines(log) == ["release 2: published, 10 blocked (+0 -0), 0 held"]
    names = [f"fraud{number}.com\n" for number in range(1, 10)]
    (copied / "mine.txt").write_text("".join(names))
    assert run_build(copied) is None
    assert release_lines(log) == ["release 2: unchanged, no verdict differs"]


def test_why_all_or_some_values_are_judged(copied: Path, log: pytest.LogCaptureFixture) -> None:
    (copied / "mine.txt").write_text("".join(f"fraud{number}.com\n" for number in range(11)))
    run_build(copied)
    assert release_lines(log, logging.DEBUG) == [
        "judging 1 changed values, because only listings changed since release 1"
    ]
    add_name_entry(copied, "fraud0.com", Verdict.ALLOW)
    run_build(copied)
    assert release_lines(log, logging.DEBUG) == [
        "judging all of 11 listings: guards, entries or weights changed"
    ]


def test_a_held_release_and_its_acceptance(copied: Path, log: pytest.LogCaptureFixture) -> None:
    add_name_entry(copied, "mine.com", Verdict.BLOCK)
    (copied / "mine.txt").write_text("fraud0.com\n")
    run_held_build(copied)
    held, operator, candidate = release_lines(log)
    assert held.startswith("release held by 2 objections: 9 blocks would be removed from 10 (90%)")
    assert operator == (
        "release 2: published with the operator's changes alone, 11 blocked (+1 -0), 0 held"
    )
    assert candidate == "release 3: kept as the candidate, 2 blocked (+0 -9), 0 held"
    with open_ledger_writer(load_folder(copied).database, "test") as writer:
        accept_candidate(writer, "they retired it")
    assert release_lines(log) == [
        "release 3: published, a held candidate that was accepted, 2 blocked (+0 -9), 0 held"
    ]


def test_rollback_pin_and_undo(copied: Path, log: pytest.LogCaptureFixture) -> None:
    (copied / "mine.txt").write_text("".join(f"fraud{number}.com\n" for number in range(11)))
    run_build(copied)
    release_lines(log)
    with open_ledger_writer(load_folder(copied).database, "test") as writer:
        roll_back_release(writer, None, "")
        undo_feed_update(writer, "mine", "")
    assert release_lines(log) == [
        "release 3: published and pinned, a rollback to release 1, 10 blocked (+0 -1), 0 held",
        "feed mine: last update undone and feed pinned, +0 -1",
    ]
    run_build(copied)
    (line,) = release_lines(log)
    assert line.startswith("release 3: not judged, pinned since 2")


def test_echoes_and_addresses(
    copied: Path, log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = "".join(f"fraud{number}.com\n" for number in range(60))
    (copied / "mine.txt").write_text(names)
    (copied / "copy.txt").write_text(names)
    table = '[feeds.copy]\nurl = "copy.txt"\nformat = "domains"\n'
    (copied / "blocklist.toml").write_text(SETTINGS.replace("always = 0", "always = 100") + table)
    run_build(copied)
    release_lines(log)
    monkeypatch.setattr(echo_detection, "is_echo_detection_due", lambda _: True)
    config = load_folder(copied)
    with open_ledger_writer(config.database, "test") as writer:
        echo_detection.detect_echoes(config, writer)
        with read_transaction(config.database) as transaction:
            echoes = load_echoes(transaction.connection)
        refresh_resolved_addresses(
            replace(config, resolve=replace(config.resolve, addresses=True)), writer
        )
    count, *found, addresses = release_lines(log)
    assert count == f"echo detection: {len(echoes)} echoes"
    assert len(found) == len(echoes) == 1
    assert found[0].startswith(f"echo: {echoes[0].follower} repeats {echoes[0].leader}, which")
    assert addresses == "addresses behind blocked names: 0 blocked, 0 spared"
