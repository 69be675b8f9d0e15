"""Find what a block entry hits besides fraud: indicators, guards -> sentences for a person.

The guards are those of the judge, with the names of now; nothing is judged.
"""

from collections.abc import Collection, Iterable, Iterator
from ipaddress import ip_network

import polars as pl

from blocklist.config.loader import Config
from blocklist.frames.schemas import LISTINGS
from blocklist.indicators.networks import parse_network
from blocklist.judge.fame import match_fame
from blocklist.judge.guards import (
    HITS,
    OWN_SOURCE,
    RESERVED_PREFIX,
    SUFFIX_SOURCE,
    GuardLists,
    Guards,
    find_name_hits,
)
from blocklist.judge.judge import WIDTH_SOURCE, find_network_hits
from blocklist.ledger.db.connection import open_read_only
from blocklist.ledger.db.transaction import Transaction
from blocklist.ledger.lookup import LedgerLookup
from blocklist.model import Entry, GuardClass, Kind
from blocklist.release.judging import load_guard_lists, make_judge_input

#: Names and networks for documentation belong to nobody, so blocking them hits nobody.
_DOCUMENTATION_NAMES = ("example", "invalid", "test", "example.com", "example.net", "example.org")
_DOCUMENTATION_NETWORKS = tuple(
    map(
        ip_network,
        ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20"),
    )
)
_CLASS_WORDS = {
    GuardClass.PROTECTED.value: "protected",
    GuardClass.POPULAR.value: "popular",
    GuardClass.SHARED_HOST.value: "shared by many",
}
#: So many guard entries are named; the others are counted.
_MAX_SHOWN = 3


def find_block_risks(
    config: Config, entries: tuple[Entry, ...], accepted_suffixes: Collection[str] = ()
) -> tuple[str, ...]:
    """Return a sentence for each new block entry that hits more than fraud.

    It names own names, protected, popular and shared names and networks, public suffixes, and
    networks too wide for one owner. An entry on a URL matches that URL alone, so it hits nothing.
    Of an entry in `accepted_suffixes` only the hits on own names are named.
    """
    with open_read_only(config.database) as reader:
        guards = _load_guards(config, Transaction(reader) if reader else None)
        lookup, rank = LedgerLookup(reader) if reader else None, config.policy.popular_always
        hits = _find_all_hits(guards, entries, rank)
        shown = (
            (entry, _select_shown_hits(entry, hits.get(entry.value, []), accepted_suffixes))
            for entry in entries
        )
        described = ((entry, list(_describe_hits(entry, found))) for entry, found in shown)
        return tuple(
            f"{entry.value}: {'; '.join([*texts, *_count_blocked_below(entry, lookup)])}"
            for entry, texts in described
            if texts
        )


def _count_blocked_below(entry: Entry, lookup: LedgerLookup | None) -> Iterator[str]:
    if lookup and entry.kind is Kind.DOMAIN and entry.scope.covers_below:
        count = lookup.count_blocked_below(entry.value)
        if count:
            yield f"{_count_names(count)} below it {_be(count)} blocked now"


def _load_guards(config: Config, transaction: Transaction | None) -> Guards:
    listed = load_guard_lists(config, transaction) if transaction else GuardLists()
    return make_judge_input(config, pl.DataFrame(schema=LISTINGS), listed, [], []).guards


def _find_all_hits(
    guards: Guards, entries: Iterable[Entry], held_rank: int
) -> dict[str, list[tuple[str, str, str]]]:
    """Return class, cause and source of every guard entry that block entries meet, by value."""
    names, networks = (
        pl.Series("value", [one.value for one in entries if one.kind is kind], dtype=pl.String)
        for kind in (Kind.DOMAIN, Kind.IP)
    )
    parts = [find_network_hits(guards.entries, networks)] if len(networks) else []
    if len(names):
        registrable = guards.suffixes.registrable_domains(names)
        candidates = pl.DataFrame({"value": names, "registrable": registrable})
        parts += [find_name_hits(guards, candidates), _find_famous(guards, candidates, held_rank)]
    hits: dict[str, list[tuple[str, str, str]]] = {}
    for part in parts:
        columns = part.select("value", "class", "cause", "source")
        for value, *hit in columns.unique().sort("class", "cause").iter_rows():
            hits.setdefault(value, []).append(tuple(hit))
    return hits


