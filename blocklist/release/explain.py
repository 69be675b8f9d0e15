"""Explain a verdict: query -> the rules of the judge on the current inputs, beside the answer.

Only the listings that concern the query are judged, by the judge itself: the verdict on a value
depends on nothing but its own listings and those of URLs on it.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import polars as pl

from blocklist.check.single import Answer, check_one, common_text_prefix, list_covering_values
from blocklist.config.loader import Config
from blocklist.frames.schemas import LISTINGS
from blocklist.indicators.networks import parse_network
from blocklist.indicators.query import parse_query
from blocklist.indicators.urls import parse_url
from blocklist.judge.explain import RuleResult, explain_rules
from blocklist.judge.guards import GuardLists
from blocklist.judge.judge import JudgeInput, decide_verdicts
from blocklist.judge.scoring.electorate import feed_groups_from_weights
from blocklist.judge.scoring.explain import ScoreExplanation
from blocklist.ledger.db.connection import open_read_only
from blocklist.ledger.db.transaction import Transaction
from blocklist.ledger.feeds.echoes import load_echoes
from blocklist.ledger.feeds.exempting import load_exempting
from blocklist.ledger.feeds.health import load_feed_health
from blocklist.ledger.lookup import LedgerLookup, VerdictRecord
from blocklist.ledger.operator.entries import load_judge_entries
from blocklist.ledger.releases.history import current_release
from blocklist.model import (
    FeedWeight,
    Indicator,
    Kind,
    Listing,
    Match,
    Reason,
    Scope,
    Verdict,
)
from blocklist.release.feed_weights import compute_feed_weights
from blocklist.release.inputs_digest import have_inputs_changed
from blocklist.release.judging import load_guard_lists, make_judge_input

#: How URLs on addresses begin, before the address.
_ADDRESS_URL_STARTS = ("http://", "https://", "http://[", "https://[")


@dataclass(frozen=True, slots=True)
class Explanation:
    """The rules of the judge, applied to what decides about a query, with the inputs of now."""

    #: What `check` answers: the verdict of the current release.
    answer: Answer
    #: What the rules give now. It differs from the answer only if inputs changed since the release.
    verdict: Verdict
    reason: Reason
    cause: str | None
    match: Match | None
    #: How far the listings are believed now; None if the score decides nothing.
    score: ScoreExplanation | None
    #: The score that a block needs.
    threshold: float
    #: The name or network that the rules were applied to; None for an invalid query.
    subject: str | None
    #: In the order in which the judge asks; the first that matches decides.
    rules: tuple[RuleResult, ...]
    #: Whether feeds, guards, entries, settings or the program changed since the current release.
    inputs_changed: bool

    @property
    def agrees(self) -> bool:
        """Whether the answer and the rules give the same verdict for the same reason."""
        answer = self.answer
        return (answer.verdict, answer.reason) == (self.verdict, self.reason)


@dataclass(frozen=True)
class _Inputs:
    """The inputs of the judge that concern a query."""

    judge_input: JudgeInput
    weights: list[FeedWeight]
    #: Whether any input, also of other values, differs from those of the current release.
    have_changed: bool


class _JudgedLookup(LedgerLookup):
    """Look-ups that find verdicts of now in place of those of the current release."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        verdicts: Iterable[VerdictRecord],
        weights: list[FeedWeight],
    ) -> None:
        super().__init__(connection)
        scopes = list(Scope)
        self._verdicts = sorted(
            verdicts, key=lambda record: (record.value, scopes.index(record.scope))
        )
        self._weights = weights

    def find_verdicts(self, values: Iterable[str]) -> list[VerdictRecord]:
        value_set = set(values)
        return [record for record in self._verdicts if record.value in value_set]

    def find_network_verdicts(self, first: str, end: str) -> list[VerdictRecord]:
        networks = (record for record in self._verdicts if record.kind is Kind.IP)
        return [record for record in networks if first <= record.value < end]

    def feed_weights(self) -> list[FeedWeight]:
        return self._weights


