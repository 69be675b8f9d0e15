"""Releases: what a build publishes, and that history is never overwritten."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings

from blocklist.collect.update import select_feeds, update_feeds
from blocklist.frames.names import expand_ancestors
from blocklist.ledger.db.timestamps import current_timestamp
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.db.writer import LedgerWriter, open_ledger_writer
from blocklist.ledger.feeds.health import FeedHealth
from blocklist.ledger.releases.history import Release
from blocklist.ledger.releases.verdicts import (
    current_verdicts,
    diff_verdicts,
    export_rows,
    next_release,
    publish_release,
)
from blocklist.model import FeedState, Reason, Scope, Verdict
from blocklist.parse.parser import parse_snapshot
from blocklist.release.build import build_release
from blocklist.release.gate.gate import GateInput, find_objections
from tests.support.corpus import SUFFIX_LIST, corpus_settings
from tests.support.releases import (
    RELEASES,
    State,
    add_name_entry,
    age_feed,
    all_releases,
    blocked_keys,
    load_folder,
    release_actions,
    run_build,
    run_held_build,
    verdict_frame,
    with_first_release,
)

SETTINGS = """
[feeds.mine]
url = "mine.txt"
format = "domains"

[guards.top]
url = "top.txt"
format = "domains"
mandatory = true
"""
FEED = "evil.com\nshop.com\n46.9.9.9\n"
TOP = "shop.com\nnews.com\n"


def prepare(folder: Path) -> Path:
    (folder / "blocklist.toml").write_text(SETTINGS)
    (folder / "mine.txt").write_text(FEED)
    (folder / "top.txt").write_text(TOP)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return prepare(tmp_path)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a first release, to be copied."""
    return with_first_release(prepare(tmp_path_factory.mktemp("first")))


FIRST = {("block", "evil.com", "subtree"), ("block", "46.9.9.9", "exact")}


def test_a_build_publishes_what_is_blocked(folder: Path) -> None:
    release = run_build(folder)
    assert release is not None
    counts = (release.number, release.blocked, release.held, release.added, release.removed)
    assert counts == (1, 2, 1, 2, 0)
    assert release.cause == "test"
    assert all_releases(folder) == [release]
    assert release_actions(folder, 1) == FIRST


def test_nothing_changed_is_no_new_release(copied: Path) -> None:
    before = all_releases(copied)
    assert run_build(copied) is None
    assert run_build(copied, collect=False) is None
    assert all_releases(copied) == before


def test_an_entry_without_a_reason_changes_nothing_twice(copied: Path) -> None:
    add_name_entry(copied, "other.com", Verdict.BLOCK)
    assert run_build(copied) is not None
    assert run_build(copied) is None


def test_each_release_stays_what_it_was(copied: Path) -> None:
    (copied / "mine.txt").write_text("evil.com\nworse.com\nshop.com\n")
    second = run_build(copied)
    assert second is not None
    assert (second.blocked, second.added, second.removed) == (2, 1, 1)
    (copied / "mine.txt").write_text(FEED)
    third = run_build(copied)
    assert third is not None
    assert (third.number, third.added, third.removed) == (3, 1, 1)
    assert release_actions(copied, 1) == release_actions(copied, 3) == FIRST
    worse = {("block", "evil.com", "subtree"), ("block", "worse.com", "subtree")}
    assert release_actions(copied, 2) == worse
    assert release_actions(copied, 0) == set()


def test_only_blocks_and_the_operators_allows_are_exported(copied: Path) -> None:
    add_name_entry(copied, "good.evil.com", Verdict.ALLOW)
    add_name_entry(copied, "shop.com", Verdict.BLOCK)
    assert run_build(copied) is not None
    more = {("allow", "good.evil.com", "subtree"), ("block", "shop.com", "subtree")}
    assert release_actions(copied, 2) == FIRST | more


def test_an_entry_counts_until_it_expires(copied: Path) -> None:
    add_name_entry(copied, "evil.com", Verdict.ALLOW, timedelta(hours=1))
    assert run_build(copied) is not None
    assert ("allow", "evil.com", "subtree") in release_actions(copied, 2)
    add_name_entry(copied, "evil.com", Verdict.ALLOW, -timedelta(seconds=2))
    assert run_build(copied) is not None
    assert release_actions(copied, 3) == FIRST


def test_a_change_of_reason_alone_is_a_release_that_adds_nothing(copied: Path) -> None:
    add_name_entry(copied, "evil.com", Verdict.BLOCK)
    second = run_build(copied)
    assert second is not None
    assert (second.blocked, second.added, second.removed) == (2, 0, 0)


def test_a_feed_that_is_disabled_no_longer_counts(copied: Path) -> None:
    settings = SETTINGS + '\n[feeds.other]\nurl = "other.txt"\nformat = "domains"\n'
    (copied / "other.txt").write_text("worse.com\n")
    (copied / "blocklist.toml").write_text(
        settings.replace("[feeds.mine]", "[feeds.mine]\nenabled = false")
    )
    assert run_build(copied) is not None
    assert release_actions(copied, 2) == {("block", "worse.com", "subtree")}


