"""Hooks and commands of an install: variables, output, limits, failures."""

import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest

from blocklist.config.installation import Installation
from blocklist.install.command import run_command
from tests.support.dns_server import DnsServer
from tests.support.exports import export_to, run
from tests.support.installs import (
    NEW,
    OLD,
    export_into,
    failing,
    ignore_reloads,
    installed,
    server,
)

__all__ = ["server"]


def script(folder: Path, text: str) -> tuple[str, ...]:
    return "sh", "-c", text.replace("OUTPUT", str(folder / "output"))


def test_hooks_get_output_that_is_not_utf_8(server: DnsServer) -> None:
    folder = server.file.parent
    reload = ("sh", "-c", r"printf 'bro\0ken\377'; exit 1")
    export = export_into(
        server, reload=reload, after=script(folder, "echo $BLOCKLIST_CAUSE>OUTPUT")
    )
    assert "reload failed: sh: broken" in failing(export, None, OLD)
    assert (folder / "output").read_text().startswith("reload failed: sh: broken")


def test_no_room_for_the_output_of_a_command(
    server: DnsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, first = installed(server)

    def refuse() -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    error = failing(export_into(server, probe=()), first.state)
    assert "cannot be run: no file for its output: No space left on device" in error


def test_variables_of_hooks(server: DnsServer) -> None:
    folder = server.file.parent
    _, first = installed(server)
    names = "$BLOCKLIST_EXPORT $BLOCKLIST_TARGET $BLOCKLIST_RELEASE_BEFORE>$BLOCKLIST_RELEASE"
    record = f'echo "{names} $BLOCKLIST_ROWS_BEFORE>$BLOCKLIST_ROWS $BLOCKLIST_OUTCOME" >> OUTPUT'
    before = script(
        folder, f"{record}; grep -c example $BLOCKLIST_NEW_FILE $BLOCKLIST_FILE >> OUTPUT"
    )
    export = export_into(server, before=before, after=script(folder, record))
    run(export, f"{NEW}\nblock exact more.example", first.state, 8)
    first_line, new, old, last = (folder / "output").read_text().splitlines()
    assert first_line == "office domains 7>8 1>2 "
    assert new.endswith(":2")
    assert old == f"{server.file}:1"
    assert last == "office domains 7>8 1>2 installed"


def test_a_hook_before_may_stop_the_export(server: DnsServer) -> None:
    export, first = installed(server, before=("sh", "-c", "[ $BLOCKLIST_RELEASE = 7 ]"))
    error = failing(export, first.state)
    assert "before failed: sh" in error
    assert error.endswith("is as it was)")
    assert server.reloads == 1


@pytest.mark.slow
def test_variables_of_the_hook_after_an_undo(server: DnsServer) -> None:
    record = script(server.file.parent, 'echo "$BLOCKLIST_OUTCOME: $BLOCKLIST_CAUSE" > OUTPUT')
    export, first = installed(server, after=record)
    ignore_reloads(server)
    failing(export, first.state)
    text = (server.file.parent / "output").read_text()
    assert text.startswith("undone: ")
    assert "does not show that the list is loaded" in text


def test_a_hook_after_that_fails_undoes_nothing(server: DnsServer) -> None:
    export, result = installed(server, after=("false",))
    assert result.said[-1] == "after failed: false: it ended with 1 and no output"
    assert export.path.exists()


def test_the_file_and_the_zone_are_filled_in(tmp_path: Path) -> None:
    commands = Installation(reload=("echo", "{zone}", "{file}"))
    export = replace(export_to(tmp_path, "rpz"), installation=commands)
    assert run(export, OLD).said == (f"reload: rpz.office.example {export.path}",)


@pytest.mark.parametrize(
    ("shell", "expected"),
    [(False, "reload: $((6 * 7)) && echo a b.out"), (True, "reload: 42")],
)
def test_the_shell_is_used_only_if_configured(tmp_path: Path, shell: bool, expected: str) -> None:
    commands = Installation(reload=("echo", "$((6 * 7))", "&& echo {file}"), shell=shell)
    export = replace(export_to(tmp_path, "hosts"), path=tmp_path / "a b.out", installation=commands)
    lines = run(export, OLD).said
    assert lines[0].replace(f"{tmp_path}/", "") == expected
    if shell:
        assert lines[1] == f"reload: {export.path}", "one word, with its space"


def test_a_command_may_leave_a_server_running(tmp_path: Path) -> None:
    """It keeps the output open, which must not be waited for."""
    start = time.monotonic()
    result = run_command(["sh", "-c", "sleep 5 & echo $!"], 60, os.environ, "timeout")
    assert time.monotonic() - start < 4
    os.kill(int(result.output_text), 9)


def test_long_output_is_cut() -> None:
    result = run_command([sys.executable, "-c", "print('x' * 9999)"], 60, os.environ, "timeout")
    assert result.output_text == "x" * 2000
