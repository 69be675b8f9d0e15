"""STIX 2.1 bundles: indicators whose patterns name hosts, addresses or links. An object is a line.

Source: OASIS STIX 2.1, sections 4.7 (indicator) and 9 (patterning). Read are comparisons with `=`
and `IN` of a domain-name, url, ipv4-addr or ipv6-addr, joined by OR: each of them alone is a sign.
All else (AND, NOT, LIKE, FOLLOWEDBY, WITHIN) needs more than a name to come true, so it is refused.
Regular expressions suffice for that much of the language, in linear time; the grammar of
stix2-patterns brings the ANTLR runtime to tell us the same.
"""

from datetime import UTC, datetime

import polars as pl

from blocklist.model import Scope
from blocklist.parse.documents import NO_COMMENT, Unreadable, entries, load, one_line
from blocklist.parse.format import Format, Options, cut, scope_as_written, without_wildcard

_READ = "pattern-of-names"
_KIND = r"(?:domain-name|url|ipv4-addr|ipv6-addr):value"
_TEXT = r"'(?:[^'\\]|\\.)*'"
_COMPARED = rf"{_KIND}\s*(?:=\s*{_TEXT}|(?i:IN)\s*\(\s*{_TEXT}(?:\s*,\s*{_TEXT})*\s*\))"
_OBSERVED = rf"\[\s*{_COMPARED}(?:\s+(?i:OR)\s+{_COMPARED})*\s*\]"
_PATTERN = rf"^\s*{_OBSERVED}(?:\s+(?i:OR)\s+{_OBSERVED})*\s*$"
_ADDRESS = r"^ipv[46]-addr"


def _lines(text: bytes, _options: Options) -> pl.DataFrame:
    try:
        document = load(text)
    except Unreadable as error:
        return one_line(text, str(error))
    match document:
        case {"type": "bundle", "objects": [*objects]} | {"objects": [{"type": _}, *_] as objects}:
            now = datetime.now(UTC)
            return entries([_entry(found, now) for found in objects])
    return one_line(text, "not-stix")


def _entry(found: object, now: datetime) -> tuple[object, str]:
    """Return an object's pattern and how it is read, or the reason why it is not."""
    if not isinstance(found, dict) or found.get("type") != "indicator":
        kind = found.get("type", found) if isinstance(found, dict) else found
        return kind, "other-kind"
    pattern, language = found.get("pattern"), found.get("pattern_type", "stix")
    if not isinstance(pattern, str) or language != "stix":
        return pattern, "other-kind"
    if found.get("revoked") is True:
        return pattern, "revoked"
    return pattern, "expired" if _is_over(found.get("valid_until"), now) else _READ


def _is_over(until: object, now: datetime) -> bool:
    """Return whether the time is past; one that cannot be read counts as past: no harm done."""
    if until is None:
        return False
    try:
        moment = datetime.fromisoformat(str(until))
    except ValueError:
        return True
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) <= now


def _tokens(frame: pl.DataFrame, _options: Options) -> pl.DataFrame:
    rows = frame.with_columns(reason=_refusal(pl.col("text")))
    compared = pl.when(pl.col("reason").is_null()).then("text").str.extract_all(_COMPARED)
    rows = rows.with_columns(compared=compared).explode("compared")
    kind = pl.col("compared").str.extract(r"^([a-z0-9-]+)")
    texts = pl.col("compared").str.extract_all(_TEXT)
    rows = rows.with_columns(kind=kind, token=texts).explode("token")
    token = pl.col("token").str.strip_prefix("'").str.strip_suffix("'")
    token = token.str.replace_all(r"\\(.)", "$1")
    host, address = pl.col("kind") == "domain-name", pl.col("kind").str.contains(_ADDRESS)
    read = pl.when(address).then(pl.lit("ip")).when(host).then(pl.lit("host"))
    return cut(
        rows.with_columns(seen=pl.coalesce(token, "text")),
        token=pl.coalesce(pl.when(host).then(without_wildcard(token)).otherwise(token), "text"),
        read=read.otherwise(pl.lit("url")),
        scope=scope_as_written(token.fill_null(""), Scope.EXACT),
        reason=pl.col("reason"),
    )


def _refusal(text: pl.Expr) -> pl.Expr:
    cases = (
        ("other-kind", ~text.str.contains(_KIND)),
        ("pattern", ~text.str.contains(_PATTERN)),
    )
    known = pl.when(pl.col("how") != _READ).then("how")
    return pl.coalesce(known, *(pl.when(applies).then(pl.lit(reason)) for reason, applies in cases))


FORMAT = Format("stix", _tokens, comment=NO_COMMENT, lines=_lines, whole=True, dated=True)
