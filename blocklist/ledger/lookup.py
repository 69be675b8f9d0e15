"""Look up single values: value -> verdicts, listings, facts; sqlite3 only, for `check`."""

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from blocklist.ledger.db.codes import KINDS, REASONS, SCOPES, VERDICTS, code_of
from blocklist.ledger.dns.fact_lookup import FactLookup
from blocklist.ledger.feeds.weights import load_feed_weights
from blocklist.ledger.point_in_time import PointInTime
from blocklist.ledger.temporal.pack_sql import (
    member_end_sql,
    members_ending_sql,
    packed_range_sql,
    packed_value_sql,
)
from blocklist.model import FeedWeight, GuardClass, Kind, Listing, Reason, Scope, Verdict

_WANTED_SQL = "json_each(:wanted) AS wanted CROSS JOIN"
# The columns of packed members, in the order of those of rows.
_VERDICT_COLUMNS = (
    "batch.kind, member.value, batch.scope, batch.verdict, batch.reason, batch.cause, "
    f"batch.since, {member_end_sql('verdict')} AS until"
)
_LISTING_COLUMNS = (
    "batch.feed_id, member.value, batch.scope, batch.since, "
    f"{member_end_sql('listing')} AS until, NULL"
)
#: How many listings of pages on one host are shown: evidence for a person, not a census.
MAX_PAGE_LISTINGS = 20
#: How many names near another are looked at.
MAX_NEAR_NAMES = 20


@dataclass(frozen=True)
class VerdictRecord:
    """A verdict of a release."""

    kind: Kind
    value: str
    scope: Scope
    verdict: Verdict
    reason: Reason
    cause: str | None

    @property
    def is_exported(self) -> bool:
        """Whether exports carry it: a block, or an operator's entry that cuts into one."""
        cuts = self.verdict in (Verdict.ALLOW, Verdict.HOLD) and self.reason is Reason.OPERATOR
        return self.verdict is Verdict.BLOCK or cuts


@dataclass(frozen=True, slots=True)
class VerdictInterval:
    """The verdict of an entry, from release `since` up to, but not in, release `until`."""

    value: str
    scope: Scope
    verdict: Verdict
    cause: str | None
    since: int
    until: int | None


