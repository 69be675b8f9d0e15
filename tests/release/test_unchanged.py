"""A run in which nothing changed: the changes that need judging, and those that do not.

Judging once too often is cheap; judging once too rarely is a release that never comes.
"""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blocklist import fingerprint
from blocklist.ledger.db.writer import open_ledger_writer
from blocklist.ledger.feeds.echoes import save_echoes
from blocklist.ledger.operator.entries import remove_entries
from blocklist.ledger.releases.pins import unpin_release
from blocklist.model import Echo, Indicator, Kind, Verdict
from blocklist.release.full_build import judge_and_publish
from blocklist.release.history.rollback import roll_back_release, undo_feed_update
from tests.support.releases import add_name_entry, load_folder, run_build, run_held_build
from tests.support.unchanged import (
    LISTS,
    Change,
    collect,
    configured,
    exported,
    folder,
    lists,
    made,
    needs_no_judging,
    sql,
)

__all__ = ["folder", "made"]  # fixtures


def touched(folder: Path) -> None:
    os.utime(folder / "mine.txt")
    collect(folder)


def removed(folder: Path) -> None:
    with open_ledger_writer(load_folder(folder).database, "test") as opened:
        thing = Indicator(Kind.DOMAIN, "allowed.com")
        assert remove_entries(opened, thing, Verdict.ALLOW)


def taken_back(folder: Path) -> None:
    lists("other", "bad.com\nworse.com\n")(folder)
    run_build(folder)
    assert needs_no_judging(folder)
    with open_ledger_writer(load_folder(folder).database, "test") as opened:
        undo_feed_update(opened, "other", "")


def rolled_back(folder: Path) -> None:
    lists("other", "bad.com\nworse.com\n")(folder)
    run_build(folder)
    with open_ledger_writer(load_folder(folder).database, "test") as opened:
        roll_back_release(opened, None, "")
        assert unpin_release(opened)


def waiting(folder: Path) -> None:
    configured("[policy]", "[gate]\nalways = 0\n[policy]")(folder)
    lists("mine", "new.com\n")(folder)
    assert "would be removed" in run_held_build(folder)
    lists("mine", LISTS["mine"])(folder)


def an_echo(folder: Path) -> None:
    with open_ledger_writer(load_folder(folder).database, "test") as opened:
        save_echoes(opened, [Echo("other", "mine", 1.0, 1, 1.0)])


LONG_AGO = "'2020-01-01T00:00:00Z'"
AN_ADDRESS = (
    "INSERT INTO address (value, domains, evidence, until, reason) "
    f"VALUES ('45.95.168.7', 5, '', {LONG_AGO}, NULL)"
)
A_WEEK_AGO = "UPDATE run SET started = '2020-01-01T00:00:00Z'"

WAKES: list[tuple[Change, str]] = [
    (lists("mine", "evil.com\n"), "a feed lists less"),
    (lists("mine", "evil.com\nshop.com\nmore.com\n"), "a feed lists more"),
    (lists("top", "a.org\nevil.com\n"), "a guard list changed"),
    (sql(f"UPDATE feed SET good_at = {LONG_AGO} WHERE name = 'top'"), "a guard is out of date"),
    (sql(f"UPDATE feed SET good_at = {LONG_AGO} WHERE name = 'other'"), "a feed is overdue"),
    (configured('"own.example"', '"own.example", "evil.com"'), "one's own names"),
    (configured("threshold = 0.3", "threshold = 0.6"), "the threshold"),
    (configured("[policy]", "[policy]\nwiden = false"), "whether owners are meant"),
    (configured("[feeds.mine]", "[feeds.mine]\nreliability = 0.2"), "how far a feed is believed"),
    (configured("[feeds.mine]", '[feeds.mine]\nlineage = ["other"]'), "whose entries it passes on"),
    (configured("[feeds.mine]", "[feeds.mine]\nenabled = false"), "a feed was switched off"),
    (configured("enabled = false\n", ""), "a feed was switched on"),
    (configured("[guards.top]", '[guards.top]\nguard = "shared-host"'), "what a guard guards from"),
    (configured("addresses = true", ""), "the feed of addresses was switched off"),
    (lambda folder: add_name_entry(folder, "other.com", Verdict.BLOCK), "an entry came"),
    (removed, "an entry went"),
    (sql(f"UPDATE entry SET expires = {LONG_AGO} WHERE value = 'mine.com'"), "an entry ended"),
    (an_echo, "a feed was found to be an echo"),
    (taken_back, "a feed's last update was taken back"),
    (rolled_back, "another release is in force, and not pinned any more"),
    (waiting, "the gate holds a candidate, which is out of date or said again"),
    (sql(AN_ADDRESS), "an address was not seen with its names lately"),
    (sql(A_WEEK_AGO), "nobody has looked for echoes yet, and it is time to"),
    (sql("DELETE FROM last_judged"), "nothing was judged yet"),
]