def explain_query(config: Config, query: str) -> Explanation:
    """Return how the judge decides about a query now, beside the answer of the current release."""
    with open_read_only(config.database) as reader:
        if reader is None:
            answer = judged = check_one(query, None)
            listings = pl.DataFrame(schema=LISTINGS)
            judge_input = make_judge_input(config, listings, GuardLists(), [], [])
            inputs = _Inputs(judge_input, [], have_changed=False)
        else:
            reader.execute("BEGIN")  # so that all is of one state
            answer, inputs = _load_state(config, reader, query)
            verdicts = _list_verdicts(inputs.judge_input)
            judged = check_one(query, _JudgedLookup(reader, verdicts, inputs.weights))
    changed = inputs.have_changed
    if answer.reason is Reason.INVALID:
        return _build_explanation(config, answer, judged, None, (), inputs_changed=changed)
    indicator = parse_query(query)
    subject = _find_subject(_host_of(indicator), judged.match)
    rules = explain_rules(inputs.judge_input, indicator, subject, judged.reason, judged.cause)
    return _build_explanation(config, answer, judged, subject.value, rules, inputs_changed=changed)


def _build_explanation(
    config: Config,
    answer: Answer,
    judged: Answer,
    subject: str | None,
    rules: tuple[RuleResult, ...],
    *,
    inputs_changed: bool,
) -> Explanation:
    outcome = (judged.verdict, judged.reason, judged.cause, judged.match, judged.score)
    return Explanation(answer, *outcome, config.policy.threshold, subject, rules, inputs_changed)


def _host_of(indicator: Indicator) -> Indicator:
    if indicator.kind is not Kind.URL:
        return indicator
    url = parse_url(indicator.value)
    return Indicator(url.host_kind, url.host)


def _find_subject(host: Indicator, match: Match | None) -> Indicator:
    """Return the name or network whose verdict decides; the queried one if none does."""
    if match is None:
        return host
    kind = Kind.URL if "://" in match.indicator else host.kind
    return _host_of(Indicator(kind, match.indicator))


def _load_state(config: Config, reader: sqlite3.Connection, query: str) -> tuple[Answer, _Inputs]:
    """Return the answer of the current release, and the inputs of the judge."""
    lookup, release = LedgerLookup(reader), current_release(reader)
    answer = check_one(query, lookup)
    weights = compute_feed_weights(config, load_feed_health(reader), load_echoes(reader))
    adds_evidence = feed_groups_from_weights(weights).adds_evidence
    entries = list(load_judge_entries(reader, adds_evidence))
    listings = list[tuple[str, Kind, str, Scope]]()
    if answer.reason is not Reason.INVALID:
        host = _host_of(parse_query(query))
        feeds = {weight.feed for weight in weights}
        listings = [
            _listing_row(listing, host.kind) for listing in _load_listings(lookup, host, feeds)
        ]
    frame = pl.DataFrame(listings, schema=LISTINGS, orient="row")
    guard_lists = load_guard_lists(config, Transaction(reader))
    exempting = load_exempting(reader)
    judge_input = make_judge_input(config, frame, guard_lists, weights, entries, exempting)
    changed = release is not None and have_inputs_changed(config, reader, release, weights)
    return answer, _Inputs(judge_input, weights, changed)


def _load_listings(lookup: LedgerLookup, host: Indicator, feeds: set[str]) -> Iterator[Listing]:
    """Yield the current listings by feeds that concern a name or network, or URLs on it."""
    values = list(list_covering_values(host))
    listings = [listing for listing in lookup.find_listings(values) if listing.until is None]
    for value in values:
        listings += lookup.find_all_page_listings(value)
    if host.kind is Kind.IP and "/" in host.value:
        listings += _load_inner_listings(lookup, host.value)
    for listing in dict.fromkeys(listings):
        if listing.feed in feeds:
            yield listing


def _load_inner_listings(lookup: LedgerLookup, network: str) -> Iterator[Listing]:
    """Yield the listings of networks in a network and of URLs on addresses in it, and some more."""
    prefix = common_text_prefix(parse_network(network))
    for kind, start in ((Kind.IP, ""), *((Kind.URL, start) for start in _ADDRESS_URL_STARTS)):
        yield from lookup.find_listings_between(kind, start + prefix, f"{start}{prefix}\x7f")


def _listing_row(listing: Listing, host_kind: Kind) -> tuple[str, Kind, str, Scope]:
    kind = Kind.URL if "://" in listing.indicator else host_kind
    return listing.feed, kind, listing.indicator, listing.scope


def _list_verdicts(judge_input: JudgeInput) -> list[VerdictRecord]:
    """Return the verdicts of the judge, as look-ups give them."""
    columns = ("kind", "value", "scope", "verdict", "reason", "cause")
    rows = decide_verdicts(judge_input).select(columns).iter_rows()
    return [
        VerdictRecord(Kind(kind), value, Scope(scope), Verdict(verdict), Reason(reason), cause)
        for kind, value, scope, verdict, reason, cause in rows
    ]
