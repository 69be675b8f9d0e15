"""The judge: listings, guards and operator entries -> verdicts (schema `VERDICTS`).

The first rule that applies decides: operator entry, protected, popular, shared host, weak, listed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import polars as pl

from blocklist.frames.diff import exclude_rows
from blocklist.frames.networks import add_spans, join_overlapping
from blocklist.frames.schemas import KIND, LISTINGS, REASON, SCOPE, VERDICT, VERDICTS
from blocklist.judge.candidates import build_name_candidates, derive_host_listings, score_listings
from blocklist.judge.fame import FameRule, describe_need, match_fame
from blocklist.judge.guards import GUARDS, Guards, keep_strongest_hits, match_name_guards
from blocklist.judge.operator import build_entry_frame, decide_by_entries, entries_to_verdicts
from blocklist.judge.scoring.electorate import FeedGroups
from blocklist.model import Entry, GuardClass, Kind, Reason, Scope, Verdict

#: The `source` of hits on the width of a network.
WIDTH_SOURCE = "width"
#: The feeds and names whose listing is not widened, because the feed exempts a name below.
EXEMPTING = pl.Schema([("feed", pl.String()), ("value", pl.String())])


@dataclass(frozen=True)
class JudgeInput:
    """All inputs of the judge."""

    #: Schema `LISTINGS`.
    listings: pl.DataFrame
    #: Feed name -> reliability, 0 to 1.
    reliability: dict[str, float]
    guards: Guards
    entries: list[Entry]
    #: Feed name -> the sources whose entries it passes on, declared or detected.
    upstream: dict[str, tuple[str, ...]] = field(default_factory=dict)
    #: Schema `EXEMPTING`.
    exempting: pl.DataFrame = field(default_factory=EXEMPTING.to_frame)
    widen: bool = True
    threshold: float = 0.0
    fame: FameRule = field(default_factory=FameRule)


def decide_verdicts(judge_input: JudgeInput) -> pl.DataFrame:
    """Return a verdict for every listed value and every operator entry (schema `VERDICTS`)."""
    entries = build_entry_frame(judge_input.entries)
    listings = judge_input.listings.match_to_schema(LISTINGS)
    hosts = derive_host_listings(listings)
    candidates = _prepare_candidates(judge_input, listings, hosts)
    verdicts = _apply_precedence(judge_input, candidates, entries)
    verdicts = verdicts.filter(~pl.col("unspoken")).drop("unspoken")
    if not hosts.is_empty():
        verdicts = pl.concat([verdicts, _judge_urls(judge_input, hosts, candidates, entries)])
    entry_verdicts = entries_to_verdicts(entries)
    # Rechunked once here, because otherwise every consumer of a column copies it again.
    return pl.concat(
        [entry_verdicts, exclude_rows(verdicts, entry_verdicts, ["value", "scope"])], rechunk=True
    )


def weigh_candidates(judge_input: JudgeInput) -> pl.DataFrame:
    """Return the listed names and networks before precedence is applied, one row a value.

    The columns that explain a verdict: `kind`, `value`, `scope` (the parts with a sufficient score,
    or else the listed ones), `score`, `weak` (below the threshold), `wide` (null if only pages on
    the value are listed), and for famous names `famed` (rank, needed and given score in words).
    """
    listings = judge_input.listings.match_to_schema(LISTINGS)
    candidates = _prepare_candidates(judge_input, listings, derive_host_listings(listings))
    return _add_scope(_add_need(judge_input, candidates), judge_input.threshold)


def _prepare_candidates(
    judge_input: JudgeInput, listings: pl.DataFrame, hosts: pl.DataFrame
) -> pl.DataFrame:
    """Return the listed names and networks with their scores and guard hits."""
    groups = FeedGroups(judge_input.reliability, judge_input.upstream)
    candidates = _prepare_names(
        judge_input, _collect_listings(Kind.DOMAIN, listings, hosts), groups
    )
    addresses = _collect_listings(Kind.IP, listings, hosts)
    if addresses.is_empty():
        return candidates
    networks = _prepare_networks(judge_input, addresses, groups)
    return pl.concat([candidates, networks], how="diagonal")


def _collect_listings(kind: Kind, listings: pl.DataFrame, hosts: pl.DataFrame) -> pl.DataFrame:
    """Return the names or networks that feeds list, directly or by a URL on them."""
    direct, pages = (part.filter(pl.col("kind") == kind.value) for part in (listings, hosts))
    direct = direct.with_columns(whole=pl.lit(value=True))
    return pl.concat([direct, pages.select(direct.columns)])


def _prepare_names(
    judge_input: JudgeInput, listings: pl.DataFrame, groups: FeedGroups
) -> pl.DataFrame:
    frame = build_name_candidates(
        listings,
        judge_input.exempting,
        groups,
        judge_input.guards.suffixes,
        widen=judge_input.widen,
    )
    hits = match_name_guards(judge_input.guards, frame)
    kind = pl.lit(Kind.DOMAIN.value, KIND)
    fame = match_fame(judge_input.guards.ranks, frame)
    frame = frame.join(hits.drop("source"), on="value", how="left")
    return frame.join(fame, on="value", how="left").with_columns(kind=kind)


def _prepare_networks(
    judge_input: JudgeInput, listings: pl.DataFrame, groups: FeedGroups
) -> pl.DataFrame:
    frame = score_listings(listings, groups)
    hits = match_network_guards(judge_input.guards.entries, frame["value"])
    kind = pl.lit(Kind.IP.value, KIND)
    return frame.join(hits.drop("source"), on="value", how="left").with_columns(kind=kind)


def match_network_guards(entries: pl.DataFrame, values: pl.Series) -> pl.DataFrame:
    """Return the strongest guard entry that each network meets (schema `HITS`)."""
    return keep_strongest_hits(find_network_hits(entries, values))


def find_network_hits(entries: pl.DataFrame, values: pl.Series) -> pl.DataFrame:
    """Return every guarded network that each network overlaps (schema `HITS`).

    A network that is too wide to belong to one owner is guarded like a shared host.
    """
    networks = entries.filter(pl.col("kind") == Kind.IP.value).select("class", "source", "value")
    spans = add_spans(values.to_frame("value"))
    overlaps = join_overlapping(spans, add_spans(networks).drop("value"))
    cause = pl.concat_str(pl.lit("overlaps "), "source")
    hits = overlaps.select("value", "class", cause.alias("cause"), "source")
    return pl.concat([hits, _match_too_wide(spans)])


def _match_too_wide(spans: pl.DataFrame) -> pl.DataFrame:
    ipv4, ipv6 = (
        pl.lit(2 ** (bits - _WIDEST_PREFIX[family]), pl.UInt128) for family, bits in _ADDRESS_BITS
    )
    max_difference = pl.when(pl.col("family") == 4).then(ipv4).otherwise(ipv6)
    return spans.filter(pl.col("last") - pl.col("first") >= max_difference).select(
        "value",
        pl.lit(GuardClass.SHARED_HOST.value, GUARDS["class"]).alias("class"),
        cause=pl.lit("too wide to be one owner's"),
        source=pl.lit(WIDTH_SOURCE),
    )


def _add_need(judge_input: JudgeInput, frame: pl.DataFrame) -> pl.DataFrame:
    """Add the scores that a block of a famous name needs, null for all other names.

    `lacking` tells whether no part of the name has the `needed` score; `famed` is that in words.
    """
    given = pl.max_horizontal("here", "below")
    needed = judge_input.fame.compute_needed_score(pl.col("rank"), judge_input.threshold)
    frame = frame.with_columns(needed=needed)
    return frame.with_columns(
        lacking=(given < pl.col("needed")).fill_null(value=False),
        famed=describe_need(pl.col("fame"), pl.col("needed"), given),
    )


def _add_scope(frame: pl.DataFrame, threshold: float) -> pl.DataFrame:
    """Add `scope` (the parts with a sufficient score, or else the listed ones), `weak`, `score`."""
    is_needed = pl.col("needed").is_not_null() & ~pl.col("lacking")
    enough = pl.when(is_needed).then("needed").otherwise(threshold)
    enough_here = (pl.col("here") >= enough).fill_null(value=False)
    enough_below = (pl.col("below") >= enough).fill_null(value=False)
    weak = ~(enough_here | enough_below)
    part_here = pl.when(weak).then(pl.col("here").is_not_null()).otherwise(enough_here)
    part_below = pl.when(weak).then(pl.col("below").is_not_null()).otherwise(enough_below)
    scope = (
        pl.when(part_here & part_below)
        .then(pl.lit(Scope.SUBTREE.value, SCOPE))
        .when(part_below)
        .then(pl.lit(Scope.BELOW.value, SCOPE))
        .otherwise(pl.lit(Scope.EXACT.value, SCOPE))
    )
    return frame.with_columns(weak=weak, scope=scope, score=pl.coalesce("here", "below"))


#: The cause of a subtree that no feed lists: its registrable domain is listed.
WIDENED_CAUSE = "widened"

#: The widest networks that feeds may block: a /12, and the /29 of IPv6 that RIPE assigns to a
#: member at once. A wider network has many owners, so a mistake such as `1.2.3.4/2` is held.
_WIDEST_PREFIX = {4: 12, 6: 29}
_ADDRESS_BITS = ((4, 32), (6, 128))

_GUARD_OUTCOMES = {
    GuardClass.PROTECTED: (Verdict.ALLOW, Reason.PROTECTED),
    GuardClass.POPULAR: (Verdict.HOLD, Reason.POPULAR),
    GuardClass.SHARED_HOST: (Verdict.HOLD, Reason.SHARED_HOST),
}


def _map_guard_class(outcomes: Mapping[GuardClass, StrEnum], dtype: pl.Enum) -> pl.Expr:
    """Return the outcome for the guard class of each row, null for a row without one."""
    return pl.coalesce(
        pl.when(pl.col("class") == guard_class.value).then(pl.lit(outcome.value, dtype))
        for guard_class, outcome in outcomes.items()
    )


def _apply_precedence(
    judge_input: JudgeInput, candidates: pl.DataFrame, entries: pl.DataFrame
) -> pl.DataFrame:
    """Return `VERDICTS` and `unspoken`: guarded hosts of which only pages are listed."""
    frame = _hold_famous_names(_add_need(judge_input, candidates))
    frame = _add_scope(frame, judge_input.threshold)
    frame = frame.join(decide_by_entries(entries, frame), on="value", how="left")
    is_operator = pl.col("action").is_not_null()
    is_guarded = pl.col("class").is_not_null()
    verdict = _map_guard_class(
        {guard_class: verdict for guard_class, (verdict, _) in _GUARD_OUTCOMES.items()}, VERDICT
    )
    reason = _map_guard_class(
        {guard_class: reason for guard_class, (_, reason) in _GUARD_OUTCOMES.items()}, REASON
    )
    weak = pl.when("weak")
    widened = pl.when(pl.col("widened") & (pl.col("scope") == Scope.SUBTREE.value))
    decided = frame.with_columns(
        verdict=pl.coalesce(
            "action",
            verdict,
            weak.then(pl.lit(Verdict.CLEAR.value, VERDICT)),
            pl.lit(Verdict.BLOCK.value, VERDICT),
        ),
        reason=pl.coalesce(
            pl.when(is_operator).then(pl.lit(Reason.OPERATOR.value, REASON)),
            reason,
            weak.then(pl.lit(Reason.WEAK.value, REASON)),
            pl.lit(Reason.LISTED.value, REASON),
        ),
        cause=pl.when(is_operator)
        .then("why")
        .otherwise(pl.coalesce("cause", widened.then(pl.lit(WIDENED_CAUSE)))),
        unspoken=is_guarded & ~is_operator & pl.col("wide").is_null(),
    )
    return decided.select(*VERDICTS.names(), "unspoken")


def _hold_famous_names(frame: pl.DataFrame) -> pl.DataFrame:
    """Make famous names without the needed score popular, unless a guard is stronger."""
    popular = pl.lit(GuardClass.POPULAR.value, GUARDS["class"])
    is_stronger = (pl.col("class") <= popular).fill_null(value=False)
    held = pl.when(pl.col("lacking") & ~is_stronger)
    return frame.with_columns(
        held.then(popular).otherwise("class").alias("class"),
        held.then("famed").otherwise("cause").alias("cause"),
    )


def _judge_urls(
    judge_input: JudgeInput, hosts: pl.DataFrame, candidates: pl.DataFrame, entries: pl.DataFrame
) -> pl.DataFrame:
    """Return the verdicts of URLs: their host's, or `hold` where the host must stay reachable."""
    urls = hosts.select("url", "value").unique("url")
    # Filtered by hashes, in half the time; a host that matches by chance is dropped by the join.
    url_hosts = urls["value"].hash().implode()
    host_candidates = candidates.filter(pl.col("value").hash().is_in(url_hosts))
    # Evidence about names below the host is not evidence about the host.
    host_candidates = host_candidates.with_columns(
        below=pl.lit(None, pl.Float64), widened=pl.lit(value=False)
    )
    frame = urls.join(_apply_precedence(judge_input, host_candidates, entries), on="value")
    is_held = pl.col("verdict") == Verdict.HOLD.value
    # A page on a protected name may still be fraud; a page on a reserved address is not.
    is_name = pl.col("kind") == Kind.DOMAIN.value
    stays = pl.when(is_held | (is_name & (pl.col("reason") == Reason.PROTECTED.value)))
    return frame.with_columns(
        kind=pl.lit(Kind.URL.value, KIND),
        value="url",
        verdict=stays.then(pl.lit(Verdict.HOLD.value, VERDICT)).otherwise("verdict"),
        reason=stays.then(pl.lit(Reason.URL_ONLY.value, REASON)).otherwise("reason"),
    ).select(VERDICTS.names())
