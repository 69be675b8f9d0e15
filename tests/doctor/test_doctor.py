"""`doctor`: every check finds its fault, and finds nothing if all is well."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import dns.resolver
import pytest

from blocklist.doctor.finding import FindingState
from blocklist.doctor.registry import load_config_checks, load_ledger_checks
from blocklist.install import canary_probe
from blocklist.ledger.db.connection import SCHEMA_VERSION
from blocklist.ledger.db.lock import hold_writer_lock, lock_path
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
ODD_TARGET = """
title = "odd"
dialect = "lines"
kinds = ["domain"]
scopes = ["exact"]
check = ["no-such-program", "{file}"]
"""


class Installation:
    """A healthy installation that a test breaks; what it changes ends with the test."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, stack: ExitStack) -> None:
        self.folder, self.patch, self.stack = folder, patch, stack

    @property
    def database(self) -> Path:
        return self.folder / "blocklist.db"

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def remove(self, name: str) -> None:
        (self.folder / name).unlink()

    def sql(self, statement: str) -> None:
        with sqlite3.connect(self.database) as db:
            db.execute(statement)
        db.close()

    def empty_feed(self) -> None:
        self.replace("[feeds.mine]", "[feeds.mine]\ncan_be_empty = true")
        self.sql("UPDATE feed SET entries = 0 WHERE name = 'mine'")

    def replace(self, old: str, new: str) -> None:
        """Replace a part of the configuration."""
        assert old in CONFIG
        self.write("blocklist.toml", CONFIG.replace(old, new))

    def resolve(self, keys: str) -> None:
        self.write("blocklist.toml", f"{CONFIG}\n[resolve]\n{keys}\n")

    def fill_disk(self) -> None:
        self.patch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1 << 20))

    def add_dead_server(self) -> None:
        self.patch.setattr(canary_probe, "_TIMEOUT_SECONDS", 0.01)
        self.replace('target = "domains"', 'target = "hosts"\nprobe = ["127.0.0.1#9"]')

    def remove_resolver(self) -> None:
        def fail() -> None:
            raise dns.resolver.NoResolverConfiguration

        self.patch.setattr(dns.resolver, "Resolver", fail)

    def forbid_writing(self) -> None:
        self.patch.setattr(os, "access", lambda path, _: path.name != "out")

    def upgrade_program(self) -> None:
        self.patch.setattr("blocklist.doctor.run.SCHEMA_VERSION", SCHEMA_VERSION + 1)

    def take_lock(self) -> None:
        self.stack.enter_context(hold_writer_lock(self.database, "run"))

    def replace_lock(self) -> None:
        path = lock_path(self.database)
        path.unlink(missing_ok=True)
        path.mkdir()

    def allow_unlisted(self) -> None:
        for words in (("allow", "add", "unlisted.com"), ("run",)):
            assert blocklist(self.folder, *words).code == 0


Break = Callable[[Installation], object]


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of an installation after one successful run."""
    folder = tmp_path_factory.mktemp("healthy")
    for name, text in {
        "blocklist.toml": CONFIG,
        "mine.txt": "evil.com\n",
        "top.txt": "shop.com\n",
        "exports/odd.toml": ODD_TARGET,
        "exports/bad.toml": ODD_TARGET.replace("lines", "no-such-dialect"),
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    assert blocklist(folder, "run").code == 0
    return folder


@pytest.fixture
def installed(
    healthy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Installation]:
    """Give a copy of that installation."""
    shutil.copytree(healthy, tmp_path, dirs_exist_ok=True)
    resolver = SimpleNamespace(nameservers=["192.0.2.53"])
    monkeypatch.setattr(dns.resolver, "Resolver", lambda: resolver)
    with ExitStack() as stack:
        copy = Installation(tmp_path, monkeypatch, stack)
        copy.sql(f"UPDATE export SET path = '{tmp_path / 'out/names.txt'}'")
        yield copy


@pytest.fixture
def run(
    installed: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Give a function that runs a command in that copy."""
    return commands(installed.folder, monkeypatch, capsys)


def faults(ended: Ended) -> list[tuple[str, str]]:
    """Return check and state of the findings that are not fine."""
    findings = ended.json["findings"]
    return [(one["check"], one["state"]) for one in findings if one["state"] != FindingState.FINE]


def test_healthy_installation(run: Run) -> None:
    ended = run("doctor", "--json")
    assert (ended.code, faults(ended)) == (0, [])
    assert [one["check"] for one in ended.json["findings"]] == [
        "configuration", *load_config_checks(), "ledger", *load_ledger_checks()
    ]  # fmt: skip


