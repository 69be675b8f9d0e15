"""Lines that were not read: counted by reason, with samples; a rising share is a warning."""

import json
from pathlib import Path

import pytest

from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.feeds.line_counts import LineCounts, load_line_counts
from tests.support.cli import blocklist
from tests.support.feed_folder import FeedFolder, many_names


@pytest.fixture
def folder(tmp_path: Path) -> FeedFolder:
    return FeedFolder(tmp_path)


def counts_in_ledger(folder: FeedFolder) -> LineCounts:
    with read_transaction(folder.config.database) as transaction:
        return load_line_counts(transaction.connection)["mine"]


def test_lines_are_counted_with_three_samples_of_each_reason(folder: FeedFolder) -> None:
    bad = "a!b.example\n" * 2 + "two words\n" + "c!d.example\n" * 2
    outcome = folder.collect("# head\n" + many_names(5) + bad)
    counts = counts_in_ledger(folder)
    assert outcome.lines == counts
    assert (counts.lines, counts.accepted, counts.comments) == (11, 5, 1)
    assert counts.refused == {"bad-character": 4, "several-words": 1}
    assert (counts.unread, counts.unread_share) == (5, 0.5)
    assert [sample["line"] for sample in counts.samples["bad-character"]] == [7, 8, 10]
    assert counts.samples["several-words"] == [{"line": 9, "text": "two words"}]


def test_an_unchanged_feed_keeps_its_counts(folder: FeedFolder) -> None:
    folder.collect("a.example\nbad!\n")
    counts = counts_in_ledger(folder)
    assert folder.collect().lines == counts
    assert counts.unread == 1


def test_a_refused_snapshot_leaves_the_counts_of_the_list_in_force(folder: FeedFolder) -> None:
    folder.collect(many_names(30))
    outcome = folder.collect("bad!\n" * 40)
    assert outcome.lines is not None
    assert outcome.lines.unread == 40
    assert counts_in_ledger(folder).unread == 0


def test_neutral_reasons_are_no_unread_lines(folder: FeedFolder) -> None:
    feed = folder.feed.__class__("mine", folder.feed.urls, "adblock", enabled=True)
    outcome = folder.collect("||a.example^\n" + "@@||b.example^\n" * 40, feed)
    assert outcome.lines is not None
    assert (outcome.lines.unread, outcome.lines.refused) == (0, {"exception": 40})


@pytest.mark.parametrize(
    ("before", "after", "warns", "why"),
    [
        ((200, 0), (170, 30), True, "15 % more of the lines"),
        ((200, 20), (150, 70), True, "from 9 % to 32 %"),
        ((200, 0), (195, 10), False, "few lines"),
        ((900, 100), (880, 120), False, "hardly more"),
        ((150, 70), (200, 20), False, "fewer"),
        ((150, 70), (151, 70), False, "as many as before"),
    ],
)
def test_a_share_that_rises_is_a_warning(
    folder: FeedFolder, before: tuple[int, int], after: tuple[int, int], warns: bool, why: str
) -> None:
    first, second = (many_names(good) + "bad!\n" * bad for good, bad in (before, after))
    assert folder.collect(first).warning is None, "there is no share to compare with"
    outcome = folder.collect(second)
    assert outcome.is_good
    assert (outcome.warning is not None) == warns, why


def test_every_command_shows_them_and_hostile_bytes_do_no_harm(tmp_path: Path) -> None:
    good = "".join(f"0.0.0.0 n{number}.example\n" for number in range(110))
    bad = "".join(f"bare-{number}.example\n" for number in range(34))
    (tmp_path / "l.txt").write_bytes(
        good.encode() + b"\x1b[2Jno\xff\xe2\x80\xae.example\n" + bad.encode()
    )
    (tmp_path / "blocklist.toml").write_text('[feeds.f]\nurl = "l.txt"\nformat = "hosts"\n')
    ran = blocklist(tmp_path, "run", "--json")
    assert ran.json["feeds"][0]["lines"]["unread"] == 35
    assert "35 (24%)" in blocklist(tmp_path, "feeds", "list").out
    shown = blocklist(tmp_path, "feeds", "show", "f").out
    assert "refused: no-address-and-name, 35 lines" in shown
    assert "line 112: bare-0.example" in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    found = blocklist(tmp_path, "feeds", "show", "f", "--json")
    assert "\x1b" not in found.out
    assert json.loads(found.out)["lines"]["refused"] == {"no-address-and-name": 35}
    assert "35 of 145 lines were not read (24%" in blocklist(tmp_path, "doctor").out
    (tmp_path / "l.txt").write_text(good + bad * 2)
    ran = blocklist(tmp_path, "run")
    assert ran.code == 0
    assert "f: 68 of 178 lines were not read (38%" in ran.err
