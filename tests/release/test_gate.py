"""The gate: budgets, held candidates, and their acceptance."""

from pathlib import Path

import polars as pl
import pytest

from blocklist.config.sections import GateConfig
from blocklist.errors import GateHeld, NotFoundError
from blocklist.frames.schemas import LISTINGS
from blocklist.ledger.db.connection import open_read_only
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.db.writer import open_ledger_writer
from blocklist.ledger.operator.entries import remove_entries
from blocklist.ledger.releases.candidate import Candidate, candidate_export_rows, load_candidate
from blocklist.ledger.releases.history import Release
from blocklist.ledger.releases.verdicts import VerdictChange, diff_verdicts
from blocklist.model import Indicator, Kind, Reason, Scope, Verdict
from blocklist.release.gate.budgets import (
    count_blocked_by_category,
    find_exceeded_budgets,
    find_unintended_change,
)
from blocklist.release.history.accept import accept_candidate
from blocklist.release.history.diff import diff_releases
from blocklist.release.history.references import find_referenced_release
from tests.support.releases import (
    State,
    add_name_entry,
    all_releases,
    load_folder,
    release_actions,
    run_build,
    run_held_build,
    verdict_frame,
    with_first_release,
)

LISTED = (Verdict.BLOCK, Reason.LISTED, None)
MINE = (Verdict.BLOCK, Reason.OPERATOR, None)
ALLOWED = (Verdict.ALLOW, Reason.OPERATOR, None)
POPULAR = (Verdict.HOLD, Reason.POPULAR, "top")
NOBODY = pl.Series("value", [], pl.String)


def verdicts(first: int, end: int, said: tuple[Verdict, Reason, str | None] = LISTED) -> State:
    return {(f"n{number}.example", Scope.EXACT): said for number in range(first, end)}


def made(of: State) -> Release:
    blocked = sum(said[0] is Verdict.BLOCK for said in of.values())
    return Release(1, "", "test", blocked, 0, 0, 0, categories={"phishing": blocked})


BEFORE = verdicts(0, 10)
Gate = GateConfig  # keeps each case on its line
BUDGETS = [
    (verdicts(0, 10), Gate(), NOBODY, "", "nothing changed"),
    (verdicts(0, 3), Gate(), NOBODY, "", "few changes always pass"),
    (verdicts(0, 7), Gate(always=0), NOBODY, "", "three of ten are 0.3"),
    (verdicts(0, 6), Gate(always=0), NOBODY, "4 blocks would be removed", "four are not"),
    (verdicts(0, 6), Gate(always=4), NOBODY, "", "but four always pass here"),
    (verdicts(0, 4), Gate(always=0), NOBODY, "phishing would shrink from 10 to 4", "a category"),
    (verdicts(0, 20), Gate(always=0), NOBODY, "", "twice as many"),
    (verdicts(0, 21), Gate(always=0), NOBODY, "11 blocks would be added to 10",
     "more than twice"),
    (verdicts(5, 15), Gate(always=0), NOBODY, "5 blocks would be removed",
     "the number alone shows nothing"),
    (verdicts(0, 11), Gate(max_total=10), NOBODY, "gate.max_total = 10",
     "more than servers bear"),
    (verdicts(1, 10), Gate(max_total=8), NOBODY, "9 entries would be blocked",
     "although fewer than now"),
    (verdicts(0, 4), Gate(always=0), pl.Series("value", [f"n{n}.example" for n in range(10)]), "",
     "a person meant it"),
    (verdicts(0, 10, ALLOWED), Gate(always=0), NOBODY, "", "the operator's own word"),
    (verdicts(0, 40, MINE), Gate(always=0), NOBODY, "", "the operator's own word"),
]  # fmt: skip


@pytest.mark.parametrize(("after", "gate", "meant", "says", "why"), BUDGETS)
def test_budgets(after: State, gate: GateConfig, meant: pl.Series, says: str, why: str) -> None:
    change = diff_verdicts(verdict_frame(BEFORE), verdict_frame(after))
    balance = find_unintended_change(change, meant)
    found = "\n".join(find_exceeded_budgets(gate, made(BEFORE), made(after), balance))
    assert says in found, why
    assert bool(says) == bool(found), why


def test_a_release_that_does_not_say_its_categories_has_no_budget_of_them() -> None:
    change = diff_verdicts(verdict_frame(BEFORE), verdict_frame(verdicts(0, 15)))
    old = Release(1, "", "test", 10, 0, 0, 0)
    after = made(verdicts(0, 15))
    assert not list(
        find_exceeded_budgets(
            GateConfig(always=0), old, after, find_unintended_change(change, NOBODY)
        )
    )


