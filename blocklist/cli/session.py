"""What every command needs: the configuration, how much to say, and how to say it."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from blocklist.config import Config

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


@dataclass
class Session:
    """The options before the command, and ways to report."""

    config_path: Path | None = None
    quiet: bool = False
    verbose: bool = False

    @cached_property
    def config(self) -> "Config":
        """The configuration in force, read when first asked for."""
        from blocklist.config import load

        return load(self.config_path)

    @property
    def database(self) -> Path:
        """The ledger's path, known without reading all of the configuration."""
        from blocklist.location import database

        return database(self.config_path)

    def say(self, text: str) -> None:
        """Write a line about the work on stderr unless the person wants quiet."""
        if not self.quiet:
            warn(text)

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator[Callable[[str], None]]:
        """Give a function to be called with a line as each of `total` steps ends.

        On a terminal a bar moves; elsewhere the lines are written; with quiet, nothing is.
        """
        if self.quiet:
            yield lambda _: None
        elif not sys.stderr.isatty():
            yield self.say
        else:
            from rich.console import Console
            from rich.progress import Progress

            with Progress(console=Console(stderr=True), transient=True) as bar:
                task = bar.add_task(what, total=total)
                yield lambda line: bar.update(task, advance=1, description=f"{what}: {line[:40]}")


def session(context: typer.Context) -> Session:
    """Return the session of a command."""
    found = context.obj
    assert isinstance(found, Session)
    return found


def warn(text: str) -> None:
    """Write a line on stderr: what went wrong is told to the quiet, too."""
    sys.stderr.write(printable(text) + "\n")
    sys.stderr.flush()


def show(text: str) -> None:
    """Write a line of the result on stdout."""
    sys.stdout.write(printable(text) + "\n")


def show_json(document: object) -> None:
    """Write the one JSON document of a command on stdout."""
    json.dump(document, sys.stdout, ensure_ascii=False, indent=2, default=_plain)
    sys.stdout.write("\n")


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table: drawn on a terminal, in plain aligned columns elsewhere."""
    cells = [[printable("" if cell is None else str(cell)) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _draw(columns, cells)
        return
    lines = [list(columns), *cells]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    for line in lines:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        sys.stdout.write("  ".join(padded).rstrip() + "\n")


def _draw(columns: Sequence[str], cells: list[list[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in cells:
        table.add_row(*map(Text, row))
    Console().print(table)


def printable(text: str) -> str:
    """Return text with control and other unprintable characters escaped.

    Feeds are not trusted: a name must not be able to steer the terminal it is shown on.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text)


def _plain(value: Any) -> Any:  # noqa: ANN401
    import dataclasses

    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    if isinstance(value, StrEnum | Path):
        return str(value)
    raise TypeError(type(value).__name__)
