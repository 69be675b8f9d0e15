"""Read and write entries as CSV (RFC 4180): a header, then one entry a row.

A spreadsheet runs a text that begins with `=`, `+`, `-` or `@` as a formula. So such a text is
written with an apostrophe before it, which is taken away again on reading.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from io import StringIO

from blocklist.api.entry_files.rows import COLUMNS, RawRow
from blocklist.config.mistakes import suggest_close_name
from blocklist.errors import UsageError
from blocklist.model import Entry

#: The column `action` may be missing; with it, a file for `allow` is not taken for one for `block`.
_HEADER = ("action", *COLUMNS)
_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
_ESCAPED_FORMULA = re.compile(r"'+[=+\-@\t\r\n]")
#: These hold free text; a name, a scope and a time have no formula that is valid.
_FREE_COLUMNS = ("reason", "author")


def render_csv(entries: Iterable[Entry]) -> str:
    """Return entries as CSV."""
    file = StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_HEADER)
    for one in entries:
        made = one.first_created or one.created
        texts = (_escape_formula(one.reason), one.expires or "", _escape_formula(one.author))
        writer.writerow((one.action, one.value, one.scope, *texts, made))
    return file.getvalue()


def parse_csv(text: str) -> Iterator[RawRow]:
    """Yield the rows of a CSV file; raise `UsageError` with the line where it is none."""
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    line, header = 0, None
    try:
        for cells in reader:
            place, line = f"line {line + 1}", reader.line_num
            if not any(cells):
                continue
            if header is None:
                header = _check_header(place, cells)
            else:
                yield _make_row(place, header, cells)
    except csv.Error as error:
        raise UsageError(f"line {line + 1}: not valid CSV: {error}") from None
    if header is None:
        raise UsageError(f"no header; expected the line {','.join(COLUMNS)}")


def _check_header(place: str, cells: list[str]) -> list[str]:
    header = [cell.strip().lower() for cell in cells]
    unknown = next((cell for cell in header if cell not in _HEADER), None)
    if unknown is not None or "value" not in header:
        shown = "value: missing" if unknown is None else f"unknown column {unknown[:80]!r}"
        hint = suggest_close_name(unknown or "", _HEADER)
        raise UsageError(f"{place}: {shown}{hint}; expected the columns {','.join(COLUMNS)}")
    if len(set(header)) < len(header):
        raise UsageError(f"{place}: a column is there twice")
    return header


def _make_row(place: str, header: list[str], cells: list[str]) -> RawRow:
    if len(cells) != len(header):
        raise UsageError(f"{place}: expected {len(header)} columns, and there are {len(cells)}")
    fields: dict[str, object] = {
        name: _unescape_formula(cell) if name in _FREE_COLUMNS else cell.strip()
        for name, cell in zip(header, cells, strict=True)
    }
    return RawRow(place, fields.pop("action", None), fields)


def _escape_formula(text: str) -> str:
    return f"'{text}" if _FORMULA.match(text) else text


def _unescape_formula(text: str) -> str:
    return text[1:] if _ESCAPED_FORMULA.match(text) else text
