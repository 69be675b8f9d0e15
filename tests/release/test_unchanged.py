"""A run in which nothing changed: what wakes the judge and the exports, and what does not.

In each of these tables a row more is cheap, and a row too few is a release that never comes.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blocklist import fingerprint
from blocklist.config.exports import Export
from blocklist.export import update
from blocklist.export.render.state import ExportResult
from blocklist.export.run import run_exports, select_exports
from blocklist.export.update import export_one
from blocklist.ledger.db.connection import open_read_only, open_read_write
from blocklist.ledger.db.timestamps import format_timestamp
from blocklist.ledger.db.writer import open_ledger_writer
from blocklist.ledger.dns.facts import save_facts
from blocklist.ledger.feeds.echoes import save_echoes
from blocklist.ledger.operator.entries import remove_entries
from blocklist.ledger.releases.last_judged import CHANGING_SNAPSHOTS_SQL, last_changing_snapshots
from blocklist.ledger.releases.pins import unpin_release
from blocklist.model import Echo, Indicator, Kind, Liveness, Verdict
from blocklist.release.full_build import judge_and_publish
from blocklist.release.history.rollback import roll_back_release, undo_feed_update
from blocklist.release.inputs_digest import load_build_status
from tests.cli.test_start_time import HEAVY
from tests.export.test_dns_filters import fact
from tests.support import mmdb
from tests.support.releases import add_name_entry, load_folder, run_build, run_held_build

SETTINGS = """
[policy]
own = ["own.example"]
threshold = 0.3
[feeds.mine]
url = "mine.txt"
format = "domains"
[feeds.other]
url = "other.txt"
format = "domains"
[feeds.off]
url = "off.txt"
format = "domains"
enabled = false
[guards.top]
url = "top.txt"
format = "domains"
mandatory = true
[resolve]
addresses = true
country = "country.mmdb"
[exports.all]
target = "domains"
path = "out/all"
[exports.best]
target = "domains"
path = "out/best"
min_score = 0.4
[exports.living]
target = "hosts"
path = "out/living"
alive = true
"""
LISTS = {"mine": "evil.com\nshop.com\n", "other": "bad.com\n", "off": "off.com\n", "top": "a.org\n"}
Change = Callable[[Path], None]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a release and its files, which is not to be changed."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "blocklist.toml").write_text(SETTINGS)
    for name, listed in LISTS.items():
        (folder / f"{name}.txt").write_text(listed)
    add_name_entry(folder, "allowed.com", Verdict.ALLOW)
    add_name_entry(folder, "mine.com", Verdict.BLOCK, timedelta(hours=1))
    run_build(folder)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """Give a copy, in which nothing is exported yet."""
    return Path(shutil.copytree(made, tmp_path / "copy"))


@pytest.fixture(scope="module")
def lived_in(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy in which files were written, and in which others may have been before."""
    folder = Path(shutil.copytree(made, tmp_path_factory.mktemp("lived-in") / "copy"))
    exported(folder)
    return folder


def sleeps(folder: Path) -> bool:
    """Return whether a build would leave the judge alone."""
    known = load_folder(folder)
    with open_ledger_writer(known.database, "test") as opened:
        return load_build_status(known, opened).is_unchanged


def exported(folder: Path) -> set[str]:
    """Bring the exports up to date; return which were rendered."""
    known, rendered = load_folder(folder), set[str]()

    def one(export: Export, *rest: Any) -> ExportResult:  # noqa: ANN401
        rendered.add(export.name)
        return export_one(export, *rest)

    with (
        pytest.MonkeyPatch.context() as patch,
        open_ledger_writer(known.database, "test") as opened,
    ):
        patch.setattr(update, "export_one", one)
        outcomes = run_exports(opened, known, select_exports(known, []), lambda _: None)
    assert [outcome.cause for outcome in outcomes] == [None] * len(outcomes)
    return rendered


def lists(name: str, listed: str) -> Change:
    def change(folder: Path) -> None:
        (folder / f"{name}.txt").write_text(listed)
        collect(folder)

    return change


