"""Run commands in this process, as a person or a script would, in a folder of their own."""

import json
import os
import sys
from collections.abc import Callable
from contextlib import chdir, redirect_stderr, redirect_stdout
from functools import cache
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import pytest
import typer

from blocklist.cli import main


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401
        """The JSON document on stdout."""
        return json.loads(self.out)


Run = Callable[..., Ended]

# The commands are the same at each call, and to put them together takes longer than most of them.
COMMANDS = cache(typer.main.get_command)

SOMEBODY = {"SUDO_USER": "", "LOGNAME": "ana"}


def blocklist(folder: Path, *words: str) -> Ended:
    """Run a command in a folder, as somebody who has no configuration of their own."""
    out, err = BytesIO(), BytesIO()
    environment = {"XDG_CONFIG_HOME": str(folder / "none"), "BLOCKLIST_CONFIG": "", **SOMEBODY}
    with (
        chdir(folder),
        mock.patch.dict(os.environ, environment),
        redirect_stdout(TextIOWrapper(out, "utf-8", write_through=True)),
        redirect_stderr(TextIOWrapper(err, "utf-8", write_through=True)),
    ):
        code = _code(words)
        # Before the wrappers go, which close what they wrap.
        return Ended(code, out.getvalue().decode(), err.getvalue().decode())


class _Terminal(TextIOWrapper):
    def isatty(self) -> bool:
        return True


def blocklist_on_terminal(folder: Path, *words: str) -> Ended:
    """Run a command in a folder on a terminal of 80 columns; `out` has stderr as well."""
    shown = BytesIO()
    with mock.patch.dict(os.environ, COLUMNS="80"), chdir(folder):
        terminal = _Terminal(shown, "utf-8", write_through=True)
        with redirect_stdout(terminal), redirect_stderr(terminal):
            code = _code(words)
        return Ended(code, shown.getvalue().decode(), "")


def _code(words: tuple[str, ...]) -> int:
    with (
        mock.patch.object(sys, "argv", ["blocklist", *words]),
        mock.patch.object(typer.main, "get_command", COMMANDS),
    ):
        try:
            main()
        except SystemExit as end:
            return int(end.code or 0)
    return 0


def commands(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Give a function that runs a command in the folder, far from the user's own configuration."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "none"))
    monkeypatch.setenv("BLOCKLIST_CONFIG", "")

    def command(*words: str) -> Ended:
        capsys.readouterr()
        return Ended(_code(words), *capsys.readouterr())

    return command
