"""Answer one query: name, address, network or URL -> verdict, reason, listings and facts."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from ipaddress import IPv4Network

from blocklist.check.pending import find_pending
from blocklist.check.unreleased import explain_absence, has_unreleased
from blocklist.errors import InvalidIndicator
from blocklist.geoip import GeoIpDatabase
from blocklist.indicators.names import name_and_ancestors
from blocklist.indicators.networks import Network, network_and_supernets, parse_network
from blocklist.indicators.query import parse_query
from blocklist.indicators.urls import parse_url
from blocklist.judge.scoring.explain import ScoreExplainer, ScoreExplanation
from blocklist.ledger.lookup import LedgerLookup, VerdictRecord
from blocklist.ledger.operator.pending import PendingChange
from blocklist.model import Indicator, Kind, Listing, Match, Reason, Scope, Verdict


@dataclass(frozen=True)
class Answer:
    """The answer to one query, as of the current release or of a moment in the past."""

    query: str
    #: None if the query is no name, address, network or URL.
    kind: Kind | None
    verdict: Verdict
    reason: Reason
    #: The guard entry or the operator's reason that the verdict rests on, why the query is
    #: invalid, or why it is clear although a feed lists it.
    cause: str | None
    match: Match | None
    listings: tuple[Listing, ...]
    #: The release that was asked; None if there is none.
    release: int | None
    #: DNS facts and locations, empty if nothing is known.
    facts: dict[str, object] = field(hash=False)
    #: How far the listings are believed; None if the score decided nothing.
    score: ScoreExplanation | None = None
    #: An entry about it that begins or ends with the next publication; None if there is none.
    pending: PendingChange | None = None


class ScoreSource:
    """Explains the scores of a batch; the feed weights are read once, when first needed."""

    def __init__(self, lookup: LedgerLookup) -> None:
        self._lookup = lookup

    @cached_property
    def _explainer(self) -> ScoreExplainer:
        return ScoreExplainer(self._lookup.feed_weights())

    def explain(self, value: str, listings: Iterable[Listing]) -> ScoreExplanation | None:
        """Return the score of a value; None if no feed lists it now."""
        return self._explainer.explain_value(value, listings, self._lookup)


def check_one(
    query: str,
    lookup: LedgerLookup | None,
    scores: ScoreSource | None = None,
    pending: Sequence[PendingChange] = (),
) -> Answer:
    """Return the answer to a query.

    A query that is no name, address, network or URL gets the reason `invalid`, so one bad line does
    not end a batch. Without a ledger (`lookup` None) every query is clear. `scores` and the
    `pending` entries may be shared by the queries of a batch.
    """
    release = lookup.release_number() if lookup else None
    try:
        asked = parse_query(query)
    except InvalidIndicator as refused:
        invalid = (Verdict.CLEAR, Reason.INVALID, refused.reason)
        return Answer(query, None, *invalid, None, (), release, {})
    answer = Answer(query, asked.kind, Verdict.CLEAR, Reason.UNLISTED, None, None, (), release, {})
    if lookup is None:
        return answer
    answer_kind = _answer_url if asked.kind is Kind.URL else _answer_host
    answer = answer_kind(answer, asked, lookup, scores or ScoreSource(lookup))
    change = find_pending(asked, answer.match, answer.reason, pending)
    return replace(answer, pending=change) if change else answer


def add_locations(answer: Answer, geoip: GeoIpDatabase) -> Answer:
    """Add `places` to the facts: the location of the address, or of the name's addresses."""
    addresses = answer.facts.get("addresses", ())
    if answer.kind is Kind.IP:
        addresses = (parse_query(answer.query).value,)
    facts = locate_addresses(answer.facts, addresses, geoip)
    return answer if facts is answer.facts else replace(answer, facts=facts)


def locate_addresses(
    facts: dict[str, object], addresses: object, geoip: GeoIpDatabase
) -> dict[str, object]:
    """Return facts with the `places` of addresses; the same facts if there is nothing to add."""
    assert isinstance(addresses, list | tuple)
    if not geoip or not addresses:
        return facts
    places = [{"address": address, **asdict(geoip.locate(address))} for address in addresses]
    return {**facts, "places": places}


def _answer_host(
    answer: Answer, asked: Indicator, lookup: LedgerLookup, scores: ScoreSource
) -> Answer:
    steps = {value: step for step, value in enumerate(list_covering_values(asked))}
    rows = lookup.find_verdicts(steps)
    decisive = _pick_decisive(rows, steps)
    if decisive is None or decisive.verdict is not Verdict.BLOCK:
        decisive = _find_blocked_part(asked, lookup) or decisive
    listings = _collect_listings(asked, steps, decisive, lookup)
    answer = replace(answer, listings=tuple(listings), facts=lookup.find_facts(asked.value))
    judged = (row.value for row in rows)
    if decisive is None and has_unreleased(asked, steps, listings, judged):
        return replace(answer, cause=explain_absence(lookup))
    return _add_score(_apply_verdict(answer, decisive), scores)


