"""Apply a list's own exceptions to its own blocks: indicators and exceptions -> what it lists.

Exceptions never reach another list, and never allow anything. A listing has a scope, but no holes:
where a listed name covers an exempted name below it, only the name itself stays listed, and it is
`exempting`: the judge must not widen this listing again.

Sources: AdGuard's "DNS filtering rules syntax", in which an exception wins over every block, unless
only the block is `$important`; unbound.conf(5), dnsmasq(8) and draft-vixie-dnsop-dns-rpz, in which
the rule of the closest name decides.
"""

from dataclasses import dataclass, field

import polars as pl

from blocklist.frames.names import expand_ancestors
from blocklist.frames.networks import (
    add_spans,
    join_overlapping,
    merge_spans,
    networks_to_spans,
    spans_to_network_rows,
    subtract_spans,
)
from blocklist.frames.schemas import KIND, SCOPE
from blocklist.model import Kind, Scope

#: The rules of a list beside its plain blocks: exceptions, and with `blocks` the blocks that only a
#: firm exception takes out.
OWN_RULES = pl.Schema(
    {
        "kind": KIND,
        "value": pl.String(),
        "scope": SCOPE,
        "is_firm": pl.Boolean(),
        "blocks": pl.Boolean(),
    }
)
NO_NAMES = pl.Series("value", [], dtype=pl.String)
_KEY = ["kind", "value", "scope"]
# Two related names have their last two labels in common, because a list has no single labels.
_LAST_LABELS = r"([^.]+\.[^.]+)$"
_EXACT, _SUBTREE, _BELOW = (pl.lit(scope.value, SCOPE) for scope in Scope)


@dataclass(frozen=True)
class Narrowed:
    """The indicators that are left, the names among them with exempted names below, and counts."""

    indicators: pl.DataFrame
    exempting: pl.Series = field(default_factory=lambda: NO_NAMES)
    counts: dict[str, int] = field(default_factory=dict)


def apply_own_exceptions(
    indicators: pl.DataFrame, rules: pl.DataFrame, *, exceptions_win: bool
) -> Narrowed:
    """Return what a list lists after its own exceptions (`rules` has the schema `OWN_RULES`).

    With `exceptions_win` an exception takes out every block at and below it; else the rule of the
    closest name decides. Counted are `exempted` indicators and those `narrowed-to-exact`.
    """
    exceptions = rules.filter(~pl.col("blocks")).select(*_KEY, "is_firm").unique()
    if exceptions.is_empty() or indicators.is_empty():
        return Narrowed(indicators)
    rows = indicators.with_row_index("row")
    names = _find_related_names(rows, exceptions)
    names = names.join(_firm_blocks(rules), on=_KEY, how="left").with_columns(
        pl.col("is_firm_block").fill_null(value=False)
    )
    name_rows = _narrow_names(names, exceptions, exceptions_win=exceptions_win)
    network_rows, cut = _cut_networks(rows, exceptions)
    touched = pl.concat([names["row"], cut])
    result = pl.concat(
        [
            rows.filter(~pl.col("row").is_in(touched.implode())),
            name_rows.select(rows.columns),
            network_rows.select(rows.columns),
        ]
    )
    counts = {
        "exempted": len(touched) - name_rows.height - network_rows["row"].n_unique(),
        "narrowed-to-exact": int(name_rows["is_narrowed"].sum()),
    }
    return Narrowed(
        result.sort("row").unique(_KEY, keep="first", maintain_order=True).drop("row"),
        name_rows.filter(pl.col("has_hole"))["value"].unique(),
        {reason: count for reason, count in counts.items() if count},
    )


def _firm_blocks(rules: pl.DataFrame) -> pl.DataFrame:
    return rules.filter("blocks").select(*_KEY, is_firm_block=pl.lit(value=True)).unique()


def _find_related_names(rows: pl.DataFrame, exceptions: pl.DataFrame) -> pl.DataFrame:
    """Return the names that may be above, at or below an exempted name."""
    ends = exceptions["value"].str.extract(_LAST_LABELS).drop_nulls().unique()
    is_related = pl.col("value").str.extract(_LAST_LABELS).is_in(ends.implode())
    return rows.filter((pl.col("kind") == Kind.DOMAIN.value) & is_related)