def test_the_policys_own_names_are_guards(folder: Path) -> None:
    (folder / "blocklist.toml").write_text(
        SETTINGS + '\n[policy]\nown = ["evil.com", "46.9.0.0/16"]\n'
    )
    release = run_build(folder)
    assert release is not None
    assert (release.blocked, release.held) == (0, 1)


def missing(folder: Path) -> None:
    (folder / "top.txt").unlink()


def empty(folder: Path) -> None:
    (folder / "top.txt").write_text("")


def comments(folder: Path) -> None:
    (folder / "top.txt").write_text("# nothing today\n")


def shrunken(folder: Path) -> None:
    (folder / "top.txt").write_text("a.com\n" * 9)


def login_page(folder: Path) -> None:
    (folder / "top.txt").write_text("<!DOCTYPE html><title>Please log in</title>\n")


Break = Callable[[Path], None]
BROKEN: list[tuple[Break, str]] = [
    (missing, "no such file"),
    (empty, "empty"),
    (comments, "lists nothing"),
    (shrunken, "shrank"),
    (login_page, "a web page"),
]


@pytest.mark.parametrize(("breaks", "says"), BROKEN, ids=[f.__name__ for f, _ in BROKEN])
def test_a_mandatory_guard_that_failed_counts_by_its_last_good_version(
    folder: Path, breaks: Break, says: str
) -> None:
    (folder / "top.txt").write_text("shop.com\nnews.com\nbank.com\n")
    run_build(folder)
    breaks(folder)
    (folder / "mine.txt").write_text("worse.com\nshop.com\n46.9.9.9\n")
    assert run_build(folder) is not None, f"{says}: one bad day holds no release"
    assert ("block", "worse.com", "subtree") in release_actions(folder, 2)
    assert ("block", "shop.com", "subtree") not in release_actions(folder, 2)


@pytest.mark.parametrize(("breaks", "says"), BROKEN, ids=[f.__name__ for f, _ in BROKEN])
def test_without_a_sound_mandatory_guard_the_release_stays(
    folder: Path, breaks: Break, says: str
) -> None:
    (folder / "top.txt").write_text("shop.com\nnews.com\nbank.com\n")
    first = run_build(folder)
    breaks(folder)
    age_feed(load_folder(folder).database, "top")
    (folder / "mine.txt").write_text("worse.com\nshop.com\n46.9.9.9\n")
    message = run_held_build(folder)
    assert "the mandatory guard top" in message
    assert says in message
    assert "release 1 stays" in message
    assert says in run_held_build(folder, collect=False), "a build without an update knows it too"
    assert all_releases(folder) == [first]
    assert release_actions(folder, 1) == FIRST


def test_without_a_mandatory_guard_there_is_no_first_release(folder: Path) -> None:
    assert "the mandatory guard top was never fetched" in run_held_build(folder, collect=False)
    missing(folder)
    assert "nothing is published yet" in run_held_build(folder)
    assert all_releases(folder) == []


@pytest.mark.parametrize(
    ("state", "entries", "passes", "why"),
    [
        (FeedState.FRESH, 1, True, "a sound guard"),
        (FeedState.UNCHANGED, 1, True, "a sound guard, as it was"),
        (FeedState.FRESH, 0, False, "one that lists nothing"),
        (FeedState.STALE, 1, False, "one that is out of date"),
        (FeedState.REFUSED, 1, False, "one whose snapshot was refused, and never was good"),
        (FeedState.FAILED, 1, False, "one that could not be fetched, and never was good"),
        (FeedState.NEVER, 0, False, "one that was never fetched"),
    ],
)
def test_the_gate_looks_at_guards(
    folder: Path, state: FeedState, entries: int, passes: bool, why: str
) -> None:
    good_at = current_timestamp() if state.is_good else None
    health = FeedHealth("top", 1, state, "cause", None, None, None, entries, good_at)
    nothing = diff_verdicts(verdict_frame({}), verdict_frame({}))
    now = Release(1, "", "test", 1, 0, 1, 0)
    found = find_objections(
        GateInput(
            load_folder(folder),
            {"top": health},
            now,
            now,
            nothing,
            pl.Series("value", [], pl.String),
        )
    )
    assert (not found) == passes, why
    assert all("the mandatory guard top" in objection.text for objection in found)
    assert all(objection.final for objection in found), "nobody can accept a missing guard"


def test_a_guard_that_is_well_again_lets_the_release_pass(folder: Path) -> None:
    missing(folder)
    run_held_build(folder)
    (folder / "top.txt").write_text(TOP)
    assert run_build(folder) is not None


def test_any_other_guard_may_fail(copied: Path) -> None:
    (copied / "blocklist.toml").write_text(SETTINGS.replace("mandatory = true", ""))
    (copied / "mine.txt").write_text("worse.com\nshop.com\n46.9.9.9\n")
    missing(copied)
    assert run_build(copied) is not None
    assert ("block", "shop.com", "subtree") not in release_actions(copied, 2), (
        "its last good is in force"
    )


