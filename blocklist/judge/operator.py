"""Apply operator entries: entries and candidates -> the deciding entry of each candidate.

The most specific entry that covers a whole candidate decides. An entry that covers only a part of
a candidate becomes a verdict of its own in the release and takes precedence there.
"""

import polars as pl

from blocklist.frames.networks import SPAN_SCHEMA, add_spans, join_overlapping
from blocklist.frames.schemas import KIND, REASON, SCOPE, VERDICT, VERDICTS
from blocklist.judge.guards import match_at_or_below
from blocklist.model import Entry, Kind, Reason, Scope, Verdict

_ENTRY_SCHEMA = pl.Schema(
    [
        ("kind", KIND),
        ("value", pl.String()),
        ("scope", SCOPE),
        ("action", VERDICT),
        ("why", pl.String()),
    ]
)

_MATCH_COLUMNS = ["value", "action", "why", "entry", "covers"]
_MILDEST_FIRST = (Verdict.ALLOW, Verdict.HOLD, Verdict.BLOCK)


def build_entry_frame(entries: list[Entry]) -> pl.DataFrame:
    """Return the entries with `kind`, `value`, `scope`, `action` and `why`.

    Of two entries on the same value and scope, the milder one is kept: a tie is an allow.
    """
    mildest_first = sorted(entries, key=lambda entry: _MILDEST_FIRST.index(entry.action))
    rows = [(e.kind, e.value, e.scope, e.action, e.reason or None) for e in mildest_first]
    frame = pl.DataFrame(rows, schema=_ENTRY_SCHEMA, orient="row")
    return frame.unique(["value", "scope"], keep="first", maintain_order=True)


def entries_to_verdicts(entries: pl.DataFrame) -> pl.DataFrame:
    """Return the entries as verdicts of their own (schema `VERDICTS`)."""
    return entries.select(
        "kind",
        "value",
        "scope",
        verdict="action",
        reason=pl.lit(Reason.OPERATOR.value, REASON),
        cause="why",
        score=pl.lit(1.0),
    ).match_to_schema(VERDICTS)


def decide_by_entries(entries: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
    """Return `value`, `action` and `why` for each candidate that an entry covers completely.

    `candidates` has `kind`, `value` and `scope`.
    """
    return match_entries(entries, candidates).select("value", "action", "why")


def match_entries(entries: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
    """Return the most specific entry that covers each candidate completely.

    `candidates` has `kind`, `value` and `scope`; the result has `value`, and of the entry `action`,
    `why`, `entry` (its value) and `covers` (its scope).
    """
    nothing = entries.clear().select("value", "action", "why", entry="value", covers="scope")
    parts = [nothing]
    for kind, decide in ((Kind.DOMAIN, _decide_names), (Kind.IP, _decide_networks)):
        kind_entries, kind_candidates = (
            frame.filter(pl.col("kind") == kind.value) for frame in (entries, candidates)
        )
        if not kind_entries.is_empty() and not kind_candidates.is_empty():
            parts.append(decide(kind_entries, kind_candidates))
    return pl.concat(parts)


def _decide_names(entries: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
    scoped_entries = entries.select("value", "action", "why", covers="scope")
    matches = match_at_or_below(candidates.select("value", "scope"), scoped_entries)
    covers_name = (pl.col("covers") == Scope.SUBTREE.value) | (pl.col("covers") == pl.col("scope"))
    covers_below = pl.col("covers") != Scope.EXACT.value
    covering = matches.filter(
        pl.when(pl.col("steps") == 0).then(covers_name).otherwise(covers_below)
    )
    return (
        covering.with_columns(wide=pl.col("covers") == Scope.SUBTREE.value)
        .sort("steps", "wide")
        .unique("value", keep="first", maintain_order=True)
        .rename({"ancestor": "entry"})
        .select(_MATCH_COLUMNS)
    )


def _decide_networks(entries: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
    entry_spans = add_spans(entries).select(
        *SPAN_SCHEMA.names(), "action", "why", entry="value", covers="scope"
    )
    spans = add_spans(candidates.select("value"))
    inside = join_overlapping(spans, entry_spans, inside=True)
    return (
        inside.with_columns(size=pl.col("end") - pl.col("start"))
        .sort("size")
        .unique("value", keep="first", maintain_order=True)
        .select(_MATCH_COLUMNS)
    )
