"""Rows for names in response policy zones: rows of a release -> owners, policies and record lines.

A wildcard does not match at or below a name that exists (RFC 4592, 2.2.1 and 3.3.1), and a name
exists as soon as anything below it exists: `*.p` beside `a.b.p` blocks neither `b.p` nor `x.b.p`.
So no row is written below a wildcard that gives the same answer. Every other name there, including
the names between, has two rows: its own and a wildcard. Then BIND, Unbound, PowerDNS and Knot
agree.

An allow has pass-through rows of its own also where no name above it is blocked. A server resolves
an allowed name and then compares the names in its CNAMEs and its addresses with all zones; only a
pass-through row for the name itself ends that (draft-vixie-dnsop-dns-rpz, 3.4).
"""

import polars as pl

from blocklist.config.rpz_actions import PASSTHRU_RECORD
from blocklist.export.render.precedence import FAMILY_ORDER, POLICY_CODE, inherit_rules
from blocklist.export.render.zone import render_records
from blocklist.frames.names import expand_ancestors
from blocklist.frames.schemas import RELEASE

# Owners that end so are triggers of another kind: 32.1.2.0.192.rpz-ip is an address.
_TRIGGER_PATTERN = r"(?:^|\.)rpz-[^.]*$"
# The policy code of allows with rows of their own; the codes of actions are lower.
PASS_CODE = 254
_HAS_ROW = (pl.col("at_name") > 0) | (pl.col("below_name") > 0)
_AT_NAME, _BELOW_NAME = (
    pl.col(code).is_between(1, PASS_CODE - 1).fill_null(value=False)
    for code in ("at_name", "below_name")
)
#: Whether an entry blocks a name or the names below it.
IS_BLOCK = _AT_NAME | _BELOW_NAME


def exclude_triggers(rows: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Return the rows that are not triggers of another kind, and the number of the others."""
    candidates = rows.filter(pl.col("value").str.contains("rpz-", literal=True))["value"]
    triggers = candidates.filter(candidates.str.contains(_TRIGGER_PATTERN))
    if triggers.is_empty():
        return rows, 0
    return rows.filter(~pl.col("value").is_in(triggers.implode())), len(triggers)


def pin_allows(rows: pl.DataFrame, limit: int) -> pl.DataFrame:
    """Return rows in which allows are a policy that lets queries pass, and so get their own rows.

    Allows of names that do not fit under the zone, and those of the action `passthru`, which says
    only that a category is not blocked, stay as they are.
    """
    if not (rows["action"] == "allow").any():
        return rows
    policy = pl.col("policy") if "policy" in rows.columns else pl.lit(1, POLICY_CODE)
    is_pinned = (
        (pl.col("action") == "allow") & (policy > 0) & (pl.col("value").str.len_bytes() <= limit)
    )
    return rows.with_columns(
        action=pl.when(is_pinned).then(pl.lit("block", RELEASE["action"])).otherwise("action"),
        policy=pl.when(is_pinned).then(pl.lit(PASS_CODE, POLICY_CODE)).otherwise(policy),
    )


def build_entries(rules: pl.DataFrame, limit: int) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the names that need rows, and the number of blocks that do not fit, by reason.

    `at_name` and `below_name` are the effective rules, `covered` is whether a wildcard is above,
    and `wildcard` whether the name's own wildcard fits.
    """
    filled = rules.with_columns(pl.col("at_name", "below_name").fill_null(pl.col("inherited")))
    differs = pl.any_horizontal(pl.col("at_name", "below_name") != pl.col("inherited"))
    fitting, counts = _drop_long_owners(filled.filter(differs), limit)
    between = inherit_rules(_names_between(fitting.filter("covered")), rules).filter("covered")
    between = between.with_columns(at_name="inherited", below_name="inherited", wildcard=True)
    return pl.concat([fitting, between], how="diagonal"), counts


def _drop_long_owners(entries: pl.DataFrame, limit: int) -> tuple[pl.DataFrame, dict[str, int]]:
    length = pl.col("value").str.len_bytes()
    fits, wildcard_fits = length <= limit, length + len("*.") <= limit
    loses_wildcard = fits & ~wildcard_fits & _BELOW_NAME
    counts = {
        "owner-too-long": (~fits & IS_BLOCK) | (loses_wildcard & ~_AT_NAME),
        "narrowed-to-exact": loses_wildcard & _AT_NAME,
    }
    counted = entries.select(**{reason: mask.sum() for reason, mask in counts.items()})
    kept = entries.filter(fits).with_columns(
        below_name=pl.when(wildcard_fits).then("below_name").otherwise(pl.lit(0, POLICY_CODE)),
        wildcard=wildcard_fits,
    )
    return kept.filter(_HAS_ROW | pl.col("covered")), counted.row(0, named=True)


def _names_between(covered: pl.DataFrame) -> pl.DataFrame:
    """Return the names above the given ones that are not among them, each before its first name."""
    order = [name for name in (FAMILY_ORDER,) if name in covered.columns]
    above = expand_ancestors(covered.select("value", *order), "value").filter(pl.col("steps") > 0)
    names = above.group_by(value="ancestor").agg(pl.col(order).min())
    return names.join(covered, on="value", how="anti")


def name_records(policies: list[tuple[str, ...]]) -> pl.Expr:
    """Return the records of a name: its own and its wildcard's, as far as they are needed.

    A name without a policy needs no row, unless a wildcard is above it.
    """
    own = _owner_records("at_name", pl.col("value"), policies)
    below = _owner_records("below_name", "*." + pl.col("value"), policies)
    return pl.concat_str(own, pl.when("wildcard").then(below), separator="\n", ignore_nulls=True)


def _owner_records(code: str, owner: pl.Expr, policies: list[tuple[str, ...]]) -> pl.Expr:
    """Return the lines of an owner for the policy codes in the column `code`."""
    pass_records = render_records(owner, (PASSTHRU_RECORD,))
    is_passing = (pl.col(code) == PASS_CODE) | ((pl.col(code) == 0) & pl.col("covered"))
    blocking = (
        pl.when(pl.col(code) == number).then(render_records(owner, data))
        for number, data in enumerate(policies, 1)
    )
    return pl.coalesce(pl.when(is_passing).then(pass_records), *blocking)
