"""Guard entries and their matching: built-in lists, own names and guard feeds -> guard hits."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import polars as pl

from blocklist.frames.names import expand_ancestors
from blocklist.frames.parallel import map_column
from blocklist.frames.public_suffixes import PublicSuffixes
from blocklist.judge.builtin_lists import load_builtin_groups, load_builtin_names
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
    suffixes: PublicSuffixes


def load_guards(own: tuple[tuple[Kind, str], ...], listed: pl.DataFrame) -> Guards:
    """Return the core, the operator's own names and networks, and `listed` (schema `GUARDS`)."""
    frame = pl.DataFrame(list(_yield_own_rows(own)), schema=GUARDS, orient="row")
    others = pl.concat([frame, listed.match_to_schema(GUARDS)])
    return Guards(
        pl.concat([_load_builtin_entries(), _add_registrable(others)]), load_public_suffixes()
    )


@cache
def _load_builtin_entries() -> pl.DataFrame:
    return _add_registrable(pl.DataFrame(list(_yield_builtin_rows()), schema=GUARDS, orient="row"))


def _add_registrable(entries: pl.DataFrame) -> pl.DataFrame:
    """Add the registrable domains of names."""
    name = pl.col("kind") == Kind.DOMAIN.value
    names = entries.filter(name)
    names = names.with_columns(
        registrable=load_public_suffixes().registrable_domains(names["value"])
    )
    return pl.concat([names, entries.filter(~name)], how="diagonal")


@cache
def load_public_suffixes() -> PublicSuffixes:
    """Return the public suffixes and, as if they stood among them, the platforms of the core."""
    return PublicSuffixes(load_builtin_names("platforms"))


_GuardRow = tuple[str, str, str, str, bool]


def _yield_builtin_rows() -> Iterator[_GuardRow]:
    for part, title, bounded in (("reserved", "reserved", False), ("never-block", "core", True)):
        for group in load_builtin_groups(part):
            source = f"{title}: {group.title}"
            for name in group.names:
                yield Kind.DOMAIN, name, GuardClass.PROTECTED, source, bounded
            for network in group.networks:
                yield Kind.IP, network, GuardClass.PROTECTED, source, bounded
    for group in load_builtin_groups("shared-hosts"):
        for name in group.names:
            yield Kind.DOMAIN, name, GuardClass.SHARED_HOST, f"core: {group.title}", True
    for group in load_builtin_groups("platforms"):
        for name in group.names:
            yield Kind.DOMAIN, name, GuardClass.SHARED_HOST, f"platform: {group.title}", True
            # The platform's own front page, though it stands where tenants stand.
            www = f"www.{name}"
            yield Kind.DOMAIN, www, GuardClass.SHARED_HOST, f"platform: {group.title}", True


def _yield_own_rows(own: tuple[tuple[Kind, str], ...]) -> Iterator[_GuardRow]:
    for kind, value in own:
        yield kind, value, GuardClass.PROTECTED, "policy.own", False


def match_name_guards(guards: Guards, candidates: pl.DataFrame) -> pl.DataFrame:
    """Return which guard entry, if any, each name of `candidates` meets: the strongest class first.

    `candidates` has `value` and `registrable` (null for a public suffix); the result has `value`,
    `class` and `cause`, one row a name. An entry is met by its own name, by names below it (as far
    as `bounded` lets it reach) and by the names above it, for blocking those may take it along.
    """
    entries = guards.entries.filter(pl.col("kind") == Kind.DOMAIN.value)
    hits = pl.concat(
        [
            _match_suffixes(guards.suffixes, candidates),
            _match_bounded(entries.filter("bounded"), candidates),
            _match_unbounded(entries.filter(~pl.col("bounded")), candidates),
            _match_names_above(entries, candidates),
        ]
    )
    return keep_strongest_hits(hits)


def keep_strongest_hits(hits: pl.DataFrame) -> pl.DataFrame:
    """Return one hit a value: the strongest class; of equals always the same one."""
    return hits.sort("class", "cause").unique("value", keep="first", maintain_order=True)


def _format_cause(entry: str) -> pl.Expr:
    return pl.concat_str(entry, pl.lit(" ("), "source", pl.lit(")"))


def _match_bounded(entries: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
    """Names at or below an entry, no public suffix between them."""
    roots = pl.concat([entries["registrable"].drop_nulls(), entries["value"]]).unique()
    root = pl.coalesce("registrable", "value")
    near = candidates.with_columns(root=root).filter(pl.col("root").is_in(roots.implode()))
    above = expand_ancestors(near, "value").filter(
        pl.col("ancestor").str.len_bytes() >= pl.col("root").str.len_bytes()
    )
    found = above.join(entries, left_on="ancestor", right_on="value")
    return found.select("value", "class", cause=_format_cause("ancestor"))


def _match_unbounded(entries: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
    """Names at or below an entry, however far."""
    found = match_at_or_below(candidates, entries)
    return found.select("value", "class", cause=_format_cause("ancestor"))


def _match_names_above(entries: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
    """Names above an entry."""
    above = expand_ancestors(entries.rename({"value": "entry"}), "entry").filter(
        pl.col("steps") > 0
    )
    found = candidates.join(above, left_on="value", right_on="ancestor")
    return found.select("value", "class", cause=_format_cause("entry"))


def _match_suffixes(suffixes: PublicSuffixes, candidates: pl.DataFrame) -> pl.DataFrame:
    """Public suffixes, and names that have a public suffix below them."""
    platform = pl.col("value").is_in(pl.Series(sorted(load_builtin_names("platforms"))).implode())
    itself = pl.col("registrable").is_null() & ~platform
    over = pl.col("value").is_in(suffixes.names_above.implode())
    return candidates.filter(itself | over).select(
        "value",
        pl.lit(GuardClass.PROTECTED.value, GUARDS["class"]).alias("class"),
        cause=pl.when(itself)
        .then(pl.lit("a public suffix"))
        .otherwise(pl.lit("has public suffixes below it")),
    )


def match_at_or_below(names: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    """Return a row for each name and each entry that it stands at or below.

    Both frames have `value`; the result has the columns of `names` and of `entries`, the entry's
    value as `ancestor`, and `steps` (0 for the entry itself).
    """
    if entries.is_empty():
        near = names.clear()
    else:
        near = names.filter(_prefilter_names(names["value"], entries["value"]))
    return expand_ancestors(near, "value").join(entries, left_on="ancestor", right_on="value")


def _prefilter_names(names: pl.Series, entries: pl.Series) -> pl.Series:
    """Return which names look the part: the walk up to the last label is dear."""
    tails = ("." + entries).implode()
    looks = pl.col("value").is_in(entries.implode()) | pl.col("value").str.contains_any(tails)
    return map_column(lambda piece: piece.to_frame("value").select(looks).to_series(), names)
