"""Give commands their library object and status lines: global options -> Session."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from blocklist.cli.streams import warn

if TYPE_CHECKING:
    from blocklist import Blocklist


@dataclass
class Session:
    """The options before the command, and what every command needs."""

    config_path: Path | None = None
    quiet: bool = False
    #: How often `-v` was given.
    verbose: int = 0

    @cached_property
    def blocklist(self) -> "Blocklist":
        """The library object, which does the work of every command."""
        from blocklist.api.library import Blocklist

        return Blocklist.open(self.config_path)

    def show_status(self, text: str) -> None:
        """Write a line about the work on stderr, unless `--quiet` was given."""
        if not self.quiet:
            warn(text)


def get_session(context: typer.Context) -> Session:
    """Return the session of a command."""
    session = context.obj
    assert isinstance(session, Session)
    return session


def get_library(context: typer.Context) -> "Blocklist":
    """Return the library object of a command."""
    return get_session(context).blocklist
