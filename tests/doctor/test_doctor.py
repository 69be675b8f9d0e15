"""`doctor`: every check finds its fault, and finds nothing if all is well."""

from collections.abc import Callable
from pathlib import Path

import pytest

from blocklist.doctor.registry import load_config_checks, load_ledger_checks
from blocklist.ledger.db.lock import hold_writer_lock
from blocklist.status.finding import FindingState
from blocklist.status.status import CHECKS
from tests.support.cli import Ended, Run
from tests.support.installation import Installation

Break = Callable[[Installation], object]


@pytest.fixture
def copied(installed: Installation) -> Path:
    """Give the folder in which `run` runs its commands."""
    return installed.folder


def faults(ended: Ended) -> list[tuple[str, str]]:
    """Return check and state of the findings that are not fine."""
    findings = ended.json["findings"]
    return [(one["check"], one["state"]) for one in findings if one["state"] != FindingState.FINE]


def test_healthy_installation(run: Run) -> None:
    ended = run("doctor", "--json")
    assert (ended.code, faults(ended)) == (0, [])
    checks = dict.fromkeys(one["check"] for one in ended.json["findings"])
    assert list(checks) == [
        *CHECKS, *load_config_checks(), *load_ledger_checks()
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
    ("mount point", lambda i: i.patch.setattr(
        "blocklist.doctor.checks.exports.is_mount_point", lambda _: True),
     [("mounts", "warning")]),
    ("leftover", lambda i: i.write("out/.names.txt.abcdefg1.new", ""), [("half-made", "warning")]),
    ("export path is a folder", lambda i: i.replace("out/names.txt", "out"),
     [("exports", "problem"), ("folders", "problem")]),
    ("export folder is a file", lambda i: i.replace("out/names.txt", "mine.txt/names"),
     [("exports", "problem"), ("folders", "problem")]),
    ("folder is not writable", Installation.forbid_writing, [("folders", "problem")]),
    ("own names are a suffix", lambda i: i.replace(
        "[feeds.mine]", '[policy]\nown = ["co.uk"]\n[feeds.mine]'),
     [("names", "problem")]),
    ("the name of a shipped feed", lambda i: i.replace("[feeds.mine]", "[feeds.ipsum]"),
     [("feeds", "warning"), ("names", "warning")]),
    ("lock is a folder", Installation.replace_lock, [("database", "problem")]),
    ("full disk", Installation.fill_disk, [("disk", "warning")]),
    ("no system resolver", Installation.remove_resolver, [("resolver", "problem")]),
    ("another command writes", Installation.take_lock, [("lock", "warning")]),
    ("one resolver", lambda i: i.resolve('enabled = true\nservers = ["192.0.2.1"]'),
     [("resolvers", "warning"), ("places", "warning")]),
    ("missing GeoIP file", lambda i: i.resolve('country = "none.mmdb"'), [("places", "problem")]),
    ("lost database", lambda i: i.remove("blocklist.db"), [("database", "problem")]),
    ("no database", lambda i: i.write("blocklist.db", "<html>" * 999), [("database", "problem")]),
    ("newer database", lambda i: i.sql("PRAGMA user_version = 99"), [("database", "problem")]),
    ("older database", Installation.upgrade_program, [("database", "warning")]),
    ("clock set back", lambda i: i.sql("UPDATE run SET started = '2999-01-01T00:00:00Z'"),
     [("clock", "problem")]),
    ("killed run", lambda i: i.sql("UPDATE run SET finished = NULL"),
     [("runs", "warning"), ("runs", "warning")]),
    ("failed guard", lambda i: i.sql("UPDATE feed SET state = 'failed' WHERE name = 'top'"),
     [("feeds", "warning")]),
    ("guard is out of date", lambda i: i.sql(
        "UPDATE feed SET state = 'stale', good_at = '2020-01-01T00:00:00Z' WHERE name = 'top'"),
     [("feeds", "problem")]),
    ("stale feed", lambda i: i.sql("UPDATE feed SET state = 'stale' WHERE name = 'mine'"),
     [("feeds", "warning")]),
    ("empty feed", lambda i: i.sql("UPDATE feed SET entries = 0 WHERE name = 'mine'"),
     [("feeds", "warning")]),
    ("feed never collected", lambda i: i.sql("UPDATE feed SET name = 'other' WHERE name = 'mine'"),
     [("feeds", "warning")]),
    ("unread lines", lambda i: i.sql("""UPDATE snapshot SET accepted = 70,
     refused = '{"several-words": 30}'"""), [("feeds", "warning"), ("feeds", "warning")]),
    ("few unread lines", lambda i: i.sql("""UPDATE snapshot SET accepted = 2,
     refused = '{"several-words": 1}'"""), []),
    ("empty feed that may be empty", Installation.empty_feed, []),
    ("allow without a listing", Installation.allow_unlisted, [("allows", "warning")]),
    ("no release", lambda i: i.sql("DELETE FROM release"),
     [("gate", "warning"), ("exports", "warning"), ("integrity", "problem")]),
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
    assert faults(run("doctor", "--json")) == [("runs", "warning"), ("lock", "warning")]


def test_output_for_people(run: Run, installed: Installation) -> None:
    installed.remove("out/names.txt")
    ended = run("--verbose", "doctor")
    assert "problem: exports: names: is missing; it was written at " in ended.out
    assert "  do: blocklist export names" in ended.out
    assert "fine: feeds: top" in ended.out
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
        assert run("doctor", "--repair").code == 0
    assert all(file.exists() for file in leftovers)
    ended = run("doctor", "--json")
    assert faults(ended) == [("half-made", "warning")] * 2
    mendable = [one["check"] for one in ended.json["findings"] if one["mendable"]]
    assert mendable == ["half-made"] * 2
    ended = run("doctor", "--repair")
    assert "repaired: half-made: left behind by a run that was killed" in ended.out
    assert "problems: 0, warnings: 0" in ended.out
    assert [file.exists() for file in (*leftovers, *others)] == [False, False, True, True]
