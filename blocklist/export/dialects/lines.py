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

_VALUE = pl.col("value")
_BLOCKS_NAME, _BLOCKS_BELOW = pl.col("at_name") > 0, pl.col("below_name") > 0


def render_head(export: Export, state: ExportState, body: Body) -> list[str]:
    """Return the comment, and the target's own head."""
    return [*render_comment(export, state, body), *export.target.head.splitlines()]


def render_body(export: Export, rows: pl.DataFrame) -> Body:
    """Return the names, sorted by family; then disjoint networks, as few as possible; then URLs."""
    kinds = {kind: rows.filter(pl.col("kind") == kind.value) for kind in Kind}
    names, narrowed = _select_names(kinds[Kind.DOMAIN], export.target)
    spans, left_out = compute_blocked_spans(kinds[Kind.IP])
    urls = _select_urls(kinds[Kind.URL])
    templates = target_templates(export.target)
    network_template = templates.get("ip_line", templates["line"])
    networks = [
        BodyPart(
            spans_to_networks(spans.filter(family=family)).to_frame("value"),
            _fill_template(template),
        )
        for family, template in (
            (4, network_template),
            (6, templates.get("ip6_line", network_template)),
        )
    ]
    parts = (
        BodyPart(names, _rule_lines(templates)),
        *networks,
        BodyPart(urls, _fill_template(templates.get("url_line", templates["line"]))),
        BodyPart.from_lines(export.target.foot.splitlines()),
    )
    blocked = int(names.select((_BLOCKS_NAME | _BLOCKS_BELOW).sum()).item())
    count = blocked + sum(part.rows.height for part in networks) + urls.height
    return Body(parts, count, narrowed | left_out)


def _select_urls(rows: pl.DataFrame) -> pl.DataFrame:
    if rows.is_empty():
        return rows.select("value")
    require_safe_urls(rows["value"])
    allows = rows.filter(pl.col("action") == "allow")
    return rows.join(allows, on="value", how="anti").select(pl.col("value").unique().sort())


def _select_names(rows: pl.DataFrame, target: Target) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the names to write with `at_name` and `below_name`, and counts of left-out rows."""
    require_safe_names(rows["value"])
    counts = {}
    if target.max_name is not None:
        is_long = (_VALUE.str.len_bytes() > target.max_name) & (pl.col("action") == "block")
        counts["name-too-long"] = int(rows.select(is_long.sum()).item())
        rows = rows.filter(~is_long)
    if target.name_form:
        is_other = ~_VALUE.str.contains(f"^(?:{target.name_form})$") & (pl.col("action") == "block")
        counts["name-form"] = int(rows.select(is_other.sum()).item())
        rows = rows.filter(~is_other)
    if target.scopes == (Scope.EXACT,):
        names, narrowed = _select_exact_names(rows)
    else:
        names, narrowed = narrow_to_target(rows, target)
    counts |= narrowed
    if target.exact_needs_dot:
        is_bare = _BLOCKS_NAME & ~_BLOCKS_BELOW & ~_VALUE.str.contains(".", literal=True)
        counts["exact"] = counts.get("exact", 0) + int(names.select(is_bare.sum()).item())
        names = names.filter(~is_bare)
    return sort_by_family(names), {reason: count for reason, count in counts.items() if count}


def _select_exact_names(rows: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the blocked names for a target whose lines cover only the name itself."""
    scopes = rows.filter(pl.col("action") == "block")["scope"]
    below, subtree = (int((scopes == scope).sum()) for scope in ("below", "subtree"))
    names = name_rules(rows).filter(_BLOCKS_NAME).with_columns(below_name=pl.lit(0, POLICY_CODE))
    return names, {"below": below, "narrowed-to-exact": subtree}


def _rule_lines(templates: dict[str, str]) -> pl.Expr:
    """Return the lines of a name from the template for its `at_name` and `below_name`."""
    conditions = {
        "line": _BLOCKS_NAME & ~_BLOCKS_BELOW,
        "subtree_line": _BLOCKS_NAME & _BLOCKS_BELOW,
        "below_line": ~_BLOCKS_NAME & _BLOCKS_BELOW,
        "allow_line": ~_BLOCKS_NAME & ~_BLOCKS_BELOW,
    }
    return pl.coalesce(
        pl.when(condition).then(_fill_template(templates[key]))
        for key, condition in conditions.items()
        if key in templates
    )


def _fill_template(template: str) -> pl.Expr:
    """Return the lines of a template, filled with the `value` of each row."""
    lines = parse_line_templates(template) or []
    filled = [
        pl.concat_str(pl.lit(line.prefix), _FIELD_EXPRS[line.field], pl.lit(line.suffix))
        for line in lines
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
    # A backslash is the only character of a canonical URL that JSON escapes.
    "json": _VALUE.str.replace_all("\\", "\\\\", literal=True),
}
