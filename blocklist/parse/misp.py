"""MISP: warninglists and events, told apart by their shape. An entry counts as a line.

Sources: https://github.com/MISP/misp-warninglists (schema.json), a `list` of names or networks and
a `type` that says how they match; and https://www.misp-standard.org (MISP core format), an `Event`
with attributes, of which those for detection (`to_ids`) that name a host, address or link are read.
"""

from collections.abc import Iterator
from typing import Any

import polars as pl

from blocklist.model import Scope
from blocklist.parse.documents import NO_COMMENT, Unreadable, entries, load, one_line, tables
from blocklist.parse.format import (
    Format,
    Options,
    cut,
    refanged,
    scope_as_written,
    without_wildcard,
)

#: A warninglist's `type`; hostnames stand for all below them.
_LISTS = ("string", "hostname", "cidr")
#: Types whose entries are patterns, which would cover more than a name or network can say.
_PATTERNS = ("substring", "regex")
_ATTRIBUTES = {
    "domain": "string",
    "hostname": "string",
    "domain|ip": "string",
    "hostname|port": "string",
    "ip-src": "cidr",
    "ip-dst": "cidr",
    "ip-src|port": "cidr",
    "ip-dst|port": "cidr",
    "url": "url",
    "uri": "url",
}


def _lines(text: bytes, _options: Options) -> pl.DataFrame:
    try:
        return entries(list(_entries(load(text))))
    except Unreadable as error:
        return one_line(text, str(error))


def _entries(document: object) -> Iterator[tuple[object, str]]:
    """Yield each entry and how it is read, or the reason why it is not."""
    if isinstance(document, dict) and isinstance(document.get("list"), list):
        how = document.get("type", "string")
        how = how if how in (*_LISTS, *_PATTERNS) else "unknown-type"
        yield from ((entry, how) for entry in document["list"])
        return
    inner = document.get("response", [document]) if isinstance(document, dict) else document
    events = tables([one.get("Event") for one in tables(inner)])
    if not events:
        raise Unreadable("not-misp")
    for event in events:
        yield from _attributes(event)


def _attributes(event: dict[str, Any]) -> Iterator[tuple[object, str]]:
    """Yield the attributes of an event and of the objects in it."""
    for inner in tables(event.get("Object")):
        yield from _attributes({"Attribute": inner.get("Attribute")})
    for attribute in tables(event.get("Attribute")):
        value, kind = attribute.get("value", ""), attribute.get("type")
        how = _ATTRIBUTES.get(kind, "other-kind") if isinstance(kind, str) else "other-kind"
        if how != "other-kind" and attribute.get("to_ids") is not True:
            how = "not-for-blocking"
        # Of two values the first is the host; the other one, an address or a port, may be shared.
        first = value.partition("|")[0] if isinstance(value, str) and "|" in str(kind) else value
        yield first, how


def _tokens(frame: pl.DataFrame, _options: Options) -> pl.DataFrame:
    how, text = pl.col("how"), pl.col("text").str.strip_chars()
    host = how.is_in(["string", "hostname"])
    read = pl.when(host).then(pl.lit("host")).when(how == "cidr").then(pl.lit("ip"))
    marked = scope_as_written(text, Scope.EXACT)
    return cut(
        frame,
        token=pl.when(host).then(without_wildcard(refanged(text))).otherwise(text),
        read=read.otherwise(pl.lit("url")),
        scope=pl.when(how == "hostname").then(pl.lit(Scope.SUBTREE.value)).otherwise(marked),
        reason=pl.when(~how.is_in([*_LISTS, "url"])).then(how),
    )


FORMAT = Format("misp", _tokens, comment=NO_COMMENT, lines=_lines, whole=True)
