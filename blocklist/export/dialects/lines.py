"""Render lists: rows -> one entry a name, network or URL, each by the target's line templates."""

import polars as pl

from blocklist.config.exports import Export
from blocklist.config.line_templates import parse_line_templates
from blocklist.config.targets import Target, target_templates
from blocklist.export.render.addresses import compute_blocked_spans
from blocklist.export.render.body import Body, BodyPart
from blocklist.export.render.file_head import render_comment
from blocklist.export.render.narrowing import narrow_to_target
from blocklist.export.render.precedence import POLICY_CODE, name_rules, sort_by_family
from blocklist.export.render.sanitize import require_safe_names, require_safe_urls
from blocklist.export.render.state import ExportState
from blocklist.frames.networks import spans_to_networks
from blocklist.model import Kind, Scope

_VALUE, _BLOCKS_NAME, _BLOCKS_BELOW = pl.col("value"), pl.col("own") > 0, pl.col("under") > 0


def render_head(export: Export, state: ExportState, content: Body) -> list[str]:
    """Return the comment, and what the target puts before the entries."""
    return [*render_comment(export, state, content), *export.target.head.splitlines()]


def render_body(export: Export, rows: pl.DataFrame) -> Body:
    """Return the names, families together; the networks, fewest and disjoint; then the URLs."""
    kinds = {kind: rows.filter(pl.col("kind") == kind.value) for kind in Kind}
    names, narrowed = _select_names(kinds[Kind.DOMAIN], export.target)
    spans, left_out = compute_blocked_spans(kinds[Kind.IP])
    urls = _select_urls(kinds[Kind.URL])
    known = target_templates(export.target)
    network = known.get("ip_line", known["line"])
    addresses = [
        BodyPart(
            spans_to_networks(spans.filter(family=family)).to_frame("value"),
            _fill_template(form),
        )
        for family, form in ((4, network), (6, known.get("ip6_line", network)))
    ]
    parts = (
        BodyPart(names, _rule_lines(known)),
        *addresses,
        BodyPart(urls, _fill_template(known.get("url_line", known["line"]))),
        BodyPart.from_lines(export.target.foot.splitlines()),
    )
    count = int(names.select((_BLOCKS_NAME | _BLOCKS_BELOW).sum()).item()) + urls.height
    return Body(parts, count + sum(part.rows.height for part in addresses), narrowed | left_out)


def _select_urls(rows: pl.DataFrame) -> pl.DataFrame:
    if rows.is_empty():
        return rows.select("value")
    require_safe_urls(rows["value"])
    allow = rows.filter(pl.col("action") == "allow")
    return rows.join(allow, on="value", how="anti").select(pl.col("value").unique().sort())


def _select_names(rows: pl.DataFrame, target: Target) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the names to be written: `value`, `own` and `under`."""
    require_safe_names(rows["value"])
    counts = {}
    if target.max_name is not None:
        long = (_VALUE.str.len_bytes() > target.max_name) & (pl.col("action") == "block")
        counts["name-too-long"] = int(rows.select(long.sum()).item())
        rows = rows.filter(~long)
    if target.scopes != (Scope.EXACT,):
        entries, narrowed = narrow_to_target(rows, target)
        return sort_by_family(entries), {
            reason: n for reason, n in (counts | narrowed).items() if n
        }
    # Nothing reaches below, so every name stands for itself.
    blocks = rows.filter(pl.col("action") == "block")["scope"]
    below, subtree = (int((blocks == scope).sum()) for scope in ("below", "subtree"))
    listed = name_rules(rows).filter(_BLOCKS_NAME).with_columns(under=pl.lit(0, POLICY_CODE))
    counts |= {"below": below, "narrowed-to-exact": subtree}
    return sort_by_family(listed), {reason: count for reason, count in counts.items() if count}


def _rule_lines(known: dict[str, str]) -> pl.Expr:
    """Return the lines of a name: which of the templates, its `own` and `under` tell."""
    wanted = {
        "line": _BLOCKS_NAME & ~_BLOCKS_BELOW,
        "subtree_line": _BLOCKS_NAME & _BLOCKS_BELOW,
        "below_line": ~_BLOCKS_NAME & _BLOCKS_BELOW,
        "allow_line": ~_BLOCKS_NAME & ~_BLOCKS_BELOW,
    }
    return pl.coalesce(
        pl.when(chosen).then(_fill_template(known[key]))
        for key, chosen in wanted.items()
        if key in known
    )


def _fill_template(template: str) -> pl.Expr:
    """Return the lines of a template, filled with the `value` of each row."""
    lines = parse_line_templates(template) or []
    filled = [
        pl.concat_str(pl.lit(before), _FIELD_EXPRS[field], pl.lit(behind))
        for before, field, behind in lines
    ]
    return pl.concat_str(filled, separator="\n")


_HOST_PREFIX = (
    pl.when(_VALUE.str.contains(":", literal=True)).then(pl.lit("/128")).otherwise(pl.lit("/32"))
)
_FIELD_EXPRS = {
    "value": _VALUE,
    "network": pl.when(_VALUE.str.contains("/", literal=True))
    .then(_VALUE)
    .otherwise(pl.concat_str(_VALUE, _HOST_PREFIX)),
    "base64": _VALUE.cast(pl.Binary).bin.encode("base64"),
    # Of what JSON escapes, a canonical URL can hold this alone.
    "json": _VALUE.str.replace_all("\\", "\\\\", literal=True),
}
