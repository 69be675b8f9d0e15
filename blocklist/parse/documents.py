"""JSON documents: read whole, an entry a line; shared by misp, stix and json."""

import json
import reprlib
from collections.abc import Iterable
from typing import Any

import polars as pl

from blocklist.parse.lines import numbered

#: A document is held in memory several times over while it is read; one larger than this, in
#: bytes, is refused unread. The largest lists published so have some 10 MB.
MAX_DOCUMENT = 100_000_000
#: A JSON document has no comments.
NO_COMMENT = r"$^"
_SHOWN = 200


class Unreadable(ValueError):
    """A document that is none of its format; the text says why, as a reason for a refusal."""


def load(text: bytes) -> object:
    """Return the document; raise `Unreadable` for what is no JSON or too much of it."""
    if len(text) > MAX_DOCUMENT:
        raise Unreadable("document-too-large")
    try:
        return json.loads(text.decode(errors="replace"))
    except (ValueError, RecursionError):
        raise Unreadable("not-json") from None


def entries(found: Iterable[tuple[object, str]]) -> pl.DataFrame:
    """Return an entry a line: its text, and `how` it is read, or the reason why it is not."""
    rows = [(shown(entry), how) for entry, how in found]
    frame = pl.DataFrame(rows, schema={"text": pl.String, "how": pl.String}, orient="row")
    return numbered(frame["text"]).with_columns(frame["how"])


def one_line(text: bytes, reason: str) -> pl.DataFrame:
    """Return a document that is not read as a single line."""
    return entries([(text[:_SHOWN].decode(errors="replace"), reason)])


def tables(found: object) -> list[dict[str, Any]]:
    """Return the tables in an array; there are none in what is no array."""
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def shown(entry: object) -> str:
    """Return an entry as text; JSON can write halves of characters, which come as `?`."""
    text = entry if isinstance(entry, str) else reprlib.repr(entry)
    return text.encode("utf-8", "replace").decode()
