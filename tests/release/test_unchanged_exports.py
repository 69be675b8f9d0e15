"""A run in which nothing changed: the changes that render an export again, and others."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from blocklist.export.run import run_exports, select_exports
from blocklist.ledger.db.connection import open_read_only
from blocklist.ledger.db.timestamps import format_timestamp
from blocklist.ledger.db.writer import open_ledger_writer
from blocklist.ledger.dns.facts import DnsFact, save_facts
from blocklist.ledger.releases.last_judged import CHANGING_SNAPSHOTS_SQL, last_changing_snapshots
from blocklist.model import Liveness, Verdict
from tests.support import mmdb
from tests.support.releases import add_name_entry, load_folder, run_build
from tests.support.start import HEAVY
from tests.support.unchanged import (
    LISTS,
    SETTINGS,
    Change,
    collect,
    configured,
    exported,
    folder,
    lived_in,
    made,
    sql,
)

__all__ = ["folder", "lived_in", "made"]  # fixtures


def beside(name: str) -> Change:
    """Replace an export's file by a copy of it."""

    def change(folder: Path) -> None:
        path = folder / "out" / name
        path.with_name("copy").write_bytes(path.read_bytes())
        path.with_name("copy").replace(path)

    return change


def asked_dns(folder: Path) -> None:
    with open_ledger_writer(load_folder(folder).database, "test") as opened:
        day = "2026-05-03T06:00:00Z"
        dead = DnsFact("evil.com", "evil.com", Liveness.DEAD, day, "answer", (), None, day, day, 24)
        save_facts(opened, [dead])


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