def collect(folder: Path) -> None:
    from blocklist.collect.update import select_feeds, update_feeds

    known = load_folder(folder)
    with open_ledger_writer(known.database, "test") as opened:
        update_feeds(known, opened, select_feeds(known, []), lambda _: None)


def configured(old: str, new: str) -> Change:
    def change(folder: Path) -> None:
        before = (folder / "blocklist.toml").read_text()
        assert old in before
        (folder / "blocklist.toml").write_text(before.replace(old, new, 1))

    return change


def sql(*statements: str) -> Change:
    def change(folder: Path) -> None:
        with open_read_write(folder / "blocklist.db") as opened:
            for statement in statements:
                assert opened.execute(statement).rowcount, statement

    return change


def gone(folder: Path) -> None:
    (folder / "top.txt").unlink()
    collect(folder)


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
    assert sleeps(folder)
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
    assert "would go" in run_held_build(folder)
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
    (gone, "a mandatory guard is gone"),
    (sql(f"UPDATE feed SET good_at = {LONG_AGO} WHERE name = 'top'"), "a guard is out of date"),
    (sql(f"UPDATE feed SET good_at = {LONG_AGO} WHERE name = 'other'"), "a feed has faded"),
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
    assert sleeps(folder)
    change(folder)
    assert not sleeps(folder), why


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
    assert sleeps(folder), why


def test_another_installation_of_the_program_wakes_all(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fingerprint, "program_fingerprint", lambda: "another")
    assert not sleeps(folder)
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
        if sleeps(folder):
            known = load_folder(folder)
            with open_ledger_writer(known.database, "test") as opened:
                assert not judge_and_publish(known, opened, "test", ()).is_new
        run_build(folder, collect=False)
        assert sleeps(folder), "for it has just looked"


def beside(name: str) -> Change:
    """Put a copy in the place of an export's file."""

    def change(folder: Path) -> None:
        path = folder / "out" / name
        path.with_name("copy").write_bytes(path.read_bytes())
        path.with_name("copy").replace(path)

    return change


def asked_dns(folder: Path) -> None:
    with open_ledger_writer(load_folder(folder).database, "test") as opened:
        save_facts(opened, [fact("evil.com", "evil.com", Liveness.DEAD, ())])


def released(folder: Path) -> None:
    add_name_entry(folder, "fresh.com", Verdict.BLOCK)
    assert run_build(folder)


def written_to(folder: Path) -> None:
    (folder / "out/all").write_text("\n")


def of_another_target(folder: Path) -> None:
    (folder / "exports").mkdir()
    (folder / "exports/hosts.toml").write_text(HOSTS)


ALL = {"all", "best", "living"}
RENDERS: list[tuple[Change, set[str], str]] = [
    (lambda folder: None, set(), "nothing"),
    (collect, set(), "feeds were looked at"),
    (released, ALL, "another release is in force"),
    (lambda folder: (folder / "out/all").unlink(), {"all"}, "a file is gone"),
    (written_to, {"all"}, "a file was written to"),
    (beside("best"), {"best"}, "another file is in its place, though with the same in it"),
    (lambda folder: os.utime(folder / "out/all", (0, 0)), {"all"}, "a file has another time"),
    (configured('path = "out/all"', 'path = "out/all"\nmax_entries = 1'), {"all"}, "its table"),
    (configured('path = "out/all"', 'path = "out/elsewhere"'), {"all"}, "its path"),
    (of_another_target, {"living"}, "its target"),
    (configured("[feeds.mine]", '[feeds.mine]\nlicence = "mine"'), ALL, "the terms in its head"),
    (configured("[feeds.mine]", '[feeds.mine]\ncategory = "scam"'), ALL, "what feeds are about"),
    (configured("[feeds.mine]", "[feeds.mine]\nenabled = false"), ALL, "which feeds there are"),
    (sql("UPDATE feed_weight SET reliability = 0.45 WHERE feed = 'mine'"), {"best"},
     "how feeds counted matters to who asks for a score"),
    (asked_dns, {"living"}, "what DNS said matters to who asks for it"),
    (sql("UPDATE export SET inputs_digest = ''"), ALL, "its inputs were others"),
    (configured("[policy]", "[policy]\nmax_shrink = 0.9"), set(), "nothing of a file"),
    (lambda folder: add_name_entry(folder, "later.com", Verdict.BLOCK), set(), "not in force yet"),
]  # fmt: skip
HOSTS = """
title = "Mine"
dialect = "lines"
kinds = ["domain"]
scopes = ["exact"]
line = "127.0.0.1 {value}"
"""


