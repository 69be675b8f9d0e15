"""Guard entries and their matching: built-in lists, own names and guard lists -> guard hits."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

import polars as pl

from blocklist.frames.names import expand_ancestors, parent_name
from blocklist.frames.parallel import map_column
from blocklist.frames.public_suffixes import PublicSuffixes, SuffixRules, load_bundled_rules
from blocklist.judge.builtin_lists import load_builtin_groups, load_builtin_names
from blocklist.judge.fame import RANKS
from blocklist.judge.suffix_rules import SelectedRules, select_rules
from blocklist.model import GuardClass, Kind

#: `class` is a `GuardClass`, `source` names the list of the entry. `bounded` entries stop at a
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
#: A guard entry that a value meets. `cause` names it for people; `source` is its list.
HITS = pl.Schema(
    [
        ("value", pl.String()),
        ("class", GUARDS["class"]),
        ("cause", pl.String()),
        ("source", pl.String()),
    ]
)
#: The `source` of hits on the Public Suffix List.
SUFFIX_SOURCE = "public suffixes"
#: The `source` of hits on the operator's own names and networks.
OWN_SOURCE = "policy.own"
#: How the `source` of hits on the built-in reserved and never-block lists begins.
RESERVED_PREFIX, CORE_PREFIX = "reserved: ", "core: "


@dataclass(frozen=True)
class GuardLists:
    """The content of the enabled guard feeds."""

    #: The entries of lists without ranks (schema `GUARDS`).
    entries: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=GUARDS))
    #: The names of top lists with ranks (schema `judge.fame.RANKS`).
    ranks: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=RANKS))
    #: The rules of lists of public suffixes.
    suffix_rules: SuffixRules = field(default_factory=SuffixRules)


@dataclass(frozen=True)
class Guards:
    """All guard entries, ranks, and the public suffixes that limit bounded entries."""

    #: Schema `GUARDS`, and `registrable` (null for public suffixes, addresses and networks).
    entries: pl.DataFrame
    suffixes: PublicSuffixes
    #: Rules of suffix lists that protect their own names, and limit nothing.
    suffix_names: SuffixRules = field(default_factory=SuffixRules)
    #: Schema `judge.fame.RANKS`.
    ranks: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=RANKS))


def load_guards(
    own_values: tuple[tuple[Kind, str], ...], lists: GuardLists, last_held_rank: int = 10_000
) -> Guards:
    """Return the built-in entries, the operator's own values, and the lists of guard feeds.

    A rule of a suffix list may not open guarded names and names of the first ranks.
    """
    own_entries = pl.DataFrame(list(_yield_own_rows(own_values)), schema=GUARDS, orient="row")
    entries = pl.concat([own_entries, lists.entries.match_to_schema(GUARDS)])
    builtin = _load_builtin_entries()
    famous = lists.ranks.filter(pl.col("rank") <= last_held_rank)["value"]
    rules = _select_rules(lists.suffix_rules, pl.concat([builtin, entries]), famous)
    suffixes = _load_suffixes(rules.full)
    parts = (_add_registrable(part, suffixes) for part in (builtin, entries))
    return Guards(pl.concat(parts), suffixes, rules.own_names, lists.ranks)


def _select_rules(rules: SuffixRules, entries: pl.DataFrame, famous: pl.Series) -> SelectedRules:
    is_held = pl.col("class").is_in([GuardClass.PROTECTED.value, GuardClass.POPULAR.value])
    held = entries.filter(pl.col("kind") == Kind.DOMAIN.value, is_held)["value"]
    return select_rules(rules, load_public_suffixes(), pl.concat([held, famous]))


def _load_suffixes(rules: SuffixRules) -> PublicSuffixes:
    bundled = load_bundled_rules()
    if bundled.merge(rules) == bundled:
        return load_public_suffixes()
    return PublicSuffixes(load_builtin_names("platforms"), rules)


@cache
def _load_builtin_entries() -> pl.DataFrame:
    return pl.DataFrame(list(_yield_builtin_rows()), schema=GUARDS, orient="row")


def _add_registrable(entries: pl.DataFrame, suffixes: PublicSuffixes) -> pl.DataFrame:
    """Add the column `registrable`: the registrable domain of each name."""
    is_name = pl.col("kind") == Kind.DOMAIN.value
    names = entries.filter(is_name)
    names = names.with_columns(registrable=suffixes.registrable_domains(names["value"]))
    return pl.concat([names, entries.filter(~is_name)], how="diagonal")


@cache
def load_public_suffixes() -> PublicSuffixes:
    """Return the bundled public suffixes, with the built-in platforms as further suffixes."""
    return PublicSuffixes(load_builtin_names("platforms"))


_GuardRow = tuple[str, str, str, str, bool]


def _yield_builtin_rows() -> Iterator[_GuardRow]:
    for list_name, prefix, guard_class, is_bounded in (
        ("reserved", RESERVED_PREFIX, GuardClass.PROTECTED, False),
        ("never-block", CORE_PREFIX, GuardClass.PROTECTED, True),
        ("shared-hosts", CORE_PREFIX, GuardClass.SHARED_HOST, True),
        ("shared-networks", CORE_PREFIX, GuardClass.SHARED_HOST, True),
    ):
        for group in load_builtin_groups(list_name):
            source = f"{prefix}{group.title}"
            for name in group.names:
                yield Kind.DOMAIN, name, guard_class, source, is_bounded
            for network in group.networks:
                yield Kind.IP, network, guard_class, source, is_bounded
    for group in load_builtin_groups("platforms"):
        for name in group.names:
            yield Kind.DOMAIN, name, GuardClass.SHARED_HOST, f"platform: {group.title}", True
            # The platform's own front page, which has the form of a tenant's name.
            www = f"www.{name}"
            yield Kind.DOMAIN, www, GuardClass.SHARED_HOST, f"platform: {group.title}", True


def _yield_own_rows(own_values: tuple[tuple[Kind, str], ...]) -> Iterator[_GuardRow]:
    for kind, value in own_values:
        yield kind, value, GuardClass.PROTECTED, OWN_SOURCE, False


def match_name_guards(guards: Guards, candidates: pl.DataFrame) -> pl.DataFrame:
    """Return the strongest guard entry that each name meets: one row a name (schema `HITS`).

    `candidates` has `value` and `registrable` (null for a public suffix).
    """
    return keep_strongest_hits(find_name_hits(guards, candidates))


def find_name_hits(guards: Guards, candidates: pl.DataFrame) -> pl.DataFrame:
    """Return every guard entry that each name meets (schema `HITS`).

    `candidates` has `value` and `registrable` (null for a public suffix). An entry matches its own
    name, names below it (unless it is `bounded` and a public suffix is between them), and names
    above it, because blocking those may block the entry too.
    """
    entries = guards.entries.filter(pl.col("kind") == Kind.DOMAIN.value)
    return pl.concat(
        [
            _match_suffixes(guards, candidates),
            _match_bounded(entries.filter("bounded"), candidates),
            _match_unbounded(entries.filter(~pl.col("bounded")), candidates),
            _match_names_above(entries, candidates),
        ]
    )


def keep_strongest_hits(hits: pl.DataFrame) -> pl.DataFrame:
    """Return one hit a value, of the strongest class; the choice among equals is stable."""
    return hits.sort("class", "cause").unique("value", keep="first", maintain_order=True)


def _format_cause(entry: str) -> pl.Expr:
    return pl.concat_str(entry, pl.lit(" ("), "source", pl.lit(")")).alias("cause")


def _match_bounded(entries: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
    """Match names at or below an entry without a public suffix between them."""
    roots = pl.concat([entries["registrable"].drop_nulls(), entries["value"]]).unique()
    root = pl.coalesce("registrable", "value")
    related = candidates.with_columns(root=root).filter(pl.col("root").is_in(roots.implode()))
    ancestors = expand_ancestors(related, "value").filter(
        pl.col("ancestor").str.len_bytes() >= pl.col("root").str.len_bytes()
    )
    hits = ancestors.join(entries, left_on="ancestor", right_on="value")
    return hits.select("value", "class", _format_cause("ancestor"), "source")


def _match_unbounded(entries: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
    """Match names at or below an entry, at any distance."""
    hits = match_at_or_below(candidates, entries)
    return hits.select("value", "class", _format_cause("ancestor"), "source")


def _match_names_above(entries: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
    """Match names above an entry."""
    ancestors = expand_ancestors(entries.rename({"value": "entry"}), "entry").filter(
        pl.col("steps") > 0
    )
    hits = candidates.join(ancestors, left_on="value", right_on="ancestor")
    return hits.select("value", "class", _format_cause("entry"), "source")


def _match_suffixes(guards: Guards, candidates: pl.DataFrame) -> pl.DataFrame:
    """Match public suffixes, and names that have a public suffix below them."""
    is_platform = pl.col("value").is_in(
        pl.Series(sorted(load_builtin_names("platforms"))).implode()
    )
    is_suffix = (pl.col("registrable").is_null() & ~is_platform) | _is_suffix_name(guards)
    is_above_suffix = pl.col("value").is_in(guards.suffixes.names_above.implode())
    return candidates.filter(is_suffix | is_above_suffix).select(
        "value",
        pl.lit(GuardClass.PROTECTED.value, GUARDS["class"]).alias("class"),
        cause=pl.when(is_suffix)
        .then(pl.lit("a public suffix"))
        .otherwise(pl.lit("has public suffixes below it")),
        source=pl.lit(SUFFIX_SOURCE),
    )


def _is_suffix_name(guards: Guards) -> pl.Expr:
    """Return whether a rule protects the name without limiting other guards."""
    rules = guards.suffix_names
    if rules == SuffixRules():
        return pl.lit(value=False)
    is_wildcard = parent_name(pl.col("value")).is_in(sorted(rules.wildcard))
    return pl.col("value").is_in(sorted(rules.exact)) | is_wildcard.fill_null(value=False)


def match_at_or_below(names: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    """Return a row for each name and each entry at or above it.

    Both frames have `value`; the result has the columns of `names` and of `entries`, the entry's
    value as `ancestor`, and `steps` (0 for the entry itself).
    """
    if entries.is_empty():
        related = names.clear()
    else:
        related = names.filter(_prefilter_names(names["value"], entries["value"]))
    return expand_ancestors(related, "value").join(entries, left_on="ancestor", right_on="value")


def _prefilter_names(names: pl.Series, entries: pl.Series) -> pl.Series:
    """Return which names may match, because listing all ancestors of a name is expensive."""
    tails = ("." + entries).implode()
    may_match = pl.col("value").is_in(entries.implode()) | pl.col("value").str.contains_any(tails)
    return map_column(lambda piece: piece.to_frame("value").select(may_match).to_series(), names)
