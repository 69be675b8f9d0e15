"""`doctor`: each thing that can be wrong is found, and nothing is found where all is well."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import dns.resolver
import pytest

from blocklist.doctor.finding import FindingState
from blocklist.doctor.registry import CONFIG_CHECKS, LEDGER_CHECKS
from blocklist.install import canary_probe
from blocklist.ledger.db.connection import SCHEMA_VERSION
from blocklist.ledger.db.lock import hold_writer_lock
from tests.support.cli import Ended, Run, blocklist, commands

CONFIG = """
[feeds.mine]
url = "mine.txt"
format = "domains"

[guards.top]
url = "top.txt"
format = "domains"
mandatory = true

[exports.names]
target = "domains"
path = "out/names.txt"
"""

Break = Callable[[Path, pytest.MonkeyPatch], object]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder in which all went well once."""
    folder = tmp_path_factory.mktemp("well")
    odd = 'title = "odd"\ndialect = "lines"\nkinds = ["domain"]\nscopes = ["exact"]\n'
    for name, text in {
        "blocklist.toml": CONFIG,
        "mine.txt": "evil.com\n",
        "top.txt": "shop.com\n",
        "exports/odd.toml": f'{odd}check = ["no-such-program", "{{file}}"]\n',
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    assert blocklist(folder, "run").code == 0
    return folder


@pytest.fixture
def run(
    ran: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Give a function that runs a command in a copy of that folder."""
    shutil.copytree(ran, tmp_path, dirs_exist_ok=True)
    sql(f"UPDATE export SET path = '{tmp_path / 'out/names.txt'}'")(tmp_path, monkeypatch)
    resolver = SimpleNamespace(nameservers=["192.0.2.53"])
    monkeypatch.setattr(dns.resolver, "Resolver", lambda: resolver)
    return commands(tmp_path, monkeypatch, capsys)


def bad(ended: Ended) -> list[tuple[str, str]]:
    """Return check and state of all that is not fine."""
    found = ended.json["findings"]
    return [(one["check"], one["state"]) for one in found if one["state"] != FindingState.FINE]


def test_all_is_well(run: Run) -> None:
    ended = run("doctor", "--json")
    assert (ended.code, bad(ended)) == (0, [])
    assert {one["check"] for one in ended.json["findings"]} == {
        "configuration", "ledger", *CONFIG_CHECKS, *LEDGER_CHECKS
    }  # fmt: skip


def sql(statement: str) -> Break:
    def change(folder: Path, patch: pytest.MonkeyPatch) -> None:
        with sqlite3.connect(folder / "blocklist.db") as opened:
            opened.execute(statement)
        opened.close()

    return change


def config(old: str, new: str) -> Break:
    def change(folder: Path, patch: pytest.MonkeyPatch) -> None:
        assert old in CONFIG
        (folder / "blocklist.toml").write_text(CONFIG.replace(old, new))

    return change


def upgraded(folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr("blocklist.doctor.run.SCHEMA_VERSION", SCHEMA_VERSION + 1)


def full(folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1 << 20))


def deaf(folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(canary_probe, "_TIMEOUT_SECONDS", 0.01)
    config('target = "domains"', 'target = "hosts"\nprobe = ["127.0.0.1#9"]')(folder, patch)


def no_resolver(folder: Path, patch: pytest.MonkeyPatch) -> None:
    def none() -> None:
        raise dns.resolver.NoResolverConfiguration

    patch.setattr(dns.resolver, "Resolver", none)


def read_only(folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(os, "access", lambda place, _: place.name != "out")


WRONG: list[tuple[str, Break, list[tuple[str, str]]]] = [
    ("TOML that is none", lambda f, _: (f / "blocklist.toml").write_text("["),
     [("configuration", "problem")]),
    ("an unknown format", config('"domains"\n\n[guards', '"domainz"\n\n[guards'),
     [("sources", "problem")]),
    ("nothing is listed", config('[feeds.mine]', '[feeds.mine]\nenabled = false'),
     [("sources", "warning")]),
    ("no top list", config("mandatory = true", "enabled = false"), [("sources", "warning")]),
    ("a source that nobody knows", config("[feeds.mine]", '[feeds.mine]\nlineage = ["openphihs"]'),
     [("lineage", "warning")]),
    ("a token that is not set", config('[feeds.mine]', '[feeds.mine]\ntoken_env = "NO_TOKEN"'),
     [("secrets", "problem")]),
    ("a checker that is not there", config('"domains"\npath', '"odd"\npath'),
     [("checkers", "warning")]),
    ("an export's place is a folder", config("out/names.txt", "out"),
     [("folders", "problem"), ("exports", "problem")]),
    ("an export's folder is a file", config("out/names.txt", "mine.txt/names"),
     [("folders", "problem"), ("exports", "problem")]),
    ("a folder without the right to write", read_only, [("folders", "problem")]),
    ("a server that does not answer", deaf, [("servers", "problem")]),
    ("a full disk", full, [("disk", "warning")]),
    ("no resolver", no_resolver, [("resolver", "problem")]),
    ("nothing collected", lambda f, _: (f / "blocklist.db").unlink(), [("ledger", "warning")]),
    ("no database", lambda f, _: (f / "blocklist.db").write_text("<html>" * 999),
     [("ledger", "problem")]),
    ("a newer database", sql("PRAGMA user_version = 99"), [("ledger", "problem")]),
    ("an older database", upgraded, [("ledger", "warning")]),
    ("a killed run", sql("UPDATE run SET finished = NULL"), [("run", "warning")]),
    ("a clock gone back", sql("UPDATE run SET started = '2999-01-01T00:00:00Z'"),
     [("clock", "problem")]),
    ("a stale feed", sql("UPDATE feed SET state = 'stale' WHERE name = 'mine'"),
     [("feeds", "warning")]),
    ("an empty feed", sql("UPDATE feed SET entries = 0 WHERE name = 'mine'"),
     [("feeds", "warning")]),
    ("a feed never collected", sql("UPDATE feed SET name = 'other' WHERE name = 'mine'"),
     [("feeds", "warning")]),
    ("a failed guard", sql("UPDATE feed SET state = 'failed' WHERE name = 'top'"),
     [("guards", "problem"), ("feeds", "warning")]),
    ("no release", sql("DELETE FROM release"), [("exports", "warning"), ("integrity", "problem")]),
    ("an export never written", sql("DELETE FROM export"), [("exports", "problem")]),
    ("an export gone", lambda f, _: (f / "out/names.txt").unlink(), [("exports", "problem")]),
]  # fmt: skip


@pytest.mark.parametrize(("why", "break_it", "expected"), WRONG, ids=[why for why, *_ in WRONG])
def test_what_is_wrong_is_found(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    why: str,
    break_it: Break,
    expected: list[tuple[str, str]],
) -> None:
    break_it(tmp_path, monkeypatch)
    ended = run("doctor", "--json")
    assert bad(ended) == expected, why
    assert ended.code == (2 if "problem" in dict(expected).values() else 0), why
    for one in ended.json["findings"]:
        assert one["state"] == FindingState.FINE or (one["what"] and one["remedy"]), why


def test_a_run_that_works_just_now_is_no_killed_one(run: Run, tmp_path: Path) -> None:
    sql("UPDATE run SET finished = NULL")(tmp_path, pytest.MonkeyPatch())
    with hold_writer_lock(tmp_path / "blocklist.db", "run"):
        ended = run("doctor", "--json")
    assert bad(ended) == [("lock", "warning")]


def test_it_speaks_to_people(run: Run, tmp_path: Path) -> None:
    (tmp_path / "out/names.txt").unlink()
    ended = run("--verbose", "doctor")
    assert "problem: exports: is missing; it was written at " in ended.out
    assert "  do: blocklist export names" in ended.out
    assert "fine: guards" in ended.out
    assert "problems: 1, warnings: 0" in ended.out
    assert run("export", "names").code == 0
    assert run("doctor").code == 0


def test_what_killed_runs_left_is_mended(run: Run, tmp_path: Path) -> None:
    left = [tmp_path / "out" / f".names.txt.{end}.new" for end in ("abcdefg1", "x_345678")]
    others = [tmp_path / "out" / name for name in (".names.txt.bak", ".names.txtx.abcdefg1.new")]
    for file in [*left, *others]:
        file.write_text("half\n")
    with hold_writer_lock(tmp_path / "blocklist.db", "run"):
        assert bad(run("doctor", "--json")) == [("lock", "warning")], "a run may need them yet"
        assert run("doctor", "--mend").code == 0
    assert all(file.exists() for file in left)
    found = run("doctor", "--json")
    assert bad(found) == [("half-made", "warning")] * 2
    assert [one["check"] for one in found.json["findings"] if one["mendable"]] == ["half-made"] * 2
    ended = run("doctor", "--mend")
    assert "mended: half-made: left behind by a run that was killed" in ended.out
    assert "problems: 0, warnings: 0" in ended.out
    assert [file.exists() for file in (*left, *others)] == [False, False, True, True]