CASES: list[tuple[str, Break, list[tuple[str, str]]]] = [
    ("unreadable TOML", lambda i: i.write("blocklist.toml", "["), [("configuration", "problem")]),
    ("unknown format", lambda i: i.replace('"domains"\n\n[guards', '"domainz"\n\n[guards'),
     [("configuration", "problem")]),
    ("no feed", lambda i: i.replace("[feeds.mine]", "[feeds.mine]\nenabled = false"),
     [("sources", "warning")]),
    ("no top list", lambda i: i.replace("mandatory = true", "enabled = false"),
     [("sources", "warning")]),
    ("unknown source", lambda i: i.replace("[feeds.mine]", '[feeds.mine]\nlineage = ["openphihs"]'),
     [("lineage", "warning")]),
    ("missing token", lambda i: i.replace("[feeds.mine]", '[feeds.mine]\ntoken_env = "NO_TOKEN"'),
     [("secrets", "problem")]),
    ("unknown dialect", lambda i: i.replace('"domains"\npath', '"bad"\npath'),
     [("plugins", "problem"), ("checkers", "warning")]),
    ("missing checker", lambda i: i.replace('"domains"\npath', '"odd"\npath'),
     [("checkers", "warning")]),
    ("reload without a probe",
     lambda i: i.replace('"domains"\npath', '"hosts"\nreload = ["x"]\npath'),
     [("probes", "warning")]),
    ("reload of a list without a canary", lambda i: i.replace("path =", 'reload = ["x"]\npath ='),
     []),
    ("leftover", lambda i: i.write("out/.names.txt.abcdefg1.new", ""), [("half-made", "warning")]),
    ("export path is a folder", lambda i: i.replace("out/names.txt", "out"),
     [("folders", "problem"), ("exports", "problem")]),
    ("export folder is a file", lambda i: i.replace("out/names.txt", "mine.txt/names"),
     [("folders", "problem"), ("exports", "problem")]),
    ("folder is not writable", Installation.forbid_writing, [("folders", "problem")]),
    ("own names are a suffix", lambda i: i.write("blocklist.toml", (
        i.folder / "blocklist.toml").read_text() + '[policy]\nown = ["co.uk"]\n'),
     [("names", "problem")]),
    ("the name of a shipped feed", lambda i: i.replace("[feeds.mine]", "[feeds.ipsum]"),
     [("names", "warning"), ("feeds", "warning")]),
    ("lock is a folder", Installation.replace_lock, [("folders", "problem")]),
    ("full disk", Installation.fill_disk, [("disk", "warning")]),
    ("no system resolver", Installation.remove_resolver, [("resolver", "problem")]),
    ("another command writes", Installation.take_lock, [("lock", "warning")]),
    ("one resolver", lambda i: i.resolve('enabled = true\nservers = ["192.0.2.1"]'),
     [("resolvers", "warning"), ("places", "warning")]),
    ("missing GeoIP file", lambda i: i.resolve('country = "none.mmdb"'), [("places", "problem")]),
    ("nothing collected", lambda i: i.remove("blocklist.db"), [("ledger", "warning")]),
    ("no database", lambda i: i.write("blocklist.db", "<html>" * 999), [("ledger", "problem")]),
    ("newer database", lambda i: i.sql("PRAGMA user_version = 99"), [("ledger", "problem")]),
    ("older database", Installation.upgrade_program, [("ledger", "warning")]),
    ("clock set back", lambda i: i.sql("UPDATE run SET started = '2999-01-01T00:00:00Z'"),
     [("clock", "problem")]),
    ("killed run", lambda i: i.sql("UPDATE run SET finished = NULL"), [("run", "warning")]),
    ("failed guard", lambda i: i.sql("UPDATE feed SET state = 'failed' WHERE name = 'top'"),
     [("feeds", "warning")]),
    ("guard is out of date", lambda i: i.sql(
        "UPDATE feed SET state = 'stale', good_at = '2020-01-01T00:00:00Z' WHERE name = 'top'"),
     [("guards", "problem"), ("feeds", "warning")]),
    ("stale feed", lambda i: i.sql("UPDATE feed SET state = 'stale' WHERE name = 'mine'"),
     [("feeds", "warning")]),
    ("empty feed", lambda i: i.sql("UPDATE feed SET entries = 0 WHERE name = 'mine'"),
     [("feeds", "warning")]),
    ("feed never collected", lambda i: i.sql("UPDATE feed SET name = 'other' WHERE name = 'mine'"),
     [("feeds", "warning")]),
    ("unread lines", lambda i: i.sql("""UPDATE snapshot SET accepted = 70,
     refused = '{"several-words": 30}'"""), [("lines", "warning"), ("lines", "warning")]),
    ("few unread lines", lambda i: i.sql("""UPDATE snapshot SET accepted = 2,
     refused = '{"several-words": 1}'"""), []),
    ("empty feed that may be empty", Installation.empty_feed, []),
    ("allow without a listing", Installation.allow_unlisted, [("allows", "warning")]),
    ("no release", lambda i: i.sql("DELETE FROM release"),
     [("exports", "warning"), ("integrity", "problem")]),
    ("export never written", lambda i: i.sql("DELETE FROM export"), [("exports", "problem")]),
    ("export is missing", lambda i: i.remove("out/names.txt"), [("exports", "problem")]),
    ("server without the list", Installation.add_dead_server, [("servers", "problem")]),
]  # fmt: skip


