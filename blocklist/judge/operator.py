"""The operator's word: the most specific entry that covers all of a candidate decides about it.

An entry that covers only a part of a candidate stands beside it in the release and wins there.
"""

import polars as pl

from blocklist.columns import networks
from blocklist.columns.names import lineage
from blocklist.columns.schema import KIND, REASON, SCOPE, VERDICT, VERDICTS
from blocklist.model import Entry, Kind, Reason, Scope, Verdict

_ENTRIES = pl.Schema(
    [
        ("kind", KIND),
        ("value", pl.String()),
        ("scope", SCOPE),
        ("action", VERDICT),
        ("why", pl.String()),
    ]
)


def frame(entries: list[Entry]) -> pl.DataFrame:
    """Return the entries as a frame with `kind`, `value`, `scope`, `action` and `why`."""
    rows = [(e.kind, e.value, e.scope, e.action, e.reason) for e in entries]
    return pl.DataFrame(rows, schema=_ENTRIES, orient="row")


def verdicts(entries: pl.DataFrame) -> pl.DataFrame:
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


def decide_names(entries: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
    """Return `value`, `action` and `why` for each candidate name that an entry covers wholly.

    `candidates` has `value` and `scope`.
    """
    known = entries.filter(pl.col("kind") == Kind.DOMAIN.value).rename({"scope": "covers"})
    last = pl.col("value").str.extract(r"([^.]*)$")
    ends = known.select(last).to_series().unique()
    near = candidates.select("value", "scope").filter(last.is_in(ends.implode()))
    found = lineage(near, "value").join(known, left_on="ancestor", right_on="value")
    here = (pl.col("covers") == Scope.SUBTREE.value) | (pl.col("covers") == pl.col("scope"))
    above = pl.col("covers") != Scope.EXACT.value
    covering = found.filter(pl.when(pl.col("steps") == 0).then(here).otherwise(above))
    narrow_first = (pl.col("covers") == Scope.SUBTREE.value).alias("wide")
    return (
        covering.with_columns(narrow_first, tie=pl.col("action") != Verdict.ALLOW.value)
        .sort("steps", "wide", "tie")
        .unique("value", keep="first", maintain_order=True)
        .select("value", "action", "why")
    )


def decide_networks(entries: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
    """Return `value`, `action` and `why` for each candidate network inside an entry's network."""
    known = entries.filter(pl.col("kind") == Kind.IP.value)
    reach = pl.concat([known, networks.spans(known["value"])], how="horizontal").select(
        "family", "action", "why", start="first", end="last"
    )
    spans = pl.concat(
        [candidates.select("value"), networks.spans(candidates["value"])], how="horizontal"
    )
    inside = spans.join_where(
        reach.rename({"family": "kin"}),
        pl.col("family") == pl.col("kin"),
        pl.col("first") >= pl.col("start"),
        pl.col("last") <= pl.col("end"),
    )
    return (
        inside.with_columns(size=pl.col("end") - pl.col("start"))
        .with_columns(tie=pl.col("action") != Verdict.ALLOW.value)
        .sort("size", "tie")
        .unique("value", keep="first", maintain_order=True)
        .select("value", "action", "why")
    )
