"""Independent sources and echoes, and the decay of overdue feeds."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from blocklist.judge.scoring.decay import decay_reliability, load_half_lives
from blocklist.judge.scoring.electorate import FeedGroups
from blocklist.model import Category
from tests.support.cli import Run, blocklist

GUARDED = {"popular", "bank", "service", "cloud", "shared-host"}

# Reliability; lineage as `feed<source,source`; who lists; the voices with their echoes; the score.
VOICES = [
    ("strangers", "a=.5 b=.5", "", "ab", "a b", 0.75),
    ("a copy adds nothing", "a=.5 b=.5", "b<a", "ab", "ab", 0.5),
    ("but speaks where its source does not", "a=.5 b=.5", "b<a", "b", "b", 0.5),
    ("and lends its reliability", "a=.5 b=.8", "b<a", "ab", "ab", 0.8),
    ("a copy of a copy", "a=.5 b=.5 c=.5", "b<a c<b", "ac", "ac", 0.5),
    ("two sources stay two", "a=.5 b=.5 c=.5", "c<a,b", "abc", "ac b", 0.75),
    ("two copies of one source", "a=.5 b=.5 c=.5", "b<a c<a", "abc", "abc", 0.5),
    ("which does not list it now", "a=.5 b=.5 c=.5", "b<a c<a", "bc", "b c", 0.75),
    ("a source that is none of ours", "a=.5 b=.5", "a<ext:x b<ext:x", "ab", "ab", 0.5),
    ("a source that is switched off", "a=.5 b=.5", "a<z b<z", "ab", "ab", 0.5),
    ("other sources that are none of ours", "a=.5 b=.5", "a<ext:x b<ext:y", "ab", "a b", 0.75),
    ("each says it copies the other", "a=.4 b=.5", "a<b b<a", "ab", "ba", 0.5),
    ("it says it copies itself", "a=.5 b=.5", "a<a", "ab", "a b", 0.75),
    ("nobody", "a=.5", "", "", "", 0.0),
]  # fmt: skip


def electorate(reliability: str, lineage: str) -> FeedGroups:
    said = dict(part.split("=") for part in reliability.split())
    of = dict(part.split("<") for part in lineage.split())
    return FeedGroups(
        {feed: float(number) for feed, number in said.items()},
        {feed: sources.split(",") for feed, sources in of.items()},
    )


@pytest.mark.parametrize(
    ("why", "reliability", "lineage", "lists", "expected", "score"),
    VOICES,
    ids=[why for why, *_ in VOICES],
)
def test_voices(
    why: str, reliability: str, lineage: str, lists: str, expected: str, score: float
) -> None:
    known = electorate(reliability, lineage)
    voices = known.group_feeds(lists)
    assert [voice.feed + "".join(voice.echoes) for voice in voices] == expected.split(), why
    assert known.score_feeds(lists) == score, why


def test_every_category_that_feeds_list_has_a_half_life() -> None:
    assert load_half_lives().keys() == {one for one in Category if one not in GUARDED}


@pytest.mark.parametrize(
    ("category", "days", "left"),
    [(Category.PHISHING, 0, 0.8), (Category.PHISHING, 7, 0.4), (Category.GAMBLING, 360, 0.2)],
)
def test_what_is_left_of_a_feed(category: Category, days: int, left: float) -> None:
    assert decay_reliability(0.8, category, days) == pytest.approx(left)


CONFIG = """
[feeds.first]
url = "first.txt"
format = "domains"
category = "phishing"
reliability = 0.6

[feeds.copy]
url = "copy.txt"
format = "domains"
reliability = 0.5
lineage = ["first"]

[feeds.other]
url = "other.txt"
format = "urls"
reliability = 0.5

[policy]
threshold = 0.7
"""


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a release of a feed, its copy, and another, to be copied."""
    folder = tmp_path_factory.mktemp("agreement")
    (folder / "blocklist.toml").write_text(CONFIG)
    (folder / "first.txt").write_text("echoed.com\nagreed.com\n")
    (folder / "copy.txt").write_text("echoed.com\nagreed.com\n")
    (folder / "other.txt").write_text("https://agreed.com/x\nhttps://pages.com/1\n")
    assert blocklist(folder, "run").code == 0
    return folder


def test_check_shows_how_the_score_came_about(run: Run) -> None:
    shown = run("check", "echoed.com", "agreed.com", "nobody.com").out
    assert "echoed.com: clear (weak: widened)" in shown
    assert "  score 0.60: first 0.6 (repeated by copy)\n" in shown
    assert "agreed.com: block (listed), by agreed.com (exact)" in shown
    assert "  score 0.80: first 0.6 (repeated by copy), other 0.5\n" in shown
    page, nobody = run("check", "--json", "https://pages.com/1", "nobody.com").json["answers"]
    assert page["score"]["score"] == 0.5
    assert page["score"]["voices"] == [{"feed": "other", "reliability": 0.5, "echoes": []}]
    assert nobody["score"] is None


def test_your_word_needs_no_score(run: Run) -> None:
    for name in ("echoed.com", "https://pages.com/1"):
        run("allow", "add", name)
    run("--quiet", "run")
    answers = run("check", "--json", "echoed.com", "https://pages.com/1").json["answers"]
    assert [one["score"] for one in answers] == [None, None]


def test_a_feed_that_is_overdue_counts_less(run: Run, tmp_path: Path) -> None:
    (tmp_path / "first.txt").unlink()
    last_good = datetime.now(UTC) - timedelta(days=3 + 7, minutes=1)
    with sqlite3.connect(tmp_path / "blocklist.db") as opened:
        opened.execute("UPDATE feed SET good_at = ? WHERE name = 'first'", [last_good.isoformat()])
    opened.close()
    assert run("--quiet", "run").code == 4
    shown = run("check", "agreed.com").out
    assert (
        "score 0.75: other 0.5, first 0.5 (repeated by copy); first counts less, 7 days overdue"
        in shown
    )
    (answer,) = run("check", "--json", "agreed.com").json["answers"]
    assert answer["score"]["overdue"] == {"first": 7}


def test_a_feed_that_is_pinned_is_left_as_it_is(run: Run, tmp_path: Path) -> None:
    last_good = datetime.now(UTC) - timedelta(days=30)
    with sqlite3.connect(tmp_path / "blocklist.db") as opened:
        opened.execute("UPDATE feed SET good_at = ? WHERE name = 'first'", [last_good.isoformat()])
        opened.execute(
            "INSERT INTO pin (run_id, feed_id, created, reason) "
            "SELECT 1, id, '2026-01-01T00:00:00Z', '' FROM feed WHERE name = 'first'"
        )
    opened.close()
    assert run("--quiet", "run").code == 0
    assert "score 0.80: first 0.6 (repeated by copy), other 0.5\n" in run("check", "agreed.com").out
