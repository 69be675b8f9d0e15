"""Write results to stdout: lines, tables and JSON documents, with unprintable text escaped."""

import dataclasses
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from functools import cache
from itertools import islice
from pathlib import Path
from shutil import get_terminal_size
from typing import Any

from blocklist.cli.streams import flush_stream, write_text
from blocklist.cli.tables import layout_plain, layout_table, wrap_line
from blocklist.cli.times import show_local_times
from blocklist.indicators.names import to_unicode
from blocklist.text import escape_unprintable


def show_line(text: str) -> None:
    """Write a line of the result."""
    write_text(show_local_times(escape_unprintable(text), sys.stdout) + "\n", sys.stdout)


def show_lines(texts: Iterable[str]) -> None:
    """Write many lines at once; they must be printable."""
    write_text(show_local_times("".join(f"{text}\n" for text in texts), sys.stdout), sys.stdout)


def show_wrapped(texts: Iterable[str]) -> None:
    """Write printable texts of several lines; on a terminal, long lines are wrapped at words."""
    if not sys.stdout.isatty():
        show_lines(texts)
        return
    width = get_terminal_size().columns
    for text in texts:
        lines = show_local_times(text, sys.stdout).split("\n")
        show_lines(part for line in lines for part in wrap_line(line, width))


#: The version of all JSON documents; see docs/reference/json.md.
JSON_SCHEMA = 1
#: JSON texts that are written at once.
_TEXTS_AT_A_TIME = 1_000


def show_json(document: Mapping[str, object]) -> None:
    """Write the one JSON document of a command, with the version of its keys."""
    encoder = json.JSONEncoder(ensure_ascii=not _is_unicode(), indent=2, default=_to_json_value)
    for part in encoder.iterencode({"schema": JSON_SCHEMA, **document}):
        write_text(_escape_json_part(part), sys.stdout)
    write_text("\n", sys.stdout)


def encode_json(value: object) -> str:
    """Return a value as JSON of one line, as stdout can show it."""
    return _escape_json_part(_get_line_encoder(_is_unicode()).encode(value))


def show_json_list(key: str, items: Iterable[str]) -> None:
    """Write a document that is one long list, of items that `encode_json` returned, one a line."""
    write_text(f'{{\n  "schema": {JSON_SCHEMA},\n  "{key}": [', sys.stdout)
    separator = ""
    for texts in _batch_texts(items):
        write_text(f"{separator}\n    " + ",\n    ".join(texts), sys.stdout)
        separator = ","
    write_text("\n  ]\n}\n" if separator else "]\n}\n", sys.stdout)


def show_json_lines(items: Iterable[str]) -> None:
    """Write each object that `encode_json` returned as a document of one line."""
    start = f'{{"schema": {JSON_SCHEMA}, '
    for texts in _batch_texts(items):
        write_text("".join(f"{start}{text[1:]}\n" for text in texts), sys.stdout)
    flush_stream(sys.stdout)


def _batch_texts(texts: Iterable[str]) -> Iterator[list[str]]:
    iterator = iter(texts)
    while batch := list(islice(iterator, _TEXTS_AT_A_TIME)):
        yield batch


@cache
def _get_line_encoder(is_unicode: bool) -> json.JSONEncoder:
    return json.JSONEncoder(ensure_ascii=not is_unicode, default=_to_json_value)


def _is_unicode() -> bool:
    return sys.stdout.encoding.lower() in ("utf-8", "utf8")


def _escape_json_part(part: str) -> str:
    """Return a part of a JSON document with unprintable characters of its texts escaped."""
    if part.replace("\n", "").isprintable():
        return part
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in part)


def _to_json_value(value: Any) -> Any:  # noqa: ANN401
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    if isinstance(value, StrEnum | Path):
        return str(value)
    if isinstance(value, timedelta):
        return int(value.total_seconds())
    raise TypeError(type(value).__name__)


def format_indicator(value: str) -> str:
    """Return an indicator and, for an A-label, the name that a person reads in it."""
    unicode = value if "://" in value else to_unicode(value)
    return value if unicode == value else f"{value} = {unicode}"


def show_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, drop: Sequence[str] = ()
) -> None:
    """Write a table: fitted to the width of a terminal, a line a row with all columns elsewhere.

    `drop` names the columns that a narrow terminal does not show, the first one first.
    """
    cells = [["" if cell is None else _format_cell(str(cell)) for cell in row] for row in rows]
    if sys.stdout.isatty():
        width = get_terminal_size().columns
        lines = layout_table(columns, cells, width, drop=drop)
    else:
        lines = layout_plain(columns, cells)
    show_lines(lines)


def _format_cell(text: str) -> str:
    """Return the text of a cell on one line, printable, with its times for stdout."""
    line = escape_unprintable(text).replace("\t", "\\t").replace("\n", "\\n")
    return show_local_times(line, sys.stdout)