def test_blocks_are_counted_by_category() -> None:
    listed = [
        ("one", "domain", "n0.example", "exact"),
        ("one", "domain", "n0.example", "subtree"),
        ("one", "domain", "n1.example", "exact"),
        ("two", "domain", "n1.example", "exact"),
        ("three", "domain", "n2.example", "exact"),
        ("two", "domain", "not-blocked.example", "exact"),
        ("three", "domain", "n1.example", "exact"),
        ("four", "domain", "n4.example", "exact"),
    ]
    others: State = {
        ("not-blocked.example", Scope.EXACT): (Verdict.CLEAR, Reason.WEAK, None),
        ("n2.example", Scope.SUBTREE): ALLOWED,
    }
    judged = verdict_frame(verdicts(0, 3) | verdicts(4, 5, POPULAR) | others)
    listings = pl.DataFrame(listed, schema=LISTINGS, orient="row")
    categories = {"one": "scam", "two": "phishing", "three": "scam", "four": "malware"}
    assert count_blocked_by_category(listings, judged, categories) == {"phishing": 1, "scam": 3}
    assert count_blocked_by_category(listings.clear(), judged, {}) == {}, "no feed is on"


def test_names_that_lose_their_guard_are_counted() -> None:
    before, after = verdicts(0, 5, POPULAR), verdicts(0, 5)
    balance = find_unintended_change(
        diff_verdicts(verdict_frame(before), verdict_frame(after)), NOBODY
    )
    (said,) = find_exceeded_budgets(
        GateConfig(max_unguarded=4), made(BEFORE), made(BEFORE), balance
    )
    assert "5 names would be blocked because a guard list no longer has them" in said
    assert "such as n0.example" in said
    assert not list(
        find_exceeded_budgets(GateConfig(max_unguarded=5), made(BEFORE), made(BEFORE), balance)
    )
    by_hand = find_unintended_change(
        diff_verdicts(verdict_frame(before), verdict_frame(verdicts(0, 5, MINE))), NOBODY
    )
    assert by_hand.formerly_guarded.is_empty(), "who blocks a famous name by hand means it"


def test_a_change_splits_into_two() -> None:
    change = diff_verdicts(verdict_frame(verdicts(0, 4)), verdict_frame(verdicts(2, 6)))
    mine, rest = change.split_by_values(pl.Series(["n0.example", "n5.example"]))
    assert (mine.added_blocks.height, mine.removed_blocks.height) == (1, 1)
    assert (rest.added_blocks.height, rest.removed_blocks.height) == (1, 1)
    assert not VerdictChange(verdict_frame({}), verdict_frame({}))


SETTINGS = """
[feeds.mine]
url = "mine.txt"
format = "domains"
max_shrink = 1.0

[feeds.other]
url = "other.txt"
format = "domains"

[gate]
always = 0
"""
FEED = "".join(f"fraud{number}.com\n" for number in range(9))


