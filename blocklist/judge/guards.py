"""What protects names and networks: the shipped core, the operator's own, the guard feeds."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import polars as pl

from blocklist.columns.names import lineage
from blocklist.columns.suffixes import Suffixes
from blocklist.judge import core
from blocklist.judge.reach import at_or_below
from blocklist.model import GuardClass, Kind

#: `class` is a `GuardClass`, `source` says where the entry stands. `bounded` entries stop at a
#: public suffix below them: a tenant of a platform is not protected by the platform's name.
GUARDS = pl.Schema(
    [
        ("kind", pl.String()),
        ("value", pl.String()),
        ("class", pl.Enum([member.value for member in GuardClass])),
        ("source", pl.String()),
        ("bounded", pl.Boolean()),
    ]
)


@dataclass(frozen=True)
class Guards:
    """All guard entries, and the suffixes with which their reach is measured."""

    #: Schema `GUARDS`, and `registrable` (null for a public suffix, and for what is no name).
    entries: pl.DataFrame
    suffixes: Suffixes


def load(own: tuple[tuple[Kind, str], ...], listed: pl.DataFrame) -> Guards:
    """Return the core, the operator's own names and networks, and `listed` (schema `GUARDS`)."""
    frame = pl.DataFrame(list(_own(own)), schema=GUARDS, orient="row")
    others = pl.concat([frame, listed.match_to_schema(GUARDS)])
    return Guards(pl.concat([_shipped(), _measured(others)]), suffixes())


@cache
def _shipped() -> pl.DataFrame:
    return _measured(pl.DataFrame(list(_core()), schema=GUARDS, orient="row"))


def _measured(entries: pl.DataFrame) -> pl.DataFrame:
    """Add the registrable domains of names."""
    name = pl.col("kind") == Kind.DOMAIN.value
    names = entries.filter(name)
    names = names.with_columns(registrable=suffixes().registrable(names["value"]))
    return pl.concat([names, entries.filter(~name)], how="diagonal")


@cache
def suffixes() -> Suffixes:
    """Return the public suffixes and, as if they stood among them, the platforms of the core."""
    return Suffixes(core.names("platforms"))


_Row = tuple[str, str, str, str, bool]


def _core() -> Iterator[_Row]:
    for part, title, bounded in (("reserved", "reserved", False), ("never-block", "core", True)):
        for group in core.groups(part):
            source = f"{title}: {group.title}"
            for name in group.names:
                yield Kind.DOMAIN, name, GuardClass.PROTECTED, source, bounded
            for network in group.networks:
                yield Kind.IP, network, GuardClass.PROTECTED, source, bounded
    for group in core.groups("shared-hosts"):
        for name in group.names:
            yield Kind.DOMAIN, name, GuardClass.SHARED_HOST, f"core: {group.title}", True
    for group in core.groups("platforms"):
        for name in group.names:
            yield Kind.DOMAIN, name, GuardClass.SHARED_HOST, f"platform: {group.title}", True
            # The platform's own front page, though it stands where tenants stand.
            www = f"www.{name}"
            yield Kind.DOMAIN, www, GuardClass.SHARED_HOST, f"platform: {group.title}", True


def _own(own: tuple[tuple[Kind, str], ...]) -> Iterator[_Row]:
    for kind, value in own:
        yield kind, value, GuardClass.PROTECTED, "policy.own", False


def name_hits(guards: Guards, candidates: pl.DataFrame) -> pl.DataFrame:
    """Return which guard entry, if any, each name of `candidates` meets: the strongest class first.

    `candidates` has `value` and `registrable` (null for a public suffix); the result has `value`,
    `class` and `cause`, one row a name. An entry is met by its own name, by names below it (as far
    as `bounded` lets it reach) and by the names above it, for blocking those may take it along.
    """
    entries = guards.entries.filter(pl.col("kind") == Kind.DOMAIN.value)
    hits = pl.concat(
        [
            _suffix_hits(guards.suffixes, candidates),
            _bounded_hits(entries.filter("bounded"), candidates),
            _unbounded_hits(entries.filter(~pl.col("bounded")), candidates),
            _hits_below(entries, candidates),
        ]
    )
    return strongest(hits)


def strongest(hits: pl.DataFrame) -> pl.DataFrame:
    """Return one hit a value: the strongest class; of equals always the same one."""
    return hits.sort("class", "cause").unique("value", keep="first", maintain_order=True)


def _cause(entry: str) -> pl.Expr:
    return pl.concat_str(entry, pl.lit(" ("), "source", pl.lit(")"))


def _bounded_hits(entries: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
    """Names at or below an entry, no public suffix between them."""
    roots = pl.concat([entries["registrable"].drop_nulls(), entries["value"]]).unique()
    root = pl.coalesce("registrable", "value")
    near = candidates.with_columns(root=root).filter(pl.col("root").is_in(roots.implode()))
    above = lineage(near, "value").filter(
        pl.col("ancestor").str.len_bytes() >= pl.col("root").str.len_bytes()
    )
    found = above.join(entries, left_on="ancestor", right_on="value")
    return found.select("value", "class", cause=_cause("ancestor"))


def _unbounded_hits(entries: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
    """Names at or below an entry, however far."""
    found = at_or_below(candidates, entries)
    return found.select("value", "class", cause=_cause("ancestor"))


def _hits_below(entries: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
    """Names above an entry."""
    above = lineage(entries.rename({"value": "entry"}), "entry").filter(pl.col("steps") > 0)
    found = candidates.join(above, left_on="value", right_on="ancestor")
    return found.select("value", "class", cause=_cause("entry"))


def _suffix_hits(suffixes: Suffixes, candidates: pl.DataFrame) -> pl.DataFrame:
    """Public suffixes, and names that have a public suffix below them."""
    platform = pl.col("value").is_in(pl.Series(sorted(core.names("platforms"))).implode())
    itself = pl.col("registrable").is_null() & ~platform
    over = pl.col("value").is_in(suffixes.above.implode())
    return candidates.filter(itself | over).select(
        "value",
        pl.lit(GuardClass.PROTECTED.value, GUARDS["class"]).alias("class"),
        cause=pl.when(itself)
        .then(pl.lit("a public suffix"))
        .otherwise(pl.lit("has public suffixes below it")),
    )