@pytest.mark.parametrize(("change", "why"), WAKES, ids=[why for _, why in WAKES])
def test_what_wakes_the_judge(folder: Path, change: Change, why: str) -> None:
    assert needs_no_judging(folder)
    change(folder)
    assert not needs_no_judging(folder), why


def looked_for_echoes(folder: Path) -> None:
    sql(A_WEEK_AGO)(folder)
    run_build(folder)
    sql(f"UPDATE job SET at = {LONG_AGO}")(folder)


SLEEPS: list[tuple[Change, str]] = [
    (lambda folder: None, "nothing"),
    (collect, "feeds were looked at"),
    (touched, "a list has another time"),
    (lists("mine", f"# of today\n{LISTS['mine']}"), "a list has another comment"),
    (lists("off", "anything.com\n"), "a feed that is off has another list"),
    (configured("[policy]", "[gate]\nalways = 5\n[policy]"), "budgets are for changes"),
    (configured("[policy]", "[policy]\nmax_shrink = 0.9"), "so are these"),
    (configured("[exports.all]", '[exports.more]\ntarget = "csv"\npath = "m"\n[exports.all]'),
     "what is made of a release changes nothing in it"),
    (looked_for_echoes, "it is time to look for echoes, and nothing is there to be found"),
    (lambda folder: add_name_entry(folder, "x.com", Verdict.ALLOW, -timedelta(days=1)), "it ended"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "why"), SLEEPS, ids=[why for _, why in SLEEPS])
def test_what_does_not_wake_the_judge(folder: Path, change: Change, why: str) -> None:
    change(folder)
    assert needs_no_judging(folder), why


def test_another_installation_of_the_program_wakes_all(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fingerprint, "program_fingerprint", lambda: "another")
    assert not needs_no_judging(folder)
    assert exported(folder) == {"all", "best", "living"}


def test_the_digest_of_the_program_is_of_all_its_files(monkeypatch: pytest.MonkeyPatch) -> None:
    one = fingerprint.program_fingerprint()
    for part, nothing in (("_package_files", list), ("find_spec", lambda: None)):
        with monkeypatch.context() as patch:
            patch.setattr(fingerprint, part, lambda _, nothing=nothing: nothing())
            assert fingerprint.program_fingerprint.__wrapped__() != one, part
    assert fingerprint.program_fingerprint.__wrapped__() == one


CHANGES = [
    lists("mine", "evil.com\n"),
    lists("mine", LISTS["mine"]),
    lists("other", "bad.com\nevil.com\n"),
    lists("other", "bad.com\n"),
    lists("top", "a.org\nevil.com\n"),
    lists("top", "a.org\n"),
    lambda folder: add_name_entry(folder, "evil.com", Verdict.ALLOW),
    lambda folder: add_name_entry(folder, "evil.com", Verdict.ALLOW, -timedelta(seconds=2)),
    lambda folder: add_name_entry(folder, "bad.com", Verdict.BLOCK, timedelta(days=1)),
]


@pytest.mark.slow
@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.sampled_from(CHANGES), max_size=6))
def test_where_the_judge_sleeps_it_would_say_the_same(folder: Path, changes: list[Change]) -> None:
    for change in changes:
        change(folder)
        if needs_no_judging(folder):
            known = load_folder(folder)
            with open_ledger_writer(known.database, "test") as opened:
                assert not judge_and_publish(known, opened, "test", ()).is_new
        run_build(folder, collect=False)
        assert needs_no_judging(folder), "for it has just looked"
