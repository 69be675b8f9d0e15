"""Give commands their configuration and their output functions: global options -> Session."""

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

from blocklist.cli.streams import escape_unprintable, warn, write_text

if TYPE_CHECKING:
    from blocklist.config.loader import Config
    from blocklist.geoip import GeoIpDatabase

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


@dataclass
class Session:
    """The options before the command, and ways to report."""

    config_path: Path | None = None
    quiet: bool = False
    verbose: bool = False

    @cached_property
    def config(self) -> "Config":
        """The configuration in force, read when first asked for."""
        from blocklist.config.loader import load_config

        return load_config(self.config_path)

    @property
    def database(self) -> Path:
        """The ledger's path, known without reading all of the configuration."""
        from blocklist.config.paths import find_database

        return find_database(self.config_path)

    @property
    def geoip(self) -> "GeoIpDatabase":
        """Where addresses can be looked up, known without reading all of the configuration."""
        from blocklist.config.paths import find_geoip

        return find_geoip(self.config_path)

    def show_status(self, text: str) -> None:
        """Write a line about the work on stderr unless the person wants quiet."""
        if not self.quiet:
            warn(text)

    @contextmanager
    def show_progress(self, what: str, total: int) -> Iterator[Callable[[str], None]]:
        """Give a function to be called with a line as each of `total` steps ends.

        On a terminal a bar moves; elsewhere the lines are written; with quiet, nothing is.
        """
        if self.quiet:
            yield lambda _: None
        elif not sys.stderr.isatty():
            yield self.show_status
        else:
            from rich.console import Console
            from rich.markup import escape
            from rich.progress import Progress

            with Progress(console=Console(stderr=True), transient=True) as bar:
                task = bar.add_task(what, total=total)
                yield lambda line: bar.update(
                    task, advance=1, description=escape(escape_unprintable(f"{what}: {line[:40]}"))
                )


def get_session(context: typer.Context) -> Session:
    """Return the session of a command."""
    found = context.obj
    assert isinstance(found, Session)
    return found


def show_line(text: str) -> None:
    """Write a line of the result on stdout."""
    write_text(escape_unprintable(text) + "\n", sys.stdout)


def show_lines(texts: Iterable[str]) -> None:
    """Write many lines of the result on stdout at once; they are printable."""
    write_text("".join(f"{text}\n" for text in texts), sys.stdout)


def show_json(document: object) -> None:
    """Write the one JSON document of a command on stdout."""
    readable = sys.stdout.encoding.lower() in ("utf-8", "utf8")
    encoder = json.JSONEncoder(ensure_ascii=not readable, indent=2, default=_to_json_value)
    for part in encoder.iterencode(document):
        write_text(_escape_json_part(part), sys.stdout)
    write_text("\n", sys.stdout)


def _escape_json_part(part: str) -> str:
    """Return a part of a JSON document with what is unprintable in its texts escaped."""
    if part.replace("\n", "").isprintable():
        return part
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in part)


def format_indicator(value: str) -> str:
    """Return an indicator and, where it is a name in disguise, what a person reads in it."""
    from blocklist.indicators.names import to_unicode

    unicode = value if "://" in value else to_unicode(value)
    return value if unicode == value else f"{value} = {unicode}"


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table: drawn on a terminal, in plain aligned columns elsewhere."""
    cells = [
        [escape_unprintable("" if cell is None else str(cell)) for cell in row] for row in rows
    ]
    if sys.stdout.isatty():
        _draw_table(columns, cells)
        return
    lines = [list(columns), *cells]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    for line in lines:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        write_text("  ".join(padded).rstrip() + "\n", sys.stdout)


def _draw_table(columns: Sequence[str], cells: list[list[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in cells:
        table.add_row(*map(Text, row))
    Console().print(table)


def _to_json_value(value: Any) -> Any:  # noqa: ANN401
    import dataclasses

    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    if isinstance(value, StrEnum | Path):
        return str(value)
    raise TypeError(type(value).__name__)
