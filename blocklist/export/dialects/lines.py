"""Lists in which each entry is the same line, or lines, filled with a name or a network."""

import polars as pl

from blocklist.catalogue import Target, templates
from blocklist.columns import networks
from blocklist.config import Export
from blocklist.export.addresses import blocked
from blocklist.export.body import Body
from blocklist.export.dialects.comments import about
from blocklist.export.fitting import fitted
from blocklist.export.meaning import CODE, by_family, nodes
from blocklist.export.safe import checked_names
from blocklist.export.state import ExportState
from blocklist.model import Kind, Scope

_OWN, _UNDER = pl.col("own") > 0, pl.col("under") > 0


def head(export: Export, state: ExportState, content: Body) -> list[str]:
    """Return the comment, and what the target puts before the entries."""
    return [*about(export, state, content), *export.target.head.splitlines()]


def body(export: Export, rows: pl.DataFrame) -> Body:
    """Return the names, families together, then the networks, fewest and disjoint."""
    names, narrowed = _names(rows.filter(pl.col("kind") == Kind.DOMAIN.value), export.target)
    spans, left_out = blocked(rows.filter(pl.col("kind") == Kind.IP.value))
    addresses = networks.texts(spans).alias("value").to_frame()
    forms = templates(export.target)
    lines = pl.concat(
        [
            names.select(line=_rule(forms)),
            addresses.select(line=_filled(forms["line"])),
        ]
    )["line"]
    blocks = names.filter(_OWN | _UNDER).height
    return Body(lines, blocks + len(addresses), narrowed | left_out)


def _names(rows: pl.DataFrame, target: Target) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the names to be written: `value`, `own` and `under`."""
    checked_names(rows["value"])
    if target.scopes != (Scope.EXACT,):
        entries, counts = fitted(rows, target)
        return by_family(entries), counts
    # Nothing reaches below, so every name stands for itself.
    blocks = rows.filter(pl.col("action") == "block")["scope"]
    below, subtree = (int((blocks == scope).sum()) for scope in ("below", "subtree"))
    listed = nodes(rows).filter(_OWN).select("value", "own", under=pl.lit(0, CODE))
    counts = {"below": below, "narrowed-to-exact": subtree}
    return by_family(listed), {reason: count for reason, count in counts.items() if count}


def _rule(forms: dict[str, str]) -> pl.Expr:
    """Return the lines of a name: which of the forms, its `own` and `under` tell."""
    wanted = {
        "line": _OWN & ~_UNDER,
        "subtree_line": _OWN & _UNDER,
        "below_line": ~_OWN & _UNDER,
        "allow_line": ~_OWN & ~_UNDER,
    }
    return pl.coalesce(
        pl.when(wanted[key]).then(_filled(template)) for key, template in forms.items()
    )


def _filled(template: str) -> pl.Expr:
    first, *rest = template.split("{value}")
    pieces: list[pl.Expr] = [pl.lit(first)]
    for part in rest:
        pieces += [pl.col("value"), pl.lit(part)]
    return pl.concat_str(pieces)
