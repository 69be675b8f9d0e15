"""Review: held indicators -> pages of them with scores, and decisions to accept or reject them."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field

from blocklist.api.arguments import (
    NO_LIMIT,
    Expiry,
    format_expiry,
    format_note,
    list_names_or_all,
    parse_count,
    parse_indicator,
    parse_word,
    parse_word_or_all,
    require_label_or_none,
)
from blocklist.api.entry_change import EntryChange, publish_now, write_entries
from blocklist.api.entry_targets import host_of_link
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
from blocklist.pipeline.events import ProgressCallback, ignore_progress

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
    by_reason: dict[str, int] = field(hash=False)
    #: The guard entries that hold most, with how many each holds.
    by_cause: dict[str, int] = field(hash=False)
    items: tuple[ScoredIndicator, ...]


class ReviewQueue:
    """The indicators that are held until a person decides."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def list(
        self,
        *,
        reason: Reason | str | None = None,
        feed: str | None = None,
        countries: str | Iterable[str] | None = None,
        not_countries: str | Iterable[str] = (),
        limit: int = 50,
    ) -> HeldPage:
        """Return held indicators: those that most feeds list first, then the most famous ones.

        Only those held for a reason, listed by a feed, located in one of `countries` and in none of
        `not_countries`. Raise `ConfigError` if countries are asked for and no GeoIP file is set.
        """
        why, most = parse_word_or_all(Reason, reason, "reason"), parse_count(limit, "limit")
        feed = require_label_or_none(feed, "feed")
        inside = list_names_or_all(countries, "countries")
        outside = list_names_or_all(not_countries, "not_countries") or []
        with open_read_only(self._workspace.database) as reader:
            if reader is None:
                return HeldPage(0, {}, {}, ())
            by_reason, by_cause = count_held_reasons(reader, feed), count_held_causes(reader)
            if inside == []:
                matching, total = [], 0
            elif inside or outside:
                held = list_held(reader, NO_LIMIT, why, feed)
                geoip = self._workspace.geoip
                matching = _filter_by_country(reader, held, geoip, inside or [], outside)
                total = len(matching)
            else:
                matching = list_held(reader, most, why, feed)
                total = sum(by_reason.values()) if why is None else by_reason.get(why, 0)
            items = tuple(_add_scores(reader, matching[:most]))
        return HeldPage(total, by_reason, by_cause, items)

    def find(
        self, name: str | None = None, *, feed: str | None = None
    ) -> tuple[HeldIndicator, ...]:
        """Return the held indicator of a name, or every one that a feed lists.

        Raise `UsageError` unless just one of the two is given, `NotFoundError` if nothing is held.
        """
        if (name is None) == (feed is None):
            raise UsageError("say what is decided: a NAME, or --feed and the name of a feed")
        feed = require_label_or_none(feed, "feed")
        indicator = None if name is None else parse_indicator(name)
        with open_read_only(self._workspace.database) as reader:
            if indicator is None:
                matching = tuple(list_held(reader, NO_LIMIT, feed=feed)) if reader else ()
            else:
                values = dict.fromkeys([indicator.value, host_of_link(indicator).value])
                found = (find_held(reader, value) for value in values) if reader else ()
                held = next(filter(None, found), None)
                matching = (held,) if held else ()
        if matching:
            return matching
        what = (
            f"{feed}: nothing that it lists is held"
            if indicator is None
            else f"{indicator.value}: is not held"
        )
        raise NotFoundError(f"{what}; see: blocklist review list")

    def accept(
        self,
        name: str | None = None,
        *,
        feed: str | None = None,
        reason: str | None = "",
        expires: Expiry = None,
        now: bool = False,
        progress: ProgressCallback = ignore_progress,
    ) -> EntryChange:
        """Agree with the feeds: block a held name, or all held names of a feed."""
        held = self.find(name, feed=feed)
        return self.decide(
            held, Verdict.BLOCK, reason=reason, expires=expires, now=now, progress=progress
        )

    def reject(
        self,
        name: str | None = None,
        *,
        feed: str | None = None,
        reason: str | None = "",
        expires: Expiry = None,
        now: bool = False,
        progress: ProgressCallback = ignore_progress,
    ) -> EntryChange:
        """Disagree with the feeds: allow a held name, or all of a feed, until new evidence."""
        held = self.find(name, feed=feed)
        return self.decide(
            held, Verdict.ALLOW, reason=reason, expires=expires, now=now, progress=progress
        )

    def decide(
        self,
        held: HeldIndicator | Iterable[HeldIndicator],
        action: Verdict | str,
        *,
        reason: str | None = "",
        expires: Expiry = None,
        now: bool = False,
        progress: ProgressCallback = ignore_progress,
    ) -> EntryChange:
        """Block or allow held indicators, and record the evidence that was there.

        With `now`, the decisions are published and exported at once, without fetching. Raise
        `UsageError` for another action, and for what is no held indicator.
        """
        decision = parse_word(Verdict, action, "action", _OUTCOMES)
        end, outcome = format_expiry(expires), _OUTCOMES[decision]
        given, author = format_note(reason, "reason"), format_note(current_author(), "author")
        self._workspace.require_config()
        indicators, database = _list_held_indicators(held), self._workspace.database
        with open_read_only(database) as reader:
            lookup = LedgerLookup(reader) if reader else None
            entries = tuple(
                Entry(
                    one.kind, one.indicator, one.scope, decision,
                    given or f"review: {outcome} ({one.reason})", "", end, author,
                    _find_evidence(one, lookup),
                )
                for one in indicators
            )  # fmt: skip
        command = f"review {outcome}"
        change = write_entries(database, command, entries)
        return publish_now(self._workspace, command, change, progress) if now else change


def _list_held_indicators(held: object) -> list[HeldIndicator]:
    """Return one or several held indicators, each once."""
    given = list(held) if isinstance(held, Iterable) else [held]
    indicators = [one for one in given if isinstance(one, HeldIndicator)]
    if len(indicators) < len(given):
        raise UsageError("held: expected held indicators, as `find` returns them")
    return list(dict.fromkeys(indicators))


def _find_evidence(held: HeldIndicator, lookup: LedgerLookup | None) -> tuple[tuple[str, str], ...]:
    indicator = Indicator(held.kind, held.indicator)
    return tuple(current_evidence(lookup, indicator)) if lookup else ()


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
    countries: list[str],
    not_countries: list[str],
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
