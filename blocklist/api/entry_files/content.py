"""Convert whole entry files: bytes -> checked rows, and entries -> text."""

import os
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path

from blocklist.api.arguments import parse_word, require_path
from blocklist.api.entry_files.csv_format import parse_csv, render_csv
from blocklist.api.entry_files.rows import EntryRow, check_rows
from blocklist.api.entry_files.toml_format import parse_toml, render_toml
from blocklist.config.toml import describe_encoding
from blocklist.errors import MAX_SHOWN_MISTAKES, ConfigError, StorageError, UsageError
from blocklist.model import Entry, Verdict

#: Some hundred thousand entries.
_MAX_BYTES = 1 << 24
_MAX_LINE = 100_000


class EntryFormat(StrEnum):
    """The format of an entry file."""

    TOML = "toml"
    CSV = "csv"


def choose_format(path: str | os.PathLike[str], given: EntryFormat | str | None) -> EntryFormat:
    """Return the format that is given, or that of the file's suffix; raise `UsageError`."""
    if given is not None:
        return parse_word(EntryFormat, given, "format")
    suffix = Path(path).suffix.lower().removeprefix(".")
    if suffix in set(EntryFormat):
        return EntryFormat(suffix)
    raise UsageError(
        f"{path}: its suffix is neither .toml nor .csv; choose with: --format toml, or csv"
    )


def read_entry_file(path: str | os.PathLike[str]) -> bytes:
    """Return the bytes of a file; raise `StorageError`, also if it is larger than 16 MiB."""
    name = require_path(os.fspath(path), "path")
    try:
        with Path(name).open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise StorageError(f"{name}: cannot be read: {error.strerror or error}") from None
    if len(content) > _MAX_BYTES:
        raise StorageError(f"{name}: larger than 16 MiB; a list this long should be a feed")
    return content


def render_entries(entries: Iterable[Entry], form: EntryFormat) -> str:
    """Return entries as the text of a file, sorted, so that two files are easy to compare."""
    ordered = sorted(entries, key=lambda entry: (entry.value, entry.scope))
    return render_csv(ordered) if form is EntryFormat.CSV else render_toml(ordered)


def parse_entries(content: bytes, form: EntryFormat, action: Verdict, name: str) -> list[EntryRow]:
    """Return the rows of a file; raise `ConfigError` with every mistake and its line."""
    try:
        text = _decode(content)
        parse = parse_csv if form is EntryFormat.CSV else parse_toml
        rows, mistakes = check_rows(list(parse(text)), action)
    except UsageError as error:
        rows, mistakes = [], [str(error)]
    if mistakes:
        more = len(mistakes) - MAX_SHOWN_MISTAKES
        rest = [f"{name}: and {more:,} more mistakes"] if more > 0 else []
        raise ConfigError(*(f"{name}: {one}" for one in mistakes[:MAX_SHOWN_MISTAKES]), *rest)
    return rows


def _decode(content: bytes) -> str:
    for number, line in enumerate(content.split(b"\n"), 1):
        if len(line) > _MAX_LINE:
            raise UsageError(f"line {number}: longer than {_MAX_LINE:,} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(describe_encoding(content, error.start)) from None