def _narrow_names(
    names: pl.DataFrame, exceptions: pl.DataFrame, *, exceptions_win: bool
) -> pl.DataFrame:
    """Return the names that stay listed, with their new scope, `has_hole` and `is_narrowed`."""
    holes = pl.col("row").is_in(_rows_above_exceptions(names, exceptions).implode())
    covered = _cover_rows(names, exceptions, exceptions_win=exceptions_win)
    marked = names.join(covered, on="row", how="left", maintain_order="left").with_columns(
        pl.col("here_out", "below_out").fill_null(value=False), has_hole=holes
    )
    here = (pl.col("scope") != _BELOW) & ~pl.col("here_out")
    below = (pl.col("scope") != _EXACT) & ~pl.col("below_out")
    reaches = below & ~pl.col("has_hole")
    scope = pl.when(here & reaches).then(_SUBTREE).when(here).then(_EXACT).when(reaches)
    return marked.with_columns(
        scope=scope.then(_BELOW), is_narrowed=here & below & pl.col("has_hole")
    ).drop_nulls("scope")


def _rows_above_exceptions(names: pl.DataFrame, exceptions: pl.DataFrame) -> pl.Series:
    """Return the rows of names with an exempted name below."""
    above = expand_ancestors(exceptions.select("value", "is_firm"), "value")
    above = above.filter(pl.col("steps") > 0).select("ancestor", "is_firm").unique()
    holes = names.join(above, left_on="value", right_on="ancestor")
    return holes.filter(_overrules())["row"].unique()


def _overrules() -> pl.Expr:
    """Return whether an exception may take out a block: a firm block needs a firm one."""
    return ~pl.col("is_firm_block") | pl.col("is_firm")


def _cover_rows(
    names: pl.DataFrame, exceptions: pl.DataFrame, *, exceptions_win: bool
) -> pl.DataFrame:
    """Return `row`, `here_out` and `below_out` of names at or below an exception."""
    parts = names.select("row", "value", "scope", "is_firm_block")
    scopes = exceptions.select("value", "is_firm", by="scope")
    pairs = expand_ancestors(parts, "value").join(scopes, left_on="ancestor", right_on="value")
    pairs = pairs.filter(_overrules())
    is_same, by = pl.col("steps") == 0, pl.col("by")
    here_out = pl.when(is_same).then(by != _BELOW).otherwise(by != _EXACT)
    below_out = by != _EXACT
    if not exceptions_win:
        pairs = pairs.filter(is_same)
        # The rule for names below a name is closer to them than the rule for the whole subtree.
        below_out = (by == _BELOW) | ((by == _SUBTREE) & (pl.col("scope") != _BELOW))
    marks = pairs.select("row", here_out=here_out, below_out=below_out)
    return marks.group_by("row").agg(pl.col("here_out", "below_out").any())


def _cut_networks(rows: pl.DataFrame, exceptions: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    """Return what is left of networks that overlap an exempted one, and the rows of those."""
    is_ip = pl.col("kind") == Kind.IP.value
    networks, exempted = rows.filter(is_ip), exceptions.filter(is_ip)
    if networks.is_empty() or exempted.is_empty():
        return rows.clear(), rows.clear()["row"]
    spans, holes = add_spans(networks), merge_spans(networks_to_spans(exempted["value"]))
    cut = join_overlapping(spans, holes)["row"].unique()
    everything = networks_to_spans(pl.Series(["0.0.0.0/0", "::/0"]))
    # What is left of a network is what it has in common with the gaps between the holes.
    gaps = subtract_spans(everything, holes)
    left = join_overlapping(spans.filter(pl.col("row").is_in(cut.implode())), gaps)
    left = left.with_columns(
        first=pl.max_horizontal("first", "start"), last=pl.min_horizontal("last", "end")
    )
    pieces = spans_to_network_rows(left).rename({"row": "piece"})
    numbered = left.drop("value").with_row_index("piece")
    return pieces.join(numbered, on="piece").select(rows.columns), cut
