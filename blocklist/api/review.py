"""Review: held indicators -> pages of them with scores, and decisions to accept or reject them."""

import sqlite3
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from blocklist.api.arguments import Expiry, format_expiry, parse_indicator
from blocklist.api.entries import EntryChange, write_entries
from blocklist.api.workspace import Workspace
from blocklist.errors import ConfigError, NotFoundError, UsageError
from blocklist.geoip import GeoIpDatabase
from blocklist.judge.scoring.explain import ScoreExplainer, ScoreExplanation
from blocklist.ledger.db.connection import open_read_only
from blocklist.ledger.db.writer import current_author
from blocklist.ledger.lookup import LedgerLookup
from blocklist.ledger.operator.entries import current_evidence
from blocklist.ledger.operator.review import (
    HeldIndicator,
    count_held_causes,
    count_held_reasons,
    find_held,
    list_held,
)
from blocklist.model import Entry, Indicator, Reason, Verdict
from blocklist.text import escape_unprintable

#: More than any ledger holds.
NO_LIMIT = 10**9
_OUTCOMES = {Verdict.BLOCK: "accepted", Verdict.ALLOW: "rejected"}


@dataclass(frozen=True, slots=True)
class ScoredIndicator:
    """A held indicator, and how far the feeds that list it are believed."""

    held: HeldIndicator
    #: None if no feed lists it now.
    score: ScoreExplanation | None


@dataclass(frozen=True, slots=True)
class HeldPage:
    """The first held indicators that match, and how many there are."""

    #: How many indicators match.
    total: int
    #: How many are held for each reason, most first.
    by_reason: dict[str, int]
    #: The guard entries that hold most, with how many each holds.
    by_cause: dict[str, int]
    items: tuple[ScoredIndicator, ...]


class ReviewQueue:
    """The indicators that are held until a person decides."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def list(
        self,
        *,
        reason: Reason | None = None,
        feed: str | None = None,
        countries: Collection[str] = (),
        not_countries: Collection[str] = (),
        limit: int = 50,
    ) -> HeldPage:
        """Return held indicators, those that most feeds list first.

        Only those held for a reason, listed by a feed, located in one of `countries` and in none of
        `not_countries`. Raise `ConfigError` if countries are asked for and no GeoIP file is set.
        """
        with open_read_only(self._workspace.database) as reader:
            if reader is None:
                return HeldPage(0, {}, {}, ())
            by_reason, by_cause = count_held_reasons(reader, feed), count_held_causes(reader)
            if countries or not_countries:
                held = list_held(reader, NO_LIMIT, reason, feed)
                geoip = self._workspace.geoip
                matching = _filter_by_country(reader, held, geoip, countries, not_countries)
                total = len(matching)
            else:
                matching = list_held(reader, limit, reason, feed)
                total = sum(by_reason.values()) if reason is None else by_reason.get(reason, 0)
            items = tuple(_add_scores(reader, matching[:limit]))
        return HeldPage(total, by_reason, by_cause, items)

    def find(
        self, name: str | None = None, *, feed: str | None = None
    ) -> tuple[HeldIndicator, ...]:
        """Return the held indicator of a name, or every one that a feed lists.

        Raise `UsageError` unless just one of the two is given, `NotFoundError` if nothing is held.
        """
        if (name is None) == (feed is None):
            raise UsageError("say what is decided: a NAME, or --feed and the name of a feed")
        value = None if name is None else parse_indicator(name).value
        with open_read_only(self._workspace.database) as reader:
            if value is None:
                matching = tuple(list_held(reader, NO_LIMIT, feed=feed)) if reader else ()
            else:
                held = find_held(reader, value) if reader else None
                matching = (held,) if held else ()
        if matching:
            return matching
        what = (
            f"{feed}: nothing that it lists is held" if value is None else f"{value}: is not held"
        )
        raise NotFoundError(f"{what}; see: blocklist review list")

    def accept(
        self,
        name: str | None = None,
        *,
        feed: str | None = None,
        reason: str = "",
        expires: Expiry = None,
    ) -> EntryChange:
        """Agree with the feeds: block a held name, or all held names of a feed."""
        held = self.find(name, feed=feed)
        return self.decide(held, Verdict.BLOCK, reason=reason, expires=expires)

    def reject(
        self,
        name: str | None = None,
        *,
        feed: str | None = None,
        reason: str = "",
        expires: Expiry = None,
    ) -> EntryChange:
        """Disagree with the feeds: allow a held name, or all of a feed, until new evidence."""
        held = self.find(name, feed=feed)
        return self.decide(held, Verdict.ALLOW, reason=reason, expires=expires)

    def decide(
        self,
        held: Iterable[HeldIndicator],
        action: Verdict,
        *,
        reason: str = "",
        expires: Expiry = None,
    ) -> EntryChange:
        """Block or allow held indicators, and record the evidence that was there."""
        end, outcome = format_expiry(expires), _OUTCOMES[action]
        given, author = escape_unprintable(reason), current_author()
        database = self._workspace.database
        with open_read_only(database) as reader:
            assert reader is not None
            lookup = LedgerLookup(reader)
            entries = tuple(
                Entry(
                    one.kind, one.indicator, one.scope, action,
                    given or f"review: {outcome} ({one.reason})", "", end, author,
                    tuple(current_evidence(lookup, Indicator(one.kind, one.indicator))),
                )
                for one in held
            )  # fmt: skip
        return write_entries(database, f"review {outcome}", entries)


def _add_scores(
    reader: sqlite3.Connection, matching: list[HeldIndicator]
) -> Iterable[ScoredIndicator]:
    lookup = LedgerLookup(reader)
    explainer = ScoreExplainer(lookup.feed_weights())
    for held in matching:
        score = explainer.explain_value(held.indicator, held.listings, lookup)
        yield ScoredIndicator(held, score)


def _filter_by_country(
    reader: sqlite3.Connection,
    matching: list[HeldIndicator],
    geoip: GeoIpDatabase,
    countries: Collection[str],
    not_countries: Collection[str],
) -> list[HeldIndicator]:
    from blocklist.resolve.countries import CountryFilter, find_countries

    if not geoip:
        raise ConfigError(
            "no file has the countries of addresses; set resolve.country in blocklist.toml"
        )
    wanted = CountryFilter(frozenset(countries), frozenset(not_countries))
    lookup = LedgerLookup(reader)
    with geoip:
        return [
            held
            for held in matching
            if wanted.accepts(find_countries(held.kind, held.indicator, lookup, geoip))
        ]
