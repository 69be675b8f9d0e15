"""Read JSON documents: bytes -> one line per entry; shared by misp, stix and json."""

import json
import reprlib
from collections.abc import Iterable
from typing import Any

import polars as pl

from blocklist.parse.lines import number_lines

#: Larger documents, in bytes, are refused unread: parsing needs several times their size in memory.
#: The largest published lists have about 10 MB.
MAX_DOCUMENT_BYTES = 100_000_000
#: A JSON document has no comments.
NO_COMMENT = r"$^"
_EXCERPT_BYTES = 200
_FALSE_TEXTS = ("0", "false", "no", "none", "null")


class UnreadableDocument(ValueError):
    """A document that is not in its format; the message is the reason code of the refusal."""


def load_json(text: bytes) -> object:
    """Return the document; raise `UnreadableDocument` if it is not JSON or too large."""
    if len(text) > MAX_DOCUMENT_BYTES:
        raise UnreadableDocument("document-too-large")
    try:
        return json.loads(text.decode(errors="replace"))
    except (ValueError, RecursionError):
        raise UnreadableDocument("not-json") from None


def lines_from_entries(entries: Iterable[tuple[object, str]]) -> pl.DataFrame:
    """Return a line for each entry: its `text`, and `how` it is read or why it is refused."""
    rows = [(entry_text(entry), how) for entry, how in entries]
    frame = pl.DataFrame(rows, schema={"text": pl.String, "how": pl.String}, orient="row")
    return number_lines(frame["text"]).with_columns(frame["how"])


def refuse_document(text: bytes, reason: str) -> pl.DataFrame:
    """Return a single line with the start of a document that is refused."""
    return lines_from_entries([(text[:_EXCERPT_BYTES].decode(errors="replace"), reason)])


def json_objects(value: object) -> list[dict[str, Any]]:
    """Return the objects in an array; an empty list for any other value."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def is_marked(item: dict[str, Any], key: str) -> bool:
    """Return whether a mark such as `deleted` is set: true, 1, or one of them as text."""
    mark = item.get(key)
    return bool(mark) and str(mark).strip().lower() not in _FALSE_TEXTS


def entry_text(entry: object) -> str:
    """Return an entry as text; a lone surrogate, which JSON can contain, becomes `?`."""
    text = entry if isinstance(entry, str) else reprlib.repr(entry)
    return text.encode("utf-8", "replace").decode()
