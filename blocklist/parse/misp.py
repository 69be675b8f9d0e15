"""MISP warninglists: JSON with a `list` of names or networks and a `type` that says how they match.

Source: https://github.com/MISP/misp-warninglists (schema.json). An entry counts as a line.
"""

import json

import polars as pl

from blocklist.model import Scope
from blocklist.parse.format import Format, Options, cut, scope_as_written, without_wildcard
from blocklist.parse.lines import LINES, numbered

#: A warninglist's `type` -> how its entries are read and what a plain name covers.
_TYPES = {
    "string": ("host", Scope.EXACT),
    "hostname": ("host", Scope.SUBTREE),
    "cidr": ("ip", Scope.EXACT),
}


def _lines(text: str) -> pl.DataFrame:
    """Return an entry a line, with the list's `type`; a document of another shape is one line."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return _one_line(text, "not-json")
    if not isinstance(document, dict) or not isinstance(document.get("list"), list):
        return _one_line(text, "not-a-warninglist")
    entries = [entry if isinstance(entry, str) else json.dumps(entry) for entry in document["list"]]
    if not entries:
        return pl.DataFrame(schema={**LINES, "type": pl.String})
    kind = str(document.get("type", "string"))
    return numbered(pl.Series("text", entries)).with_columns(type=pl.lit(kind))


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


# A JSON document has no comments; an empty entry is refused like any other.
FORMAT = Format("misp", _tokens, comment=r"$^", lines=_lines)
