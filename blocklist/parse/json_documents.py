"""Read JSON documents: bytes -> one line per entry; shared by misp, stix and json."""

import json
import reprlib
from collections.abc import Iterable
from typing import Any

import polars as pl

from blocklist.parse.lines import number_lines

#: A document is held in memory several times over while it is read; one larger than this, in
#: bytes, is refused unread. The largest lists published so have some 10 MB.
MAX_DOCUMENT_BYTES = 100_000_000
#: A JSON document has no comments.
NO_COMMENT = r"$^"
_EXCERPT_BYTES = 200


class UnreadableDocument(ValueError):
    """A document that is none of its format; the text says why, as a reason for a refusal."""


def load_json(text: bytes) -> object:
    """Return the document; raise `Unreadable` for what is no JSON or too much of it."""
    if len(text) > MAX_DOCUMENT_BYTES:
        raise UnreadableDocument("document-too-large")
    try:
        return json.loads(text.decode(errors="replace"))
    except (ValueError, RecursionError):
        raise UnreadableDocument("not-json") from None


def lines_from_entries(found: Iterable[tuple[object, str]]) -> pl.DataFrame:
    """Return an entry a line: its text, and `how` it is read, or the reason why it is not."""
    rows = [(entry_text(entry), how) for entry, how in found]
    frame = pl.DataFrame(rows, schema={"text": pl.String, "how": pl.String}, orient="row")
    return number_lines(frame["text"]).with_columns(frame["how"])


def refuse_document(text: bytes, reason: str) -> pl.DataFrame:
    """Return a document that is not read as a single line."""
    return lines_from_entries([(text[:_EXCERPT_BYTES].decode(errors="replace"), reason)])


def json_objects(found: object) -> list[dict[str, Any]]:
    """Return the tables in an array; there are none in what is no array."""
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def entry_text(entry: object) -> str:
    """Return an entry as text; JSON can write halves of characters, which come as `?`."""
    text = entry if isinstance(entry, str) else reprlib.repr(entry)
    return text.encode("utf-8", "replace").decode()