def _add_score(answer: Answer, scores: ScoreSource) -> Answer:
    """Add the score, unless an operator entry decided."""
    if answer.match is None or answer.reason is Reason.OPERATOR:
        return answer
    return replace(answer, score=scores.explain(answer.match.indicator, answer.listings))


def _answer_url(
    answer: Answer, asked: Indicator, lookup: LedgerLookup, scores: ScoreSource
) -> Answer:
    url = parse_url(asked.value)
    host = _answer_host(answer, Indicator(url.host_kind, url.host), lookup, scores)
    own = [*lookup.find_listings([asked.value])]
    listings = tuple(dict.fromkeys([*own, *host.listings]))
    (row,) = lookup.find_verdicts([asked.value]) or (None,)
    # A host that is blocked in DNS takes every page on it along.
    if row is not None and host.verdict is not Verdict.BLOCK:
        decided = _apply_verdict(answer, row)
        if row.reason is not Reason.OPERATOR:
            decided = replace(decided, score=scores.explain(url.host, listings))
        return replace(decided, listings=listings, facts=host.facts)
    if row is None and host.match is None and has_unreleased(asked, {asked.value: 0}, own, ()):
        host = replace(host, cause=explain_absence(lookup))
    return replace(host, listings=listings)


def list_covering_values(asked: Indicator) -> Iterable[str]:
    """Return a name and the names above it, or a network and those around it, nearest first."""
    if asked.kind is Kind.DOMAIN:
        return name_and_ancestors(asked.value)
    return network_and_supernets(parse_network(asked.value))


def _pick_decisive(rows: list[VerdictRecord], steps: dict[str, int]) -> VerdictRecord | None:
    """Return the deciding verdict: the most specific exported one, else the gravest of the rest."""
    covering = [row for row in rows if _covers(row, steps[row.value])]
    if not covering:
        return None
    in_force = [row for row in covering if row.is_exported]
    order = {Verdict.HOLD: 0, Verdict.ALLOW: 1, Verdict.CLEAR: 2}
    if in_force:
        return min(in_force, key=lambda row: _rank_specificity(row, steps[row.value]))
    return min(
        covering, key=lambda row: (order[row.verdict], *_rank_specificity(row, steps[row.value]))
    )


def _covers(row: VerdictRecord, step: int) -> bool:
    if row.kind is not Kind.DOMAIN:
        return True
    return row.scope.covers_self if step == 0 else row.scope.covers_below


def _rank_specificity(row: VerdictRecord, step: int) -> tuple[int, bool, bool]:
    return step, row.scope is not Scope.EXACT, row.verdict is not Verdict.ALLOW


def _find_blocked_part(asked: Indicator, lookup: LedgerLookup) -> VerdictRecord | None:
    """Return a blocked network inside the queried network: then a part of it is blocked."""
    if asked.kind is not Kind.IP or "/" not in asked.value:
        return None
    network = parse_network(asked.value)
    start = common_text_prefix(network)
    for row in lookup.find_network_verdicts(start, start + "\x7f"):
        if row.verdict is Verdict.BLOCK:
            part = parse_network(row.value)
            if part.version == network.version and part.subnet_of(network):  # type: ignore[arg-type]
                return replace(row, cause=f"{row.value} in {asked.value} is blocked")
    return None


def common_text_prefix(network: Network) -> str:
    """Return the common start of the canonical texts of all networks inside this one."""
    if isinstance(network, IPv4Network):
        octets = str(network.network_address).split(".")[: network.prefixlen // 8]
        return "".join(f"{octet}." for octet in octets)
    first = int(network.network_address) >> 112
    return f"{first:x}:" if network.prefixlen >= 16 and first else ""


def _collect_listings(
    asked: Indicator, steps: dict[str, int], decisive: VerdictRecord | None, lookup: LedgerLookup
) -> list[Listing]:
    every = lookup.find_listings([*steps, *([decisive.value] if decisive else [])])
    direct = dict.fromkeys((asked.value, decisive.value if decisive else asked.value))
    listings = [
        listing
        for listing in every
        if listing.indicator in direct or asked.kind is Kind.IP or listing.scope.covers_below
    ]
    for host in direct:
        listings += lookup.find_page_listings(host)
    return listings


def _apply_verdict(answer: Answer, row: VerdictRecord | None) -> Answer:
    if row is None:
        return answer
    match = Match(row.value, row.scope)
    return replace(answer, verdict=row.verdict, reason=row.reason, cause=row.cause, match=match)
