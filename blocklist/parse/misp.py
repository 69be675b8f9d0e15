"""MISP warninglists: JSON with a `list` of names or networks and a `type` that says how they match.

Source: https://github.com/MISP/misp-warninglists (schema.json). An entry counts as a line.
"""

import json
import reprlib

import polars as pl

from blocklist.model import Scope
from blocklist.parse.format import Format, Options, cut, scope_as_written, without_wildcard
from blocklist.parse.lines import numbered

#: A warninglist's `type` -> how its entries are read and what a plain name covers.
_TYPES = {
    "string": ("host", Scope.EXACT),
    "hostname": ("host", Scope.SUBTREE),
    "cidr": ("ip", Scope.EXACT),
}
#: Types whose entries are patterns, which would cover more than a name or network can say.
_PATTERNS = ("substring", "regex")


def _lines(text: str) -> pl.DataFrame:
    """Return an entry a line, with the list's `type`; a document of another shape is one line."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return _one_line(text, "not-json")
    if not isinstance(document, dict) or not isinstance(document.get("list"), list):
        return _one_line(text, "not-a-warninglist")
    entries = pl.Series("text", map(_text, document["list"]), pl.String)
    kind = document.get("type", "string")
    known = kind if kind in (*_TYPES, *_PATTERNS) else "unknown-type"
    return numbered(entries).with_columns(type=pl.lit(known))


def _text(entry: object) -> str:
    """Return an entry as text; JSON can write halves of characters, which come as `?`."""
    shown = entry if isinstance(entry, str) else reprlib.repr(entry)
    return shown.encode("utf-8", "replace").decode()


def _one_line(text: str, kind: str) -> pl.DataFrame:
    return numbered(pl.Series("text", [text[:100]])).with_columns(type=pl.lit(kind))


def _tokens(frame: pl.DataFrame, _options: Options) -> pl.DataFrame:
    kind = frame["type"].first()
    read, plain = _TYPES.get(str(kind), ("host", Scope.EXACT))
    text = pl.col("text").str.strip_chars()
    return cut(
        frame,
        token=without_wildcard(text) if read == "host" else text,
        read=read,
        scope=scope_as_written(text, plain),
        reason=pl.when(~pl.col("type").is_in(list(_TYPES))).then("type"),
    )


# A JSON document has no comments.
FORMAT = Format("misp", _tokens, comment=r"$^", lines=_lines)
