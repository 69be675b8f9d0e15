"""`status`: each way in which a list is not what it should be is named, by `doctor` as well."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from blocklist import Blocklist
from blocklist.ledger.db.timestamps import format_timestamp
from blocklist.ledger.db.writer import open_ledger_writer
from blocklist.ledger.releases.export_health import ServerResult, save_export_attempt
from blocklist.status import runs
from blocklist.status.finding import FindingState
from blocklist.status.status import CHECKS
from tests.support.cli import Ended, Run
from tests.support.installation import (
    CONFIG,
    Installation,
)

GATE = "\n[gate]\nalways = 0\nmax_removed = 0.1\n"
HEALTHY = 0
PROBLEM = 2


@pytest.fixture
def copied(installed: Installation) -> Path:
    """Give the folder in which `run` runs its commands."""
    return installed.folder


def troubles(ended: Ended) -> list[tuple[str, str, str]]:
    """Return check, subject and state of the findings that are not fine."""
    return [
        (one["check"], one["subject"], one["state"])
        for one in ended.json["findings"]
        if one["state"] != FindingState.FINE
    ]


def test_a_healthy_installation(run: Run) -> None:
    ended = run("status", "--json")
    assert (ended.code, troubles(ended), ended.json["state"]) == (HEALTHY, [], "fine")
    assert list(dict.fromkeys(one["check"] for one in ended.json["findings"])) == list(CHECKS)


def hold(installed: Installation, run: Run) -> None:
    installed.configure(CONFIG + GATE)
    installed.write("mine.txt", "other.com\n")
    assert run("run").code == 3


def roll_back(installed: Installation, run: Run) -> None:
    installed.write("mine.txt", "evil.com\nother.com\n")
    assert run("run").code == 0
    assert run("release", "rollback").code == 0


def roll_back_and_run(installed: Installation, run: Run) -> None:
    roll_back(installed, run)
    assert run("run").code == 0


def fail_reload(installed: Installation, run: Run) -> None:
    installed.configure(CONFIG.replace("path =", 'reload = ["false"]\npath ='))
    installed.write("mine.txt", "evil.com\nother.com\n")
    assert run("run").code == 6


def fail_twice(installed: Installation, run: Run) -> None:
    fail_reload(installed, run)
    assert run("run").code == 6


def fail_and_repair(installed: Installation, run: Run) -> None:
    fail_reload(installed, run)
    installed.write("blocklist.toml", CONFIG)
    assert run("run").code == 0


def go_on_30_days(installed: Installation, _run: Run) -> None:
    installed.move_back(30)


def run_every_hour(installed: Installation, _run: Run) -> None:
    """Let there have been a run an hour until four hours ago."""
    installed.sql("DELETE FROM run WHERE command = 'run' AND id > 1")
    installed.sql("UPDATE run SET started = '2026-01-01T00:00:00Z'")
    for hours in range(40, 4, -1):
        moment = format_timestamp(datetime.now(UTC) - timedelta(hours=hours))
        installed.sql(
            f"INSERT INTO run (command, started, finished) VALUES ('run', '{moment}', '{moment}')"
        )


def release_without_export(installed: Installation, run: Run) -> None:
    installed.write("mine.txt", "evil.com\nother.com\n")
    assert run("update", "mine").code == 0
    assert run("release", "build").code == 0


def end_soon(_installed: Installation, run: Run) -> None:
    for words in (("allow", "add", "evil.com", "--for", "2h"), ("run",)):
        assert run(*words).code == 0


def shrink(installed: Installation, _run: Run) -> None:
    installed.sql("UPDATE snapshot SET entries = 9 WHERE feed_id = 2")
    installed.sql("UPDATE feed SET entries = 4 WHERE name = 'mine'")


def run_ahead(installed: Installation, run: Run) -> None:
    """Let the last run be of a clock that was ahead, and a decision of one that is right again."""
    installed.sql("UPDATE run SET started = '2999-01-01T00:00:00Z'")
    assert run("allow", "add", "other.com").code == 0


def make_read_only(installed: Installation, _run: Run) -> None:
    installed.patch.setattr(os, "access", lambda path, _: Path(path) != installed.database)


def lose_server(installed: Installation, _run: Run) -> None:
    installed.configure(
        CONFIG.replace('target = "domains"', 'target = "hosts"\nprobe = ["127.0.0.1#9"]')
    )
    with open_ledger_writer(installed.database, "run") as writer:
        path = str(installed.folder / "out/names.txt")
        server = ServerResult("127.0.0.1#9", 1, None)
        save_export_attempt(writer, "names", path, 1, None, [server])
    installed.patch.setattr("blocklist.install.canary_probe._TIMEOUT_SECONDS", 0.01)


MINE, TOP, EXPORT = ("feeds", "mine"), ("feeds", "top"), ("exports", "names")
Break = Callable[[Installation, Run], object]


def sql(statement: str) -> Break:
    return lambda installed, _run: installed.sql(statement)


CASES: list[tuple[str, Break, list[tuple[str, ...]]]] = [
    # The four frozen lists.
    ("the gate holds", hold, [("gate", "", "problem")]),
    ("rolled back", roll_back, [("pins", "", "problem")]),
    ("rolled back, and runs go on", roll_back_and_run, [("pins", "", "problem")]),
    ("an export was undone", fail_reload, [(*EXPORT, "problem")]),
    ("an export was undone in each run", fail_twice, [(*EXPORT, "problem")]),
    ("30 days without a run", go_on_30_days,
     [("runs", "", "problem"), (*TOP, "problem"), (*MINE, "problem")]),
    # Of the same kind.
    ("an export was undone and repaired", fail_and_repair, []),
    ("three days without a run is no fault of a daily timer", lambda i, _: i.move_back(2), []),
    ("four hours without the hourly run", run_every_hour, [("runs", "", "problem")]),
    ("never a run that ended well", sql("UPDATE run SET finished = NULL"),
     [("runs", "", "warning"), ("runs", "", "warning")]),
    ("a clock 30 days back", lambda i, _: i.move_back(-30), [("clock", "", "problem")]),
    ("a clock of 1979", sql("UPDATE run SET started = '1979-01-01T00:00:00Z' WHERE id = 1"),
     [("clock", "", "warning"), ("runs", "", "problem")]),
    ("a release that no export has", release_without_export, [(*EXPORT, "problem")]),
    ("a file changed by hand", lambda i, _: i.write("out/names.txt", "x\n"),
     [(*EXPORT, "problem")]),
    ("a file that is gone", lambda i, _: i.remove("out/names.txt"), [(*EXPORT, "problem")]),
    ("other settings than the file's", lambda i, _: i.write(
        "blocklist.toml", CONFIG.replace("path =", 'comment = "no"\npath =').replace(
            'comment = "no"\n', 'min_score = 0.2\n')), [(*EXPORT, "warning")]),
    ("a pinned feed", sql("INSERT INTO pin (run_id, feed_id, created, reason) "
     "VALUES (1, 2, '2026-01-01T00:00:00Z', 'x')"), [("pins", "mine", "warning")]),
    ("a feed that is too old", sql("UPDATE feed SET good_at = '2026-01-01T00:00:00Z' "
     "WHERE name = 'mine'"), [(*MINE, "problem")]),
    ("a feed that failed once", sql("UPDATE feed SET state = 'stale', cause = '404' "
     "WHERE name = 'mine'"), [(*MINE, "warning")]),
    ("a feed that never was good", sql("UPDATE feed SET state = 'failed', good_at = NULL "
     "WHERE name = 'mine'"), [(*MINE, "problem")]),
    ("a feed that lost half of its entries", shrink, [(*MINE, "warning")]),
    ("a guard that failed today", sql("UPDATE feed SET state = 'failed' WHERE name = 'top'"),
     [(*TOP, "warning")]),
    ("a mandatory guard that is too old", sql("UPDATE feed SET state = 'failed', "
     "good_at = '2020-01-01T00:00:00Z' WHERE name = 'top'"), [(*TOP, "problem")]),
    ("an entry that ends in two hours", end_soon, [("entries", "evil.com", "warning")]),
    ("a full disk", lambda i, _: i.fill_disk(), [("disk", "", "warning")]),
    ("a read-only database", make_read_only, [("database", "", "problem")]),
    ("a damaged database", lambda i, _: i.write("blocklist.db", "<html>" * 999),
     [("database", "", "problem")]),
    ("a lost database", lambda i, _: i.remove("blocklist.db"), [("database", "", "problem")]),
    ("an emptied database", lambda i, _: i.write("blocklist.db", ""),
     [("database", "", "problem")]),
    ("a clock that was ahead for a day", run_ahead, [("clock", "", "problem")]),
    ("a server that is down", lose_server, [("servers", "names: 127.0.0.1#9", "problem")]),
    ("a broken configuration", lambda i, _: i.write("blocklist.toml", "["),
     [("configuration", "", "problem")]),
]  # fmt: skip


@pytest.mark.parametrize(("why", "break_it", "expected"), CASES, ids=[why for why, *_ in CASES])
def test_each_trouble_is_named_by_status_and_doctor(
    run: Run,
    installed: Installation,
    why: str,
    break_it: Break,
    expected: list[tuple[str, ...]],
) -> None:
    keys = run("status", "--json").json.keys()
    break_it(installed, run)
    ended = run("status", "--json")
    assert troubles(ended) == expected, why
    assert ended.code == (PROBLEM if "problem" in {state for *_, state in expected} else HEALTHY)
    assert ended.json.keys() == keys, why
    doctor = run("doctor", "--json")
    assert set(expected) <= set(troubles(doctor)), why
    for one in ended.json["findings"]:
        assert one["state"] == FindingState.FINE or (one["what"] and one["remedy"]), why


@pytest.mark.parametrize(("why", "break_it", "expected"), CASES, ids=[why for why, *_ in CASES])
def test_the_screen_has_80_columns_and_no_word_is_cut(
    run: Run,
    installed: Installation,
    why: str,
    break_it: Break,
    expected: list[tuple[str, ...]],
) -> None:
    break_it(installed, run)
    ended = run("status")
    lines = ended.out.splitlines()
    assert len(lines) <= 24, why
    assert all(len(line) <= 80 or " " not in line.strip() for line in lines), why
    for check, subject, state in expected[:6]:
        where = f" {subject}:" if subject else ""
        assert f"{state}: {check}:{where}" in " ".join(ended.out.split()), why


def test_since_when(run: Run, installed: Installation) -> None:
    fail_reload(installed, run)
    installed.sql("UPDATE export_outcome SET fault_since = '2026-01-01T00:00:00Z'")
    assert run("run").code == 6
    (finding,) = (one for one in run("status", "--json").json["findings"] if one["remedy"])
    assert finding["since"] == "2026-01-01T00:00:00Z", "the first failure in a row"
    assert run("status", "--json").json["exports"][0]["fault_since"] == finding["since"]


def test_quiet_prints_only_problems(run: Run, installed: Installation) -> None:
    assert run("--quiet", "status") == (HEALTHY, "", "")
    installed.remove("out/names.txt")
    assert "is missing" in run("--quiet", "status").out


def test_listings_dated_by_a_wrong_clock_are_mended(run: Run, installed: Installation) -> None:
    installed.write("mine.txt", "evil.com\nother.com\n")
    assert run("run").code == 0
    installed.sql("UPDATE run SET started = '1979-01-01T00:00:00Z' WHERE id = 2")
    assert "since 1979" in run("check", "other.com").out
    assert "repaired: clock" in run("doctor", "--repair").out
    assert troubles(run("status", "--json")) == []
    assert "1979" not in run("check", "other.com").out


def test_a_clock_before_the_program_is_named(
    run: Run, installed: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert installed.folder.is_dir()
    monkeypatch.setattr(runs, "current_timestamp", lambda: "1979-01-01T00:00:00Z")
    for command in ("status", "doctor"):
        ended = run(command)
        assert ended.code == PROBLEM, command
        assert "the clock says 1979-01-01T00:00:00Z, so nothing can be stored" in ended.out, command


def test_the_library_asks_no_server_unless_told(installed: Installation) -> None:
    lose_server(installed, lambda *_: Ended(0, "", ""))
    library = Blocklist.open(installed.folder / "blocklist.toml")
    (server,) = library.status().servers
    assert (server.release, server.fault) == (1, None), "what the last run saw"
    assert library.status().state is FindingState.FINE
    (server,) = library.status(probe=True).servers
    assert server.release == 1
    assert server.fault == "gives no answer"
    assert library.status(probe=True).state is FindingState.PROBLEM


def test_the_library_raises_nothing(installed: Installation) -> None:
    library = Blocklist.open(installed.folder / "blocklist.toml")
    installed.write("blocklist.toml", "[")
    status = Blocklist.open(installed.folder / "blocklist.toml").status()
    assert [one.check for one in status.problems] == ["configuration"]
    assert library.status().database is None