def prepare(folder: Path) -> Path:
    (folder / "blocklist.toml").write_text(SETTINGS)
    (folder / "mine.txt").write_text(FEED)
    (folder / "other.txt").write_text("other.com\n")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return prepare(tmp_path)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a first release, to be copied."""
    return with_first_release(prepare(tmp_path_factory.mktemp("first")))


def waiting(folder: Path) -> Candidate | None:
    with open_read_only(folder / "blocklist.db") as reader:
        assert reader is not None
        return load_candidate(reader)


def test_a_held_release_waits_until_it_is_accepted(copied: Path) -> None:
    first = release_actions(copied, 1)
    add_name_entry(copied, "fraud8.com", Verdict.ALLOW)
    (copied / "mine.txt").write_text("fraud0.com\nfraud1.com\nfraud8.com\n")
    message = run_held_build(copied)
    assert "6 blocks would be removed from 10 (60%); the limit is gate.max_removed = 0.3" in message
    assert "removed blocks are listed by: mine (6)" in message
    assert "release 2 is the previous one with your own entries" in message
    assert release_actions(copied, 2) - first == {("allow", "fraud8.com", "subtree")}
    assert first - release_actions(copied, 2) == {("block", "fraud8.com", "subtree")}
    kept = waiting(copied)
    assert kept is not None
    assert (kept.release.number, kept.release.blocked, kept.release.removed) == (3, 3, 6)


def test_a_candidate_is_looked_at_and_accepted(copied: Path) -> None:
    (copied / "mine.txt").write_text("fraud0.com\nfraud1.com\nfraud9.com\n")
    assert run_held_build(copied) == run_held_build(copied, collect=False), (
        "each build says it again"
    )
    database = load_folder(copied).database
    with open_read_only(database) as reader:
        two = [find_referenced_release(reader, name) for name in ("current", "candidate")]
    with read_transaction(database) as transaction:
        found = diff_releases(transaction, two[0], two[1], ["mine", "other"])
        others = diff_releases(transaction, two[0], two[1], ["mine", "other"], only_feeds=["other"])
        would = candidate_export_rows(transaction)
    assert (found.added.height, found.removed.height) == (1, 7)
    assert (found.added_by, found.removed_by) == ({"mine": 1}, {"mine": 7})
    assert others.removed.is_empty()
    with open_ledger_writer(database, "test") as opened:
        release = accept_candidate(opened, "they retired it")
    assert (release.number, release.reason) == (2, "they retired it")
    assert release_actions(copied, 2) == set(would.select("action", "value", "scope").iter_rows())
    assert all_releases(copied)[0] == release
    assert waiting(copied) is None
    with (
        pytest.raises(NotFoundError, match="nothing to accept"),
        open_ledger_writer(database, "x") as opened,
    ):
        accept_candidate(opened, "")
    assert run_build(copied) is None, "and all is well"


def test_a_candidate_is_forgotten_when_the_feed_is_well_again(copied: Path) -> None:
    (copied / "mine.txt").write_text("fraud0.com\n")
    run_held_build(copied)
    (copied / "mine.txt").write_text(FEED)
    assert run_build(copied) is None
    assert waiting(copied) is None


def test_a_candidate_is_forgotten_also_when_only_a_guard_is_not_well(copied: Path) -> None:
    (copied / "mine.txt").write_text("fraud0.com\n")
    run_held_build(copied)
    (copied / "mine.txt").write_text(FEED)
    guard = '[guards.top]\nurl = "top.txt"\nformat = "domains"\nmandatory = true\n'
    (copied / "blocklist.toml").write_text(SETTINGS + guard)
    assert "the mandatory guard top" in run_held_build(copied)
    assert waiting(copied) is None


def test_a_feed_that_was_switched_on_without_a_difference_is_new_no_more(folder: Path) -> None:
    off = SETTINGS.replace(".other]", ".other]\nenabled = false")
    (folder / "blocklist.toml").write_text(off)
    (folder / "other.txt").write_text("fraud0.com\n")
    run_build(folder)
    (folder / "blocklist.toml").write_text(SETTINGS)
    assert run_build(folder) is None, "all that it lists was blocked already"
    (folder / "other.txt").write_text("".join(f"other{number}.com\n" for number in range(20)))
    assert "20 blocks would be added to 9" in run_held_build(folder), "nobody meant this"


def test_feeds_that_are_switched_on_or_off_are_within_any_budget(folder: Path) -> None:
    (folder / "blocklist.toml").write_text(SETTINGS.replace(".mine]", ".mine]\nenabled = false"))
    run_build(folder)
    (folder / "blocklist.toml").write_text(SETTINGS)
    assert run_build(folder) is not None, "nine names come to one, but somebody wanted them"
    (folder / "blocklist.toml").write_text(SETTINGS.replace(".mine]", ".mine]\nenabled = false"))
    last = run_build(folder)
    assert last is not None
    assert (last.blocked, last.removed) == (1, 9)


@pytest.mark.parametrize("text", [None, "<html>no list</html>", "?\n" * 9], ids=str)
def test_a_feed_that_failed_from_the_start_is_new_when_it_first_answers(
    folder: Path, text: str | None
) -> None:
    (folder / "mine.txt").write_text(text) if text else (folder / "mine.txt").unlink()
    first = run_build(folder)
    assert first is not None
    assert first.blocked == 1, "of the other feed"
    assert run_build(folder) is None, "it fails on"
    (folder / "other.txt").write_text("other.com\nmore.com\n")
    assert run_build(folder) is not None, "another release is published in the meantime"
    (folder / "mine.txt").write_text(FEED)
    second = run_build(folder)
    assert second is not None, "nine names come to two, but somebody wanted them"
    assert second.blocked == 11
    (folder / "mine.txt").write_text(FEED + "".join(f"later{n}.com\n" for n in range(20)))
    assert "20 blocks would be added to 11" in run_held_build(folder), "it is new once"


def test_a_feed_that_was_good_and_failed_is_not_new(folder: Path) -> None:
    run_build(folder)
    (folder / "mine.txt").unlink()
    assert run_build(folder) is None
    (folder / "mine.txt").write_text(FEED + "".join(f"later{n}.com\n" for n in range(20)))
    assert "20 blocks would be added to 10" in run_held_build(folder)


def test_a_new_feed_is_new_until_its_release_is_published(folder: Path) -> None:
    settings = SETTINGS.replace('"other.txt"', '"other.txt"\nmax_shrink = 1.0')
    (folder / "blocklist.toml").write_text(settings)
    (folder / "mine.txt").unlink()
    run_build(folder)
    (folder / "mine.txt").write_text(FEED)
    (folder / "other.txt").write_text("".join(f"later{n}.com\n" for n in range(20)))
    assert "20 blocks would be added to 1" in run_held_build(folder), "by the other feed alone"
    (folder / "other.txt").write_text("other.com\n")
    assert run_build(folder) is not None


EMPTY_LISTS = SETTINGS.replace("max_shrink = 1.0", "can_be_empty = true").replace(
    '"other.txt"', '"other.txt"\ncan_be_empty = true'
)


@pytest.mark.parametrize(
    ("collect", "says"),
    [(False, "no feed was fetched yet. To fetch them: blocklist run"), (True, "no feed lists any")],
    ids=["before the first run", "empty lists"],
)
def test_a_release_of_nothing_is_never_the_first(folder: Path, collect: bool, says: str) -> None:
    (folder / "blocklist.toml").write_text(EMPTY_LISTS)
    for name in ("mine.txt", "other.txt"):
        (folder / name).write_text("")
    message = run_held_build(folder, collect=collect)
    assert "there is nothing to publish: " in message
    assert says in message
    assert all_releases(folder) == []
    (folder / "mine.txt").write_text(FEED)
    assert run_build(folder) is not None, "no budget counts what comes then"


@pytest.mark.parametrize("first", ["letsencrypt.org\n", "github.com\n"], ids=["protected", "held"])
def test_after_a_release_that_blocks_nothing_no_budget_counts_what_comes(
    folder: Path, first: str
) -> None:
    (folder / "blocklist.toml").write_text(EMPTY_LISTS)
    (folder / "mine.txt").write_text(first)
    (folder / "other.txt").write_text("")
    published = run_build(folder)
    assert published is not None, "so that a person can review it"
    assert published.blocked == 0
    (folder / "mine.txt").write_text(first + FEED)
    assert run_build(folder) is not None


def test_what_was_judged_without_guards_cannot_be_accepted(folder: Path) -> None:
    guard = '[guards.top]\nurl = "top.txt"\nformat = "domains"\nmandatory = true\n'
    (folder / "blocklist.toml").write_text(SETTINGS + guard)
    assert "nothing is published yet" in run_held_build(folder)
    database = load_folder(folder).database
    with (
        open_ledger_writer(database, "x") as opened,
        pytest.raises(GateHeld, match="guard top"),
    ):
        accept_candidate(opened, "I insist")


def test_an_allow_that_ended_stays_in_force_until_the_guards_are_sound(folder: Path) -> None:
    add_name_entry(folder, "fraud0.com", Verdict.ALLOW)
    run_build(folder)
    assert ("allow", "fraud0.com", "subtree") in release_actions(folder, 1)
    guard = '[guards.top]\nurl = "top.txt"\nformat = "domains"\nmandatory = true\n'
    (folder / "blocklist.toml").write_text(SETTINGS + guard)
    add_name_entry(folder, "mine.com", Verdict.BLOCK)
    with open_ledger_writer(load_folder(folder).database, "test") as opened:
        remove_entries(opened, Indicator(Kind.DOMAIN, "fraud0.com"), Verdict.ALLOW)
    assert "the mandatory guard top" in run_held_build(folder)
    assert release_actions(folder, 2) - release_actions(folder, 1) == {
        ("block", "mine.com", "subtree")
    }
    assert release_actions(folder, 1) < release_actions(folder, 2)
    (folder / "top.txt").write_text("news.com\n")
    run_build(folder)
    assert ("block", "fraud0.com", "subtree") in release_actions(folder, 3)


def test_too_few_fresh_feeds_hold_what_changed(folder: Path) -> None:
    (folder / "blocklist.toml").write_text(SETTINGS + "min_fresh = 1.0\n")
    run_build(folder)
    (folder / "other.txt").unlink()
    assert run_build(folder) is None, "nothing changed, so nothing is held"
    (folder / "mine.txt").write_text(FEED + "one-more.com\n")
    assert (
        "only 1 of 2 feeds are up to date (these failed: other); the limit is gate.min_fresh = 1"
        in run_held_build(folder)
    )


def test_a_block_that_overrules_a_guard_is_told(copied: Path) -> None:
    add_name_entry(copied, "github.com", Verdict.BLOCK)
    known = load_folder(copied)
    from blocklist.release.build import build_release

    with open_ledger_writer(known.database, "test") as opened:
        (note,) = build_release(known, opened, "test").notes
    assert note.startswith("github.com is blocked by your entry, although it is shared-host: ")
