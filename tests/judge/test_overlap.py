"""The overlap of feeds against a plain model, and the detection of echoes."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocklist.frames.schemas import DATED_LISTINGS
from blocklist.judge.overlap.overlap import FeedShare, compute_overlap, find_echoes
from blocklist.judge.overlap.set_cover import FeedCombination, choose_covering_feeds
from blocklist.model import Echo
from tests.support.cli import Run, blocklist, commands
from tests.support.examples import at_most

FEEDS = ["a", "b", "c"]
#: When the runs were, in days.
DAYS = {1: 0.0, 2: 1.0, 3: 3.0, 4: 3.5}
Listed = dict[tuple[str, str], int]

worlds: st.SearchStrategy[Listed] = st.dictionaries(
    st.tuples(st.sampled_from(FEEDS), st.sampled_from("uvwxyz")), st.sampled_from(list(DAYS))
)
began = st.fixed_dictionaries({feed: st.sampled_from([1, 2]) for feed in FEEDS})


def plain(listed: Listed, first: dict[str, int], guarded: set[str]) -> dict[str, FeedShare]:
    """Count one entry at a time."""
    found = {}
    for feed in {feed for feed, _ in listed}:
        values = [value for one, value in listed if one == feed]
        ahead, dated = [], 0
        for value in values:
            mine = listed[feed, value]
            known = [
                theirs
                for (other, value2), theirs in listed.items()
                if value2 == value
                and other != feed
                and is_dated(mine, theirs, first[feed], first[other])
            ]
            dated += bool(known)
            if known and mine < min(known):
                ahead.append(min(DAYS[one] for one in known) - DAYS[mine])
        found[feed] = FeedShare(
            feed,
            entries=len(values),
            unique=sum(all((o, v) not in listed for o in FEEDS if o != feed) for v in values),
            dated=dated,
            first=len(ahead),
            lead=median(ahead) if ahead else None,
            conflicts=len(guarded & set(values)),
        )
    return found


def is_dated(mine: int, theirs: int, my_first: int, their_first: int) -> bool:
    """Return whether the later listing (both, if equal) began after its feed's first run."""
    if mine == theirs:
        return mine > my_first and theirs > their_first
    return mine > my_first if mine > theirs else theirs > their_first


@at_most(30)
@given(worlds, began, st.sets(st.sampled_from("uvwxyz")))
def test_shares_are_those_of_a_plain_model(
    listed: Listed, first: dict[str, int], guarded: set[str]
) -> None:
    listed = {key: max(since, first[key[0]]) for key, since in listed.items()}
    rows = [(feed, value, since, since > first[feed]) for (feed, value), since in listed.items()]
    frame = pl.DataFrame(rows, schema=DATED_LISTINGS, orient="row")
    found = compute_overlap(frame, DAYS, pl.Series(sorted(guarded), dtype=pl.String))
    assert {one.feed: one for one in found.shares} == plain(listed, first, guarded)
    assert found.values == len({value for _, value in listed})
    covered = {value for feed, value in listed for step in found.cover if step.feed == feed}
    assert len(covered) == sum(step.added for step in found.cover) >= 0.95 * found.values


@pytest.mark.parametrize(
    ("combinations", "expected", "why"),
    [
        ([], [], "nothing"),
        ([("a", 9), ("b", 5)], [("a", 9), ("b", 5)], "the largest first"),
        ([("ab", 9), ("b", 1)], [("b", 10)], "one that has it all"),
        ([("a", 5), ("ab", 5), ("bc", 5), ("c", 4)], [("a", 10), ("c", 9)], "the rest of it"),
        ([("b", 5), ("a", 5)], [("a", 5), ("b", 5)], "of equals always the same"),
        ([("a", 95), ("b", 5)], [("a", 95)], "nearly all is enough"),
    ],
)
def test_cover(
    combinations: list[tuple[str, int]], expected: list[tuple[str, int]], why: str
) -> None:
    every = [FeedCombination(feeds, values) for feeds, values in combinations]
    assert [(step.feed, step.added) for step in choose_covering_feeds(every, 0.95)] == expected, why


