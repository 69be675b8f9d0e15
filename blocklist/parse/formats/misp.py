"""Parse MISP warninglists and events: document -> tokens; each entry counts as a line.

Sources: https://github.com/MISP/misp-warninglists (schema.json), a `list` of names or networks and
a `type` that defines how they match; and https://www.misp-standard.org (MISP core format), an
`Event` with attributes, of which hosts, addresses and URLs for detection (`to_ids`) are used. MISP
keeps what a person deleted, with the mark `deleted`; its attributes list nothing.
"""

from collections.abc import Iterator
from typing import Any

import polars as pl

from blocklist.model import Scope
from blocklist.parse.format import (
    Format,
    make_tokens,
    refang_column,
    scope_as_written,
    strip_wildcard,
)
from blocklist.parse.json_documents import (
    NO_COMMENT,
    UnreadableDocument,
    is_marked,
    json_objects,
    lines_from_entries,
    load_json,
    refuse_document,
)
from blocklist.parse.options import ParseOptions

#: The `type` of a warninglist; a hostname covers all names below it.
_LIST_TYPES = ("string", "hostname", "cidr")
#: Types whose entries are patterns, which no name or network can express.
_PATTERN_TYPES = ("substring", "regex")
_ATTRIBUTE_TYPES = {
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


def _split_lines(text: bytes, _options: ParseOptions) -> pl.DataFrame:
    try:
        return lines_from_entries(list(_read_entries(load_json(text))))
    except UnreadableDocument as error:
        return refuse_document(text, str(error))


def _read_entries(document: object) -> Iterator[tuple[object, str]]:
    """Yield each entry and how it is read, or the reason why it is not."""
    if isinstance(document, dict) and isinstance(document.get("list"), list):
        how = document.get("type", "string")
        how = how if how in (*_LIST_TYPES, *_PATTERN_TYPES) else "unknown-type"
        yield from ((entry, how) for entry in document["list"])
        return
    response = document.get("response", [document]) if isinstance(document, dict) else document
    events = json_objects([item.get("Event") for item in json_objects(response)])
    if not events:
        raise UnreadableDocument("not-misp")
    for event in events:
        yield from _read_attributes(event)


def _read_attributes(event: dict[str, Any]) -> Iterator[tuple[object, str]]:
    """Yield the attributes of an event and of the objects in it."""
    for holder in (*json_objects(event.get("Object")), event):
        is_gone = is_marked(event, "deleted") or is_marked(holder, "deleted")
        for attribute in json_objects(holder.get("Attribute")):
            value, kind = attribute.get("value", ""), str(attribute.get("type"))
            how = "deleted" if is_gone else _attribute_use(attribute)
            # Of two values the first is the host; the other, an address or a port, may be shared.
            is_pair = isinstance(value, str) and "|" in kind
            yield value.partition("|")[0] if is_pair else value, how


def _attribute_use(attribute: dict[str, Any]) -> str:
    """Return how an attribute's value is read, or the reason why it is not."""
    if is_marked(attribute, "deleted"):
        return "deleted"
    how = _ATTRIBUTE_TYPES.get(str(attribute.get("type")), "other-kind")
    return how if how == "other-kind" or attribute.get("to_ids") is True else "not-for-blocking"


def _extract_tokens(frame: pl.DataFrame, _options: ParseOptions) -> pl.DataFrame:
    how, text = pl.col("how"), pl.col("text").str.strip_chars()
    is_host = how.is_in(["string", "hostname"])
    read = pl.when(is_host).then(pl.lit("host")).when(how == "cidr").then(pl.lit("ip"))
    written_scope = scope_as_written(text, Scope.EXACT)
    return make_tokens(
        frame,
        token=pl.when(is_host).then(strip_wildcard(refang_column(text))).otherwise(text),
        read=read.otherwise(pl.lit("url")),
        scope=pl.when(how == "hostname").then(pl.lit(Scope.SUBTREE.value)).otherwise(written_scope),
        reason=pl.when(~how.is_in([*_LIST_TYPES, "url"])).then(how),
    )


FORMAT = Format(
    "misp",
    _extract_tokens,
    comment_pattern=NO_COMMENT,
    split_lines=_split_lines,
    needs_whole_text=True,
    detection_rank=20,
    may_be_json=True,
)
