"""Run commands in this process, as a person or a script would, in a folder of their own."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

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


def commands(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Give a function that runs a command in the folder, far from the user's own configuration."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "none"))

    def command(*words: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["blocklist", *words])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        return Ended(code, *capsys.readouterr())

    return command