class LedgerLookup:
    """Look-ups of single values in an open ledger, now or at a point in time."""

    max_page_listings = MAX_PAGE_LISTINGS

    def __init__(self, connection: sqlite3.Connection, at: PointInTime | None = None) -> None:
        self._connection = connection
        self._at = at
        self._facts = FactLookup(connection)
        # Before the first release no verdict is valid.
        number = at.release or 0 if at else None
        self._release_filter = (
            "until IS NULL"
            if number is None
            else f"since <= {number} AND (until IS NULL OR until > {number})"
        )

    def release_number(self) -> int | None:
        """Return the number of the current release."""
        if self._at:
            return self._at.release
        (number,) = self._connection.execute("SELECT max(number) FROM release").fetchone()
        return None if number is None else int(number)

    def find_delay(self) -> str | None:
        """Return what keeps listings out of the next release; None for a point in time."""
        if self._at:
            return None
        pin = "SELECT 1 FROM pin WHERE ended IS NULL AND feed_id IS NULL"
        if self._connection.execute(pin).fetchone():
            return "pinned"
        held = self._connection.execute("SELECT 1 FROM candidate").fetchone()
        return "the gate holds the next release" if held else None

    def find_verdicts(self, values: Iterable[str]) -> list[VerdictRecord]:
        """Return the current verdicts on exactly these values."""
        packed = packed_value_sql("verdict", "wanted.value", _VERDICT_COLUMNS, _WANTED_SQL)
        own = "value IN (SELECT value FROM json_each(:wanted))"
        return self._query_verdicts(own, packed, wanted=_encode_values(values))

    def find_intervals(self, values: Iterable[str]) -> list[VerdictInterval]:
        """Return the verdicts of entries on exactly these values, past ones too."""
        own = "value IN (SELECT value FROM json_each(:wanted))"
        packed = packed_value_sql("verdict", "wanted.value", _VERDICT_COLUMNS, _WANTED_SQL)
        columns = "kind, value, scope, verdict, reason, cause, since, until"
        rows = self._connection.execute(
            f"SELECT value, scope, verdict, cause, since, until FROM (SELECT {columns} FROM "
            f"verdict_row WHERE {own} UNION ALL {packed}) "
            f"WHERE reason = {code_of(Reason.OPERATOR)}",
            {"wanted": _encode_values(values)},
        )
        return [
            VerdictInterval(value, SCOPES[s], VERDICTS[v], cause, since, until)
            for value, s, v, cause, since, until in rows
        ]

    def find_network_verdicts(self, first: str, end: str) -> list[VerdictRecord]:
        """Return the current verdicts on networks whose text is from `first` to before `end`."""
        network = code_of(Kind.IP)
        packed = f"{packed_range_sql('verdict', _VERDICT_COLUMNS)} AND batch.kind = {network}"
        own = f"kind = {network} AND value >= :start AND value < :end"
        return self._query_verdicts(own, packed, start=first, end=end)

    def count_blocked_below(self, name: str) -> int:
        """Return how many names below a name the current release blocks."""
        block = f"kind = {code_of(Kind.DOMAIN)} AND {{}}verdict = {code_of(Verdict.BLOCK)}"
        # The text of a pack is searched first, because that is faster than splitting it.
        sql = (
            "SELECT count(DISTINCT value) FROM (SELECT value FROM verdict_row WHERE until IS NULL "
            f"AND {block.format('')} AND value GLOB :below UNION ALL SELECT member.value FROM "
            "verdict_batch AS batch CROSS JOIN verdict_pack AS pack ON batch_id = batch.id AND "
            "instr(members, :ending) CROSS JOIN json_each(members) AS member "
            f"WHERE batch.{block.format('batch.')} AND member.value GLOB :below "
            f"AND {member_end_sql('verdict')} IS NULL)"
        )
        parameters = {"below": f"*.{name}", "ending": f'.{name}"'}
        (count,) = self._connection.execute(sql, parameters).fetchone()
        return int(count)

    def find_names_between(self, first: str, end: str) -> list[VerdictRecord]:
        """Return current verdicts on names whose text is from `first` to before `end`, a few."""
        name = code_of(Kind.DOMAIN)
        packed = f"{packed_range_sql('verdict', _VERDICT_COLUMNS)} AND batch.kind = {name}"
        own = f"kind = {name} AND value >= :start AND value < :end"
        return self._query_verdicts(own, packed, MAX_NEAR_NAMES, start=first, end=end)

    def find_names_below(self, name: str, limit: int = MAX_NEAR_NAMES) -> list[VerdictRecord]:
        """Return verdicts on names below a name, at most `limit`; every pack is searched."""
        packed = members_ending_sql("verdict", _VERDICT_COLUMNS)
        own = "substr(value, -length(:suffix)) = :suffix"
        return self._query_verdicts(own, packed, limit, suffix=f".{name}")

    def _query_verdicts(
        self, own: str, packed: str, limit: int = -1, **wanted: str
    ) -> list[VerdictRecord]:
        """Return current verdicts: of rows with a condition, and of a query for packed members.

        With a limit, only so many.
        """
        columns = "kind, value, scope, verdict, reason, cause, since, until"
        sql = (
            "SELECT kind, value, scope, verdict, reason, cause FROM "
            f"(SELECT {columns} FROM verdict_row WHERE {own} UNION ALL {packed}) "
            f"WHERE {self._release_filter} ORDER BY value, scope LIMIT {limit}"
        )
        return [
            VerdictRecord(KINDS[k], value, SCOPES[s], VERDICTS[v], REASONS[r], cause)
            for k, value, s, v, r, cause in self._connection.execute(sql, wanted)
        ]

    def find_listings(self, values: Iterable[str]) -> list[Listing]:
        """Return every listing, past ones too, of exactly these values by feeds that block."""
        packed = packed_value_sql("listing", "wanted.value", _LISTING_COLUMNS, _WANTED_SQL)
        own = "value IN (SELECT value FROM json_each(:wanted))"
        return list(self._query_listings(own, packed, wanted=_encode_values(values)))

    def find_page_listings(self, host: str) -> list[Listing]:
        """Return listings of URLs on a host, at most `MAX_PAGE_LISTINGS` a scheme and port.

        Current ones come first, so that they are never left out for ended ones.
        """
        packed = packed_range_sql("listing", _LISTING_COLUMNS)
        listings: list[Listing] = []
        for start, end in _page_ranges(host):
            own = "value >= :start AND value < :end"
            order = "last.id IS NOT NULL, "
            on_host = self._query_listings(own, packed, order, start=start, end=end)
            listings += islice(on_host, MAX_PAGE_LISTINGS)
        return listings

    def find_all_page_listings(self, host: str) -> list[Listing]:
        """Return all current listings of URLs on a host, without a limit."""
        return [
            listing
            for start, end in _page_ranges(host)
            for listing in self.find_listings_between(Kind.URL, start, end)
        ]

    def find_listings_between(self, kind: Kind, first: str, end: str) -> list[Listing]:
        """Return the current listings of a kind whose text is from `first` to before `end`."""
        number = code_of(kind)
        packed = f"{packed_range_sql('listing', _LISTING_COLUMNS)} AND batch.kind = {number}"
        own = f"kind = {number} AND value >= :start AND value < :end"
        listings = self._query_listings(own, packed, start=first, end=end)
        return [listing for listing in listings if listing.until is None]

    def feeds_with_pages(self, host: str) -> set[str]:
        """Return all feeds that list a URL on a host now."""
        sql = (
            "SELECT name FROM feed WHERE guard IS NULL AND (EXISTS (SELECT 1 FROM listing_row "
            "WHERE feed_id = feed.id AND until IS NULL AND value >= :start AND value < :end) "
            f"OR EXISTS ({packed_range_sql('listing', '1')} AND batch.feed_id = feed.id "
            f"AND {member_end_sql('listing')} IS NULL))"
        )
        return {
            name
            for start, end in _page_ranges(host)
            for (name,) in self._connection.execute(sql, {"start": start, "end": end})
        }

    def find_listed_suffixes(self, names: Collection[str]) -> set[str]:
        """Return the names that are public suffixes by the rules of a guard feed.

        All names are looked up in one pass over the listings.
        """
        rule, wildcard, exception = map(code_of, (Scope.EXACT, Scope.BELOW, Scope.SUBTREE))
        sql = (
            "SELECT value, scope FROM listing WHERE until IS NULL AND feed_id IN "
            "(SELECT id FROM feed WHERE guard = ?) AND value IN (SELECT value FROM json_each(?))"
        )
        parents = {name: name.partition(".")[2] for name in names}
        wanted = _encode_values([*parents, *parents.values()])
        found = set(self._connection.execute(sql, [GuardClass.PUBLIC_SUFFIX, wanted]))
        return {
            name
            for name, parent in parents.items()
            if (name, rule) in found
            or ((parent, wildcard) in found and (name, exception) not in found)
        }

    def feed_weights(self) -> list[FeedWeight]:
        """Return the feed weights of the last judging; none for a point in time."""
        return [] if self._at else load_feed_weights(self._connection)

    def _query_listings(
        self, own: str, packed: str, order: str = "", **wanted: str
    ) -> Iterator[Listing]:
        """Yield listings by blocking feeds: of rows with a condition, and of a query."""
        rows = (
            "SELECT feed_id, value, scope, since, until, evidence FROM feed "
            f"CROSS JOIN listing_row ON feed_id = feed.id WHERE {own} UNION ALL {packed}"
        )
        # At a point in time later listings did not exist, and later ends had not happened.
        run = self._at.run if self._at else None
        begun, ended = ("TRUE", "TRUE") if run is None else (f"since <= {run}", f"until <= {run}")
        listings = self._connection.execute(
            "SELECT feed.name, value, scope, first.started, last.started, "
            f"coalesce(evidence, value) FROM ({rows}) JOIN feed ON feed.id = feed_id "
            "JOIN run AS first ON first.id = since "
            f"LEFT JOIN run AS last ON last.id = until AND {ended} "
            f"WHERE feed.guard IS NULL AND {begun} ORDER BY {order}feed_id, value, scope, since",
            wanted,
        )
        for feed, value, scope, since, until, evidence in listings:
            yield Listing(feed, value, SCOPES[scope], since, until, evidence)

    def find_facts(self, name: str) -> dict[str, object]:
        """Return the DNS facts of a name or address; empty for a point in time: none are stored."""
        return {} if self._at else self._facts.find(name)


def _encode_values(values: Iterable[str]) -> str:
    # SQLite ends a text at a NUL, which no stored value contains.
    return json.dumps([value for value in dict.fromkeys(values) if "\0" not in value])


def _page_ranges(host: str) -> list[tuple[str, str]]:
    """Return the ranges of text that contain the URLs on a host."""
    shown = f"[{host}]" if ":" in host else host
    return [
        (f"{scheme}://{shown}{mark}", f"{scheme}://{shown}{end}")
        for scheme in ("http", "https")
        for mark, end in (("/", "0"), (":", ";"))
    ]
