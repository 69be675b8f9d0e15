"""The judge: listings, guards and operator entries -> verdicts (schema `VERDICTS`).

The first rule that applies decides: operator entry, protected, popular, shared host, weak, listed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import polars as pl

from blocklist.frames.diff import exclude_rows
from blocklist.frames.networks import networks_to_spans
from blocklist.frames.schemas import KIND, LISTINGS, REASON, SCOPE, VERDICT, VERDICTS
from blocklist.judge.candidates import build_name_candidates, derive_host_listings, score_listings
from blocklist.judge.guards import GUARDS, Guards, keep_strongest_hits, match_name_guards
from blocklist.judge.operator import build_entry_frame, decide_by_entries, entries_to_verdicts
from blocklist.judge.scoring.electorate import FeedGroups
from blocklist.model import Entry, GuardClass, Kind, Reason, Scope, Verdict


@dataclass(frozen=True)
class JudgeInput:
    """All that the judge looks at."""

    #: Schema `LISTINGS`.
    listings: pl.DataFrame
    #: Feed name -> reliability, 0 to 1.
    reliability: dict[str, float]
    guards: Guards
    entries: list[Entry]
    #: Feed name -> whose entries it passes on, as declared or found out.
    upstream: dict[str, tuple[str, ...]] = field(default_factory=dict)
    widen: bool = True
    threshold: float = 0.0


def decide_verdicts(case: JudgeInput) -> pl.DataFrame:
    """Return a verdict for every listed thing and every operator entry (schema `VERDICTS`)."""
    entries = build_entry_frame(case.entries)
    electorate = FeedGroups(case.reliability, case.upstream)
    listed = case.listings.match_to_schema(LISTINGS)
    hosts = derive_host_listings(listed)
    found = _prepare_names(case, _collect_listings(Kind.DOMAIN, listed, hosts), electorate)
    addresses = _collect_listings(Kind.IP, listed, hosts)
    if not addresses.is_empty():
        found = pl.concat([found, _prepare_networks(case, addresses, electorate)], how="diagonal")
    judged = _apply_precedence(found, case.threshold, entries)
    judged = judged.filter(~pl.col("unspoken")).drop("unspoken")
    if not hosts.is_empty():
        judged = pl.concat([judged, _judge_urls(hosts, found, case.threshold, entries)])
    own = entries_to_verdicts(entries)
    # In one stretch of memory, or each who looks at some of it makes another such copy.
    return pl.concat([own, exclude_rows(judged, own, ["value", "scope"])], rechunk=True)


def _collect_listings(kind: Kind, listed: pl.DataFrame, hosts: pl.DataFrame) -> pl.DataFrame:
    """Return the names or the networks that feeds list, or list pages on."""
    themselves, by_pages = (part.filter(pl.col("kind") == kind.value) for part in (listed, hosts))
    themselves = themselves.with_columns(whole=pl.lit(value=True))
    return pl.concat([themselves, by_pages.select(themselves.columns)])


def _prepare_names(
    case: JudgeInput, listings: pl.DataFrame, electorate: FeedGroups
) -> pl.DataFrame:
    frame = build_name_candidates(listings, electorate, case.guards.suffixes, widen=case.widen)
    hits = match_name_guards(case.guards, frame)
    kind = pl.lit(Kind.DOMAIN.value, KIND)
    return frame.join(hits, on="value", how="left").with_columns(kind=kind)


def _prepare_networks(
    case: JudgeInput, listings: pl.DataFrame, electorate: FeedGroups
) -> pl.DataFrame:
    frame = score_listings(listings, electorate)
    hits = match_network_guards(case.guards.entries, frame["value"])
    kind = pl.lit(Kind.IP.value, KIND)
    return frame.join(hits, on="value", how="left").with_columns(kind=kind)


def match_network_guards(entries: pl.DataFrame, values: pl.Series) -> pl.DataFrame:
    """Return `value`, `class` and `cause` of networks that share an address with a guard's.

    One that is too wide to be anybody's alone is guarded as a shared host is.
    """
    known = entries.filter(pl.col("kind") == Kind.IP.value)
    reach = pl.concat([known, networks_to_spans(known["value"])], how="horizontal").select(
        "class", "source", kin="family", start="first", end="last"
    )
    spans = pl.concat([values.to_frame("value"), networks_to_spans(values)], how="horizontal")
    # Without the family in the join polars need not pair everything with everything of a family.
    found = spans.join_where(
        reach, pl.col("first") <= pl.col("end"), pl.col("last") >= pl.col("start")
    ).filter(pl.col("family") == pl.col("kin"))
    cause = pl.concat_str(pl.lit("overlaps "), "source")
    hits = found.select("value", "class", cause=cause)
    return keep_strongest_hits(pl.concat([hits, _match_too_wide(spans)]))


def _match_too_wide(spans: pl.DataFrame) -> pl.DataFrame:
    ipv4, ipv6 = (
        pl.lit(2 ** (bits - _WIDEST_PREFIX[family]), pl.UInt128) for family, bits in _ADDRESS_BITS
    )
    most = pl.when(pl.col("family") == 4).then(ipv4).otherwise(ipv6)
    return spans.filter(pl.col("last") - pl.col("first") >= most).select(
        "value",
        pl.lit(GuardClass.SHARED_HOST.value, GUARDS["class"]).alias("class"),
        cause=pl.lit("too wide to be one owner's"),
    )


def _add_scope(frame: pl.DataFrame, threshold: float) -> pl.DataFrame:
    """Add `scope` (what is attested well enough, or else what is listed), `weak` and `score`."""
    enough_here = (pl.col("here") >= threshold).fill_null(value=False)
    enough_below = (pl.col("below") >= threshold).fill_null(value=False)
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


#: The cause of a subtree that no feed lists as such: its registrable domain is listed.
WIDENED_CAUSE = "widened"

#: The widest networks that feeds may have blocked: a /12, and the /29 of IPv6 that RIPE gives a
#: member at once. A wider one belongs to many, so a slip such as `1.2.3.4/2` waits for a person.
_WIDEST_PREFIX = {4: 12, 6: 29}
_ADDRESS_BITS = ((4, 32), (6, 128))

_GUARD_OUTCOMES = {
    GuardClass.PROTECTED: (Verdict.ALLOW, Reason.PROTECTED),
    GuardClass.POPULAR: (Verdict.HOLD, Reason.POPULAR),
    GuardClass.SHARED_HOST: (Verdict.HOLD, Reason.SHARED_HOST),
}


def _map_guard_class(words: Mapping[GuardClass, StrEnum], dtype: pl.Enum) -> pl.Expr:
    """Return the word for the class of each row, null where it has none."""
    return pl.coalesce(
        pl.when(pl.col("class") == kind.value).then(pl.lit(word.value, dtype))
        for kind, word in words.items()
    )


def _apply_precedence(found: pl.DataFrame, threshold: float, entries: pl.DataFrame) -> pl.DataFrame:
    """Return `VERDICTS` and `unspoken`: a guarded host of which only pages are listed."""
    frame = _add_scope(found, threshold)
    frame = frame.join(decide_by_entries(entries, frame), on="value", how="left")
    by_operator = pl.col("action").is_not_null()
    guarded = pl.col("class").is_not_null()
    verdict = _map_guard_class(
        {kind: verdict for kind, (verdict, _) in _GUARD_OUTCOMES.items()}, VERDICT
    )
    reason = _map_guard_class(
        {kind: reason for kind, (_, reason) in _GUARD_OUTCOMES.items()}, REASON
    )
    weak = pl.when("weak")
    widened = pl.when(pl.col("widened") & (pl.col("scope") == Scope.SUBTREE.value))
    chosen = frame.with_columns(
        verdict=pl.coalesce(
            "action",
            verdict,
            weak.then(pl.lit(Verdict.CLEAR.value, VERDICT)),
            pl.lit(Verdict.BLOCK.value, VERDICT),
        ),
        reason=pl.coalesce(
            pl.when(by_operator).then(pl.lit(Reason.OPERATOR.value, REASON)),
            reason,
            weak.then(pl.lit(Reason.WEAK.value, REASON)),
            pl.lit(Reason.LISTED.value, REASON),
        ),
        cause=pl.when(by_operator)
        .then("why")
        .otherwise(pl.coalesce("cause", widened.then(pl.lit(WIDENED_CAUSE)))),
        unspoken=guarded & ~by_operator & pl.col("wide").is_null(),
    )
    return chosen.select(*VERDICTS.names(), "unspoken")


def _judge_urls(
    hosts: pl.DataFrame, found: pl.DataFrame, threshold: float, entries: pl.DataFrame
) -> pl.DataFrame:
    """Return the URLs' verdicts: their hosts', but where a host stays a proxy may yet block."""
    listed = hosts.select("url", "value").unique("url")
    # By hashes, in half the time: a host too many finds no page in the end.
    wanted = listed["value"].hash().implode()
    alone = found.filter(pl.col("value").hash().is_in(wanted))
    # What is said of the names below the host is not said of the host.
    alone = alone.with_columns(below=pl.lit(None, pl.Float64), widened=pl.lit(value=False))
    frame = listed.join(_apply_precedence(alone, threshold, entries), on="value")
    held = pl.col("verdict") == Verdict.HOLD.value
    # A page on a protected name may still be fraud; one on a reserved address is nobody's.
    named = pl.col("kind") == Kind.DOMAIN.value
    stays = pl.when(held | (named & (pl.col("reason") == Reason.PROTECTED.value)))
    return frame.with_columns(
        kind=pl.lit(Kind.URL.value, KIND),
        value="url",
        verdict=stays.then(pl.lit(Verdict.HOLD.value, VERDICT)).otherwise("verdict"),
        reason=stays.then(pl.lit(Reason.URL_ONLY.value, REASON)).otherwise("reason"),
    ).select(VERDICTS.names())