@pytest.mark.parametrize(("change", "wanted", "why"), RENDERS, ids=[why for *_, why in RENDERS])
def test_what_renders_an_export_again(
    lived_in: Path, change: Change, wanted: set[str], why: str
) -> None:
    (lived_in / "blocklist.toml").write_text(SETTINGS)
    exported(lived_in)
    change(lived_in)
    assert exported(lived_in) == wanted, why
    assert exported(lived_in) == set(), "and once is enough"


def test_an_export_that_asks_where_looks_at_the_atlas(folder: Path) -> None:
    configured('path = "out/all"', 'path = "out/all"\nnot_countries = ["DE"]')(folder)
    places = {"45.95.168.0/24": {"country_code": "CN"}}
    mmdb.write(folder / "country.mmdb", places)
    assert exported(folder) == ALL
    assert exported(folder) == set()
    mmdb.write(folder / "country.mmdb", places | {"45.95.169.0/24": {"country_code": "DE"}})
    assert exported(folder) == {"all"}


def test_what_was_said_of_a_file_is_said_again(folder: Path) -> None:
    exported(folder)
    add_name_entry(folder, "good.evil.com", Verdict.ALLOW)
    run_build(folder)
    known = load_folder(folder)
    with open_ledger_writer(known.database, "test") as opened:
        first, again = (
            run_exports(opened, known, select_exports(known, ["living"]), lambda _: None)
            for _ in range(2)
        )
    assert first[0].result
    assert again[0].result
    assert first[0].result.left_out
    assert again[0].result.left_out == first[0].result.left_out
    assert (again[0].result.changed, again[0].result.rows) == (False, first[0].result.rows)


def test_what_feeds_listed_last_is_found_without_reading_all_of_history(folder: Path) -> None:
    with open_read_only(folder / "blocklist.db") as reader:
        assert reader is not None
        assert set(last_changing_snapshots(reader)) == {"mine", "other", "top"}
        plan = [row[3] for row in reader.execute(f"EXPLAIN QUERY PLAN {CHANGING_SNAPSHOTS_SQL}")]
    assert "SEARCH snapshot USING INDEX snapshot_feed (feed_id=?)" in plan, plan


CODE = """
import sys
from blocklist.cli import main
sys.argv = ["blocklist", "run"]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print(*sys.modules)
"""


def test_a_run_in_which_nothing_changed_loads_nothing_heavy_and_touches_no_file(
    folder: Path,
) -> None:
    def stats() -> list[tuple[int, int, int]]:
        found = (path.stat() for path in sorted((folder / "out").iterdir()))
        return [(one.st_ino, one.st_mtime_ns, one.st_ctime_ns) for one in found]

    exported(folder)
    settled = (datetime.now(UTC) - timedelta(minutes=1)).timestamp()
    for name in LISTS:  # a list that was written to just now may be in the middle of it
        os.utime(folder / f"{name}.txt", (settled, settled))
    collect(folder)
    before = stats()
    done = subprocess.run(
        [sys.executable, "-c", CODE], cwd=folder, capture_output=True, text=True, check=True
    )
    assert HEAVY & set(done.stdout.split()) == set()
    assert "nothing changed: release 1 stays, 4 blocked" in done.stdout
    assert stats() == before
    assert format_timestamp(datetime.now(UTC))[:10] in (folder / "out/all").read_text()