def test_a_candidate_that_blocks_nothing_is_held(copied: Path) -> None:
    add_name_entry(copied, "evil.com", Verdict.ALLOW)
    (copied / "blocklist.toml").write_text(SETTINGS + '\n[policy]\nown = ["46.9.9.9"]\n')
    assert "the new list would block nothing, and 1 entries are blocked now" in run_held_build(
        copied
    )
    assert release_actions(copied, len(all_releases(copied))) == {
        ("allow", "evil.com", "subtree"),
        ("block", "46.9.9.9", "exact"),
    }, "what the operator decided does not wait for the rest"


def test_the_operator_may_unblock_the_last_one(folder: Path) -> None:
    (folder / "mine.txt").write_text("evil.com\n")
    run_build(folder)
    add_name_entry(folder, "evil.com", Verdict.ALLOW)
    assert run_build(folder) is not None, "an unblock is no accident"


def test_a_feed_that_fails_keeps_its_last_good(copied: Path) -> None:
    (copied / "mine.txt").unlink()
    known = load_folder(copied)
    with open_ledger_writer(known.database, "test") as opened:
        outcomes = update_feeds(known, opened, select_feeds(known, []), lambda outcome: None)
        assert {outcome.state for outcome in outcomes} == {FeedState.UNCHANGED, FeedState.FAILED}
        assert not build_release(known, opened, "test").is_new


# History against a model: all releases kept whole.


@contextmanager
def ledger(path: Path) -> Iterator[LedgerWriter]:
    path.unlink(missing_ok=True)
    with open_ledger_writer(path, "test") as opened:
        yield opened


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(RELEASES)
def test_history_is_what_was_published(tmp_path: Path, states: list[State]) -> None:
    path = tmp_path / "blocklist.db"
    with ledger(path) as opened:
        published: list[Release] = []
        for state in states:
            with read_transaction(path) as transaction:
                before = current_verdicts(transaction)
            change = diff_verdicts(before, verdict_frame(state))
            last = published[-1] if published else None
            published.append(next_release(opened, last, change, "test"))
            publish_release(opened, published[-1], change)
        with read_transaction(path) as transaction:
            kept = [export_rows(transaction, number) for number in range(1, len(states) + 1)]
            now = current_verdicts(transaction)
    assert now.sort("value", "scope").equals(
        verdict_frame(states[-1]).drop("score").sort("value", "scope")
    )
    past: State = {}
    for state, release, rows in zip(states, published, kept, strict=True):
        shown = {
            ((value, Scope(scope)), action)
            for value, scope, action in rows.select("value", "scope", "action").iter_rows()
        }
        assert shown == {
            (key, verdict.value)
            for key, (verdict, reason, _) in state.items()
            if verdict is Verdict.BLOCK or (verdict, reason) == (Verdict.ALLOW, Reason.OPERATOR)
        }
        assert release.blocked == len(blocked_keys(state))
        assert release.held == sum(said[0] is Verdict.HOLD for said in state.values())
        assert release.added == len(blocked_keys(state) - blocked_keys(past))
        assert release.removed == len(blocked_keys(past) - blocked_keys(state))
        past = state


# Real feeds.


def find_blocked_suffixes(corpus: Path, blocked: pl.DataFrame) -> pl.DataFrame:
    """Return the suffixes of the current list that a block covers."""
    body = (corpus / SUFFIX_LIST).read_bytes()
    rules = parse_snapshot(body, "public-suffix").indicators
    suffixes = rules.filter(pl.col("scope") == Scope.EXACT.value).select(name="value")
    assert suffixes.height > 9_000
    covering = expand_ancestors(suffixes, "name").join(
        blocked.select("value", "scope"), left_on="ancestor", right_on="value"
    )
    is_own = pl.col("steps") == 0
    return covering.filter(
        (is_own & (pl.col("scope") != Scope.BELOW.value))
        | (~is_own & (pl.col("scope") != Scope.EXACT.value))
    )


@pytest.mark.corpus
def test_no_popular_name_is_blocked_by_real_feeds(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "blocklist.toml").write_text(corpus_settings(corpus))
    release = run_build(tmp_path)
    assert release is not None
    assert release.blocked > 500_000
    with read_transaction(tmp_path / "blocklist.db") as transaction:
        found = current_verdicts(transaction)
        top = transaction.frame(
            "SELECT value FROM listing JOIN feed ON feed.id = feed_id WHERE feed.name = ?",
            "tranco10k",
            schema=pl.Schema({"value": pl.String()}),
        )
    assert top.height > 9_000
    blocked = found.filter(pl.col("verdict") == Verdict.BLOCK.value)
    assert blocked.join(top, on="value", how="semi").is_empty()
    over = expand_ancestors(top.rename({"value": "name"}), "name").filter(pl.col("steps") > 0)
    wide = blocked.filter(pl.col("scope") != Scope.EXACT.value)
    assert wide.join(over, left_on="value", right_on="ancestor", how="semi").is_empty()
    verdicts = dict(found.select("value", "verdict").iter_rows())
    assert verdicts["github.com"] == "hold"
    assert verdicts["107.173.9.85"] == "block", "urlhaus' octal entry"
    assert find_blocked_suffixes(corpus, blocked).is_empty()
    assert run_build(tmp_path) is None