@pytest.mark.parametrize(("why", "break_it", "expected"), CASES, ids=[why for why, *_ in CASES])
def test_faults_are_found(
    run: Run,
    installed: Installation,
    why: str,
    break_it: Break,
    expected: list[tuple[str, str]],
) -> None:
    break_it(installed)
    ended = run("doctor", "--json")
    assert faults(ended) == expected, why
    assert ended.code == (2 if "problem" in dict(expected).values() else 0), why
    for one in ended.json["findings"]:
        assert one["state"] == FindingState.FINE or (one["what"] and one["remedy"]), why


def test_every_check_has_a_case() -> None:
    tested = {check for *_, expected in CASES for check, _ in expected}
    assert {*load_config_checks(), *load_ledger_checks()} <= tested


def test_every_check_has_a_docstring_that_says_what_it_finds() -> None:
    for name, check in {**load_config_checks(), **load_ledger_checks()}.items():
        assert (check.__doc__ or "").startswith("Find "), name


def test_a_running_command_is_no_killed_run(run: Run, installed: Installation) -> None:
    installed.sql("UPDATE run SET finished = NULL")
    installed.take_lock()
    assert faults(run("doctor", "--json")) == [("lock", "warning")]


def test_output_for_people(run: Run, installed: Installation) -> None:
    installed.remove("out/names.txt")
    ended = run("--verbose", "doctor")
    assert "problem: exports: is missing; it was written at " in ended.out
    assert "  do: blocklist export names" in ended.out
    assert "fine: guards" in ended.out
    assert "problems: 1, warnings: 0" in ended.out
    assert run("export", "names").code == 0
    assert run("doctor").code == 0


def test_a_new_allow_takes_effect_with_a_run(run: Run) -> None:
    run("allow", "add", "new.example")
    ended = run("doctor")
    assert "warning: allows: counts from the next run on" in ended.out
    assert "  do: blocklist run" in ended.out
    assert "add it again" not in ended.out


def test_a_configuration_without_any_feed(run: Run, installed: Installation) -> None:
    installed.write("blocklist.toml", "")
    sources = [one for one in run("doctor", "--json").json["findings"] if one["check"] == "sources"]
    assert [one["state"] for one in sources] == ["warning", "warning"]


def test_leftovers_of_killed_runs_are_removed(run: Run, installed: Installation) -> None:
    out = installed.folder / "out"
    leftovers = [out / f".names.txt.{end}.new" for end in ("abcdefg1", "x_345678")]
    others = [out / name for name in (".names.txt.bak", ".names.txtx.abcdefg1.new")]
    for file in [*leftovers, *others]:
        file.write_text("half\n")
    with hold_writer_lock(installed.database, "run"):
        assert faults(run("doctor", "--json")) == [("lock", "warning")], "a run may need them"
        assert run("doctor", "--mend").code == 0
    assert all(file.exists() for file in leftovers)
    ended = run("doctor", "--json")
    assert faults(ended) == [("half-made", "warning")] * 2
    mendable = [one["check"] for one in ended.json["findings"] if one["mendable"]]
    assert mendable == ["half-made"] * 2
    ended = run("doctor", "--mend")
    assert "mended: half-made: left behind by a run that was killed" in ended.out
    assert "problems: 0, warnings: 0" in ended.out
    assert [file.exists() for file in (*leftovers, *others)] == [False, False, True, True]