@pytest.mark.parametrize(
    ("contained", "expected", "why"),
    [
        ([("f", "l", 60, 1.0)], ["f"], "never earlier"),
        ([("f", "l", 200, 0.96)], ["f"], "hardly ever"),
        ([("f", "l", 60, 0.96)], [], "that may be chance"),
        ([("f", "l", 90_000, 0.94)], [], "it finds things itself"),
        ([("f", "l", 40, 1.0)], [], "too few are dated"),
        ([("f", "l", 0, 0.0)], [], "nobody knows who was first"),
        ([("f", "l", 0, 0.0), ("l", "f", 0, 0.0)], ["l"], "the same list twice"),
        ([("f", "l", 30, 0.9), ("l", "f", 30, 0.4)], ["f"], "the same, and one is behind"),
    ],
)
def test_who_is_an_echo(
    contained: list[tuple[str, str, int, float]], expected: list[str], why: str
) -> None:
    every = tuple(Echo(one, two, 1.0, dated, behind) for one, two, dated, behind in contained)
    assert [echo.follower for echo in find_echoes(every)] == expected, why


CONFIG = """
[feeds.leader]
url = "leader.txt"
format = "domains"

[feeds.follower]
url = "follower.txt"
format = "domains"

[policy]
threshold = 0.6
"""


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder where one feed copies the other, a run later; to be copied."""
    folder = tmp_path_factory.mktemp("overlap")
    (folder / "blocklist.toml").write_text(CONFIG)
    before = "".join(f"first-{n}.com\n" for n in range(60))
    for day in range(3):
        now = before + "".join(f"day-{day}-{n}.com\n" for n in range(30))
        (folder / "leader.txt").write_text(now)
        (folder / "follower.txt").write_text(before)
        blocklist(folder, "run")
        before = now
    return folder


def age(folder: Path) -> None:
    """Make all runs so far two days older."""
    with sqlite3.connect(folder / "blocklist.db") as opened:
        started = (datetime.now(UTC) - timedelta(days=2)).isoformat()
        opened.execute("UPDATE run SET started = ?", [started])
        opened.execute("UPDATE job SET at = ?", ["2001-01-01T00:00:00Z"])
    opened.close()


def test_an_echo_is_found_and_loses_its_voice(run: Run, tmp_path: Path) -> None:
    assert run("check", "first-1.com").code == 1, "two voices, on the first day"
    assert "score 0.75: follower 0.5, leader 0.5" in run("check", "first-1.com").out
    age(tmp_path)
    assert run("--quiet", "run").code == 3, "the gate: all that was blocked is weak now"
    with sqlite3.connect(tmp_path / "blocklist.db") as opened:
        found = opened.execute("SELECT follower, leader, dated, behind FROM echo").fetchall()
    opened.close()
    assert found == [("follower", "leader", 60, 1.0)]
    run("block", "add", "something.com")
    run("--quiet", "run")
    assert "score 0.50: leader 0.5 (repeated by follower)" in run("check", "first-1.com").out


def test_feeds_overlap(run: Run) -> None:
    found = run("feeds", "overlap", "--json").json
    assert found["values"] == 150
    assert [step["feed"] for step in found["cover"]] == ["leader"]
    shown = run("feeds", "overlap").out
    assert (
        "100.0% of follower is in leader, 100.0% of 60 not earlier; it is taken for a copy" in shown
    )
    assert "leader    150      20.0%   100.0% of 60" in shown


def test_without_a_ledger_nothing_overlaps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = commands(tmp_path, monkeypatch, capsys)
    ended = command("feeds", "overlap")
    assert ended.code == 2
    assert "run: blocklist run" in ended.err
    assert not list(tmp_path.iterdir()), "asking makes no files"
