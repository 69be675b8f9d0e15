"""Answer one query: name, address, network or URL -> verdict, reason, listings and facts."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from ipaddress import IPv4Network

from blocklist.errors import InvalidIndicator
from blocklist.geoip import GeoIpDatabase
from blocklist.indicators.names import name_and_ancestors
from blocklist.indicators.networks import Network, network_and_supernets, parse_network
from blocklist.indicators.query import parse_query
from blocklist.judge.scoring.explain import ScoreExplainer, ScoreExplanation
from blocklist.ledger.lookup import LedgerLookup, VerdictRecord
from blocklist.model import Indicator, Kind, Listing, Match, Reason, Scope, Verdict


@dataclass(frozen=True)
class Answer:
    """What `check` says; `cause` names the guard or the operator's words behind the reason."""

    query: str
    kind: Kind | None
    verdict: Verdict
    reason: Reason
    cause: str | None
    match: Match | None
    listings: tuple[Listing, ...]
    release: int | None
    facts: dict[str, object]
    #: How far what is listed is believed; None when the score decides nothing.
    score: ScoreExplanation | None = None


def check_one(query: str, lookup: LedgerLookup | None) -> Answer:
    """Return the answer for a query.

    What is no name, address or URL is `invalid` with the cause, so that one bad line spoils no
    batch. Without a ledger (`lookup` None) nothing is known and everything is clear.
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
    if asked.kind is Kind.URL:
        return _answer_url(answer, asked, lookup)
    return _answer_host(answer, asked, lookup)


def add_locations(answer: Answer, atlas: GeoIpDatabase) -> Answer:
    """Add where the addresses of an answer are: of a name those it was seen at."""
    addresses = answer.facts.get("addresses", ())
    if answer.kind is Kind.IP:
        addresses = (parse_query(answer.query).value,)
    assert isinstance(addresses, list | tuple)
    if not atlas or not addresses:
        return answer
    places = [{"address": one, **asdict(atlas.locate(one))} for one in addresses]
    return replace(answer, facts={**answer.facts, "places": places})


def _answer_host(answer: Answer, asked: Indicator, lookup: LedgerLookup) -> Answer:
    steps = {value: step for step, value in enumerate(_list_covering_values(asked))}
    rows = lookup.find_verdicts(steps)
    decisive = _pick_decisive(rows, steps)
    if decisive is None or decisive.verdict is not Verdict.BLOCK:
        decisive = _find_blocked_part(asked, lookup) or decisive
    found = _collect_listings(asked, steps, decisive, lookup)
    answer = replace(answer, listings=tuple(found), facts=lookup.find_facts(asked.value))
    return _add_score(_apply_verdict(answer, decisive), lookup)


def _add_score(answer: Answer, lookup: LedgerLookup) -> Answer:
    """Add the score, unless the operator's word makes it idle."""
    if answer.match is None or answer.reason is Reason.OPERATOR:
        return answer
    score = _load_explainer(lookup).explain_value(answer.match.indicator, answer.listings, lookup)
    return replace(answer, score=score)


@lru_cache(maxsize=1)
def _load_explainer(lookup: LedgerLookup) -> ScoreExplainer:
    """Return the one explainer of a batch, for all its names are judged by the same votes."""
    return ScoreExplainer(lookup.feed_weights())


def _answer_url(answer: Answer, asked: Indicator, lookup: LedgerLookup) -> Answer:
    from blocklist.indicators.urls import parse_url

    url = parse_url(asked.value)
    host = _answer_host(answer, Indicator(url.host_kind, url.host), lookup)
    own = [*lookup.find_listings([asked.value])]
    listings = tuple(dict.fromkeys([*own, *host.listings]))
    (row,) = lookup.find_verdicts([asked.value]) or (None,)
    # Who blocks the host in DNS blocks every page on it.
    if row is not None and host.verdict is not Verdict.BLOCK:
        decided = _apply_verdict(answer, row)
        if row.reason is not Reason.OPERATOR:
            score = _load_explainer(lookup).explain_value(url.host, listings, lookup)
            decided = replace(decided, score=score)
        return replace(decided, listings=listings, facts=host.facts)
    return replace(host, listings=listings)


def _list_covering_values(asked: Indicator) -> Iterable[str]:
    if asked.kind is Kind.DOMAIN:
        return name_and_ancestors(asked.value)
    return network_and_supernets(parse_network(asked.value))


def _pick_decisive(rows: list[VerdictRecord], steps: dict[str, int]) -> VerdictRecord | None:
    """Return the verdict that decides: the most specific in force, else the gravest of the rest."""
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
    return step, row.scope is Scope.SUBTREE, row.verdict is not Verdict.ALLOW


def _find_blocked_part(asked: Indicator, lookup: LedgerLookup) -> VerdictRecord | None:
    """Return a blocked network inside a network asked about, for a part of it is blocked."""
    if asked.kind is not Kind.IP or "/" not in asked.value:
        return None
    network = parse_network(asked.value)
    start = _common_text_prefix(network)
    for row in lookup.find_network_verdicts(start, start + "\x7f"):
        if row.verdict is Verdict.BLOCK:
            part = parse_network(row.value)
            if part.version == network.version and part.subnet_of(network):  # type: ignore[arg-type]
                return replace(row, cause=f"{row.value} in {asked.value} is blocked")
    return None


def _common_text_prefix(network: Network) -> str:
    """Return what the canonical texts of all networks inside this one begin with."""
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
    found = [
        listing
        for listing in every
        if listing.indicator in direct or asked.kind is Kind.IP or listing.scope.covers_below
    ]
    for host in direct:
        found += lookup.find_page_listings(host)
    return found


def _apply_verdict(answer: Answer, row: VerdictRecord | None) -> Answer:
    if row is None:
        return answer
    match = Match(row.value, row.scope)
    return replace(answer, verdict=row.verdict, reason=row.reason, cause=row.cause, match=match)