def _select_shown_hits(
    entry: Entry, rows: list[tuple[str, str, str]], accepted_suffixes: Collection[str]
) -> list[tuple[str, str, str]]:
    """Return the hits of an entry without those that harm nobody, and those accepted."""
    is_documentation = entry.kind is not Kind.URL and _is_documentation(entry)
    return [
        (guard_class, cause, source)
        for guard_class, cause, source in rows
        if not (is_documentation and source.startswith(RESERVED_PREFIX))
        and (source == OWN_SOURCE or entry.value not in accepted_suffixes)
        and (entry.scope.covers_below or not _is_below(cause, source, entry.value))
    ]


def _find_famous(guards: Guards, candidates: pl.DataFrame, held_rank: int) -> pl.DataFrame:
    """Return hits on the ranks of top lists that are always held (schema `HITS`)."""
    famous = match_fame(guards.ranks, candidates).filter(pl.col("rank") <= held_rank)
    return famous.select(
        "value",
        pl.lit(GuardClass.POPULAR.value, HITS["class"]).alias("class"),
        cause="fame",
        source=pl.lit("ranks"),
    )


def _is_documentation(entry: Entry) -> bool:
    if entry.kind is Kind.DOMAIN:
        return f".{entry.value}".endswith(tuple(f".{name}" for name in _DOCUMENTATION_NAMES))
    network = parse_network(entry.value)
    return any(
        network.version == other.version and network.subnet_of(other)  # type: ignore[arg-type]
        for other in _DOCUMENTATION_NETWORKS
    )


def _is_below(cause: str, source: str, value: str) -> bool:
    """Return whether a hit is on a name below the value."""
    return source != SUFFIX_SOURCE and cause.partition(" (")[0].endswith(f".{value}")


def _describe_hits(entry: Entry, hits: list[tuple[str, str, str]]) -> Iterator[str]:
    """Yield a sentence for each of the first hits at or above a value, and one a class below it."""
    below = [hit for hit in hits if _is_below(hit[1], hit[2], entry.value)]
    here = [hit for hit in hits if hit not in below]
    own_first = sorted(here, key=lambda hit: (hit[2] != OWN_SOURCE, hit[2] != WIDTH_SOURCE))
    for guard_class, cause, source in own_first[:_MAX_SHOWN]:
        yield _describe_hit(guard_class, cause, source)
    if len(here) > _MAX_SHOWN:
        yield f"and {len(here) - _MAX_SHOWN:,} more"
    names: dict[str, list[str]] = {}
    for guard_class, cause, source in below:
        word = "your own" if source == OWN_SOURCE else _CLASS_WORDS[guard_class]
        names.setdefault(word, []).append(cause.partition(" (")[0])
    for word, found in names.items():
        distinct = sorted(set(found))
        shown, count = ", ".join(distinct[:_MAX_SHOWN]), len(distinct)
        yield f"{_count_names(count)} below it {_be(count)} {word}: {shown}"


def _count_names(count: int) -> str:
    return f"{count:,} {'name' if count == 1 else 'names'}"


def _be(count: int) -> str:
    return "is" if count == 1 else "are"


def _describe_hit(guard_class: str, cause: str, source: str) -> str:
    if source == OWN_SOURCE:
        return f"your own: {cause}"
    if source == SUFFIX_SOURCE:
        return f"{cause}; anybody can register names below it"
    if source == WIDTH_SOURCE:
        return "too wide for one owner"
    return f"{_CLASS_WORDS[guard_class]}: {cause}"
