"""Parse STIX 2.1 bundles: indicator patterns -> tokens; each object counts as a line.

Source: OASIS STIX 2.1, sections 4.7 (indicator) and 9 (patterning). Supported are comparisons with
`=` and `IN` of a domain-name, url, ipv4-addr, ipv6-addr or an end of a network-traffic, joined by
OR: each is an indicator of its own. The type of an end, ports and protocols are dropped, as in a
list of addresses. All else (other AND, NOT, LIKE, FOLLOWEDBY, WITHIN) needs more than a name to
match, so it is refused. Regular expressions suffice for this part of the language, in linear time;
the grammar of stix2-patterns would add the ANTLR runtime for the same result.
"""

from datetime import UTC, datetime

import polars as pl

from blocklist.model import Scope
from blocklist.parse.format import Format, make_tokens, scope_as_written, strip_wildcard
from blocklist.parse.json_documents import (
    NO_COMMENT,
    UnreadableDocument,
    is_marked,
    lines_from_entries,
    load_json,
    refuse_document,
)
from blocklist.parse.object_versions import latest_positions, parse_time
from blocklist.parse.options import ParseOptions

_HOW_PATTERN = "pattern-of-names"
_ADDRESS_PATH = r"(?:ipv[46]-addr:value|network-traffic:(?:src|dst)_ref\.value)"
_OBJECT_PATH = rf"(?:(?:domain-name|url):value|{_ADDRESS_PATH})"
_TEXT_LITERAL = r"'(?:[^'\\]|\\.)*'"
_LITERALS = rf"\(\s*{_TEXT_LITERAL}(?:\s*,\s*{_TEXT_LITERAL})*\s*\)"
_COMPARISON = (
    rf"(?:{_OBJECT_PATH}\s*(?:==?\s*{_TEXT_LITERAL}|(?i:IN)\s*{_LITERALS})"
    rf"|{_ADDRESS_PATH}\s+(?i:ISSUBSET)\s+{_TEXT_LITERAL})"
)
# What a list of addresses drops as well: of which type an end is, its port, and the protocols.
_DETAIL = (
    r"network-traffic:(?:(?:src|dst)_ref\.type|(?:src|dst)_port|protocols\[(?:\*|[0-9]+)\])"
    rf"\s*==?\s*(?:{_TEXT_LITERAL}|[0-9]+)"
)
_TERM = rf"(?:{_DETAIL}\s+(?i:AND)\s+)*{_COMPARISON}(?:\s+(?i:AND)\s+{_DETAIL})*"
_TERMS = rf"{_TERM}(?:\s+(?i:OR)\s+{_TERM})*"
_GROUP = rf"(?:{_TERMS}|\(\s*{_TERMS}\s*\))"
_OBSERVATION = rf"\[\s*{_GROUP}(?:\s+(?i:OR)\s+{_GROUP})*\s*\]"
_PATTERN = rf"^\s*{_OBSERVATION}(?:\s+(?i:OR)\s+{_OBSERVATION})*\s*$"
_NETWORK_OBJECT = r"(?:^|[\s(\[])(?:domain-name|url|ipv[46]-addr|network-traffic):"
_ANY_OBJECT = r"(?:^|[\s(\[])[a-z0-9-]+:[a-z]"
_ADDRESS_OBJECT = r"^ipv[46]-addr"
_ADDRESS_TEXT = r"^[0-9.]+(?:/[0-9]+)?$|:"


def _split_lines(text: bytes, _options: ParseOptions) -> pl.DataFrame:
    try:
        document = load_json(text)
    except UnreadableDocument as error:
        return refuse_document(text, str(error))
    match document:
        case {"type": "bundle", "objects": [*objects]} | {"objects": [{"type": _}, *_] as objects}:
            now = datetime.now(UTC)
            return lines_from_entries(_read_objects(objects, now))
    return refuse_document(text, "not-stix")


def _read_objects(objects: list[object], now: datetime) -> list[tuple[object, str]]:
    """Return each object's pattern and how it is read; of several versions the latest is read."""
    latest = set(latest_positions(objects))
    entries = [_read_object(item, now) for item in objects]
    return [
        (text, how if position in latest or how == "other-kind" else "older-version")
        for position, (text, how) in enumerate(entries)
    ]


def _read_object(item: object, now: datetime) -> tuple[object, str]:
    """Return an object's pattern and how it is read, or the reason for a refusal."""
    if not isinstance(item, dict) or item.get("type") != "indicator":
        kind = item.get("type", item) if isinstance(item, dict) else item
        return kind, "other-kind"
    pattern, language = item.get("pattern"), item.get("pattern_type", "stix")
    if is_marked(item, "revoked"):
        return pattern, "revoked"
    if str(language).lower() != "stix":
        return pattern, "other-kind"
    if not isinstance(pattern, str):
        return pattern, "pattern"
    return pattern, "expired" if _is_past(item.get("valid_until"), now) else _HOW_PATTERN


def _is_past(until: object, now: datetime) -> bool:
    """Return whether a time is past; an unreadable time counts as past, which blocks nothing."""
    moment = parse_time(until)
    return until is not None and (moment is None or moment <= now)


def _extract_tokens(frame: pl.DataFrame, _options: ParseOptions) -> pl.DataFrame:
    rows = frame.with_columns(reason=_refusal_reason(pl.col("text")))
    comparison = pl.when(pl.col("reason").is_null()).then("text").str.extract_all(_COMPARISON)
    rows = rows.with_columns(comparison=comparison).explode("comparison")
    kind = pl.col("comparison").str.extract(r"^([a-z0-9-]+)")
    texts = pl.col("comparison").str.extract_all(_TEXT_LITERAL)
    rows = rows.with_columns(kind=kind, token=texts).explode("token")
    token = pl.col("token").str.strip_prefix("'").str.strip_suffix("'")
    token = token.str.replace_all(r"\\(.)", "$1")
    is_end = pl.col("kind") == "network-traffic"
    is_address = is_end & token.str.contains(_ADDRESS_TEXT)
    is_ip = pl.col("kind").str.contains(_ADDRESS_OBJECT) | is_address
    is_host = (pl.col("kind") == "domain-name") | (is_end & ~is_address)
    read = pl.when(is_ip).then(pl.lit("ip")).when(is_host).then(pl.lit("host"))
    return make_tokens(
        rows.with_columns(seen=pl.coalesce(token, "text")),
        token=pl.coalesce(pl.when(is_host).then(strip_wildcard(token)).otherwise(token), "text"),
        read=read.otherwise(pl.lit("url")),
        scope=scope_as_written(token.fill_null(""), Scope.EXACT),
        reason=pl.col("reason"),
    )


def _refusal_reason(text: pl.Expr) -> pl.Expr:
    cases = (
        ("pattern", text.str.contains(_NETWORK_OBJECT) & ~text.str.contains(_PATTERN)),
        ("other-kind", text.str.contains(_ANY_OBJECT) & ~text.str.contains(_PATTERN)),
        ("pattern", ~text.str.contains(_PATTERN)),
    )
    given = pl.when(pl.col("how") != _HOW_PATTERN).then("how")
    return pl.coalesce(given, *(pl.when(applies).then(pl.lit(reason)) for reason, applies in cases))


FORMAT = Format(
    "stix",
    _extract_tokens,
    comment_pattern=NO_COMMENT,
    split_lines=_split_lines,
    needs_whole_text=True,
    detection_rank=10,
    may_be_json=True,
    is_date_dependent=True,
)
