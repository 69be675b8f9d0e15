"""What `-v`, `-vv`, `--log-file` and `--log-json` write, and that they leave nothing behind."""

import json
import logging
import re
from pathlib import Path

import pytest

from tests.support.cli import Run, commands
from tests.support.worlds import CONFIG, make_world

LINE = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (INFO|DEBUG|WARNING|ERROR) blocklist[.\w]*: .+"
)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a function that runs a command in a folder with a configuration."""
    make_world(tmp_path)
    return commands(tmp_path, monkeypatch, capsys)


def log_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if LINE.fullmatch(line)]


def levels(lines: list[str]) -> set[str]:
    return {line.split()[1] for line in lines}


def test_without_options_nothing_is_logged(run: Run) -> None:
    assert log_lines(run("run").err) == []


def test_decisions_and_details_on_stderr(run: Run) -> None:
    decisions = log_lines(run("-v", "run").err)
    assert levels(decisions) == {"INFO"}
    text = "\n".join(decisions)
    for decision in ("feed one: accepted, 4 entries", "release 1: published", "names: wrote "):
        assert decision in text
    assert "end: blocklist run" in decisions[-1]
    assert levels(log_lines(run("-vv", "check", "fraud.top").err)) == {"INFO", "DEBUG"}
    assert "end: blocklist check, exit code 1" in run("-v", "check", "fraud.top").err


def test_a_log_file_is_appended_to(run: Run, tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert log_lines(run("--log-file", str(log), "run").err) == [], "stderr is as without it"
    first = log.read_text()
    assert log_lines(first) == first.splitlines()
    run("-v", "--log-file", str(log), "check", "x.top")
    assert log.read_text().startswith(first)
    assert log.read_text() != first


@pytest.mark.parametrize("to_file", [True, False])
def test_json_lines(run: Run, tmp_path: Path, to_file: bool) -> None:
    log = tmp_path / "log"
    options = ("--log-file", str(log)) if to_file else ()
    ended = run("--quiet", "--log-json", *options, "run")
    records = [
        json.loads(line) for line in (log.read_text() if to_file else ended.err).splitlines()
    ]
    assert {tuple(record) for record in records} == {("time", "level", "logger", "message")}
    assert (records[0]["message"], records[0]["level"]) == ("begin: blocklist run", "info")
    assert records[0]["time"].endswith("Z")


def test_a_failure_is_logged(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (
        "ERROR blocklist.cli.logs: end: blocklist export, exit code 2: " in run("-v", "export").err
    )

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("blocklist.check.answers.check_one", fail)
    log = tmp_path / "log"
    run("--log-json", "--log-file", str(log), "check", "x.top")
    last = json.loads(log.read_text().splitlines()[-1])
    assert "ZeroDivisionError" in last["exception"]
    run("--log-file", str(log), "check", "x.top")
    assert "\n    Traceback" in log.read_text()


def test_secrets_and_control_characters_stay_out(run: Run, tmp_path: Path) -> None:
    feed = '[feeds.paid]\nurl = "http://me:hunter2@127.0.0.1:1/x?key=hunter3"\nformat = "domains"\n'
    make_world(tmp_path, CONFIG + feed + "[collect]\ntries = 1\nbackoff = 0.0\n")
    log = tmp_path / "log"
    run("-vv", "--log-file", str(log), "update")
    run("-vv", "--log-file", str(log), "block", "add", "http://me:hunter4@x.top/?k=hunter5")
    run("--log-file", str(log), "allow", "add", "y.top", "--reason", "two\nlines \x1b[31m")
    text = log.read_text()
    assert "feed paid: failed" in text
    assert "http://x.top/?..." in text
    assert "hunter" not in text
    assert text.replace("\n", "").isprintable()
    assert log_lines(text) == text.splitlines(), "a record is one line"


@pytest.mark.parametrize("words", [("check", "x.top"), ("export",), ("check",)])
def test_handlers_are_removed_however_a_command_ends(
    run: Run, tmp_path: Path, words: tuple[str, ...]
) -> None:
    program = logging.getLogger("blocklist")
    before = (program.level, [*program.handlers])
    run("-v", "--log-file", str(tmp_path / "log"), *words)
    assert (program.level, program.handlers) == before


def test_a_log_file_that_cannot_be_written(run: Run, tmp_path: Path) -> None:
    ended = run("--log-file", str(tmp_path / "none" / "log"), "check", "x.top")
    assert (ended.code, "--log-file" in ended.err) == (2, True)


@pytest.mark.parametrize("arguments", [("check",), ("run", "--nosuch"), ("allow",), ("nosuch",)])
def test_a_wrong_use_is_no_fault_of_the_program(run: Run, arguments: tuple[str, ...]) -> None:
    ended = run("-v", *arguments)
    assert ended.code == 2
    assert "Traceback" not in ended.err
    assert "a fault of the program" not in ended.err


def test_an_interrupted_command_has_an_end(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("blocklist.pipeline.run.update_stage", interrupt)
    log = tmp_path / "log"
    assert run("--log-file", str(log), "run").code == 130
    assert "end: blocklist run, interrupted" in log.read_text()


@pytest.mark.parametrize("command", [("run",), ("check", "fraud.top")])
def test_a_log_on_a_full_disk_changes_no_result(run: Run, command: tuple[str, ...]) -> None:
    without = run(*command)
    ended = run("--log-file", "/dev/full", *command)
    assert ended.code == without.code
    assert ended.err.count("--log-file /dev/full: the log is incomplete: No space left") == 1
    assert "Traceback" not in ended.err


def test_a_log_is_not_appended_to_a_database(run: Run, tmp_path: Path) -> None:
    run("run")
    (database,) = tmp_path.glob("*.db")
    before = database.read_bytes()
    ended = run("--log-file", str(database), "check", "fraud.top")
    assert (ended.code, "is a database, not a log" in ended.err) == (2, True)
    assert database.read_bytes() == before
