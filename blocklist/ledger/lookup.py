"""Look up single values: value -> verdicts, listings, facts; sqlite3 only, for `check`."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from blocklist.indicators.names import name_and_ancestors
from blocklist.ledger.db.connection import schema_version
from blocklist.ledger.feeds.weights import load_feed_weights
from blocklist.ledger.point_in_time import PointInTime
from blocklist.ledger.temporal.pack_sql import (
    has_packs,
    member_end_sql,
    packed_range_sql,
    packed_value_sql,
    row_table_sql,
)
from blocklist.model import FeedWeight, Kind, Listing, Liveness, Reason, Scope, Verdict

_KINDS = list(Kind)
_SCOPES = list(Scope)
_VERDICTS = list(Verdict)
_REASONS = list(Reason)
#: The version of the database that first knew what facts are made of now.
_FACTS_VERSION, _ADDRESSES_VERSION = 4, 6
_WANTED_SQL = "json_each(:wanted) AS wanted CROSS JOIN"
# The columns of what is packed, as a row has them.
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


class LedgerLookup:
    """Questions about single values, answered from an open ledger, as of now or of a moment."""

    max_page_listings = MAX_PAGE_LISTINGS

    def __init__(self, connection: sqlite3.Connection, at: PointInTime | None = None) -> None:
        self._connection = connection
        self._moment = at
        # Where there was no release yet, no verdict holds.
        number = at.release or 0 if at else None
        self._release_filter = (
            "until IS NULL"
            if number is None
            else f"since <= {number} AND (until IS NULL OR until > {number})"
        )

        self._listing_table, self._has_packs = (
            row_table_sql(connection, "listing"),
            has_packs(connection),
        )
        self._verdict_table = row_table_sql(connection, "verdict")

    def release_number(self) -> int | None:
        """Return the number of the release in force."""
        if self._moment:
            return self._moment.release
        (number,) = self._connection.execute("SELECT max(number) FROM release").fetchone()
        return None if number is None else int(number)

    def find_verdicts(self, values: Iterable[str]) -> list[VerdictRecord]:
        """Return the verdicts in force on exactly these values."""
        packed = packed_value_sql("verdict", "wanted.value", _VERDICT_COLUMNS, _WANTED_SQL)
        own = "value IN (SELECT value FROM json_each(:wanted))"
        return self._query_verdicts(own, packed, wanted=_encode_values(values))

    def find_network_verdicts(self, first: str, end: str) -> list[VerdictRecord]:
        """Return the verdicts in force on networks whose text is from `first` up to `end`."""
        network = _KINDS.index(Kind.IP)
        packed = f"{packed_range_sql('verdict', _VERDICT_COLUMNS)} AND batch.kind = {network}"
        own = f"kind = {network} AND value >= :start AND value < :end"
        return self._query_verdicts(own, packed, start=first, end=end)

    def _query_verdicts(self, own: str, packed: str, **wanted: str) -> list[VerdictRecord]:
        """Return verdicts in force: of rows on a condition, and of a query for packed ones."""
        columns = "kind, value, scope, verdict, reason, cause, since, until"
        every = f"SELECT {columns} FROM {self._verdict_table} WHERE {own}"
        if has_packs(self._connection):
            every += f" UNION ALL {packed}"
        sql = (
            f"SELECT kind, value, scope, verdict, reason, cause FROM ({every}) "
            f"WHERE {self._release_filter} ORDER BY value, scope"
        )
        return [
            VerdictRecord(_KINDS[k], value, _SCOPES[s], _VERDICTS[v], _REASONS[r], cause)
            for k, value, s, v, r, cause in self._connection.execute(sql, wanted)
        ]

    def find_listings(self, values: Iterable[str]) -> list[Listing]:
        """Return every listing, past ones too, of exactly these values by feeds that block."""
        packed = packed_value_sql("listing", "wanted.value", _LISTING_COLUMNS, _WANTED_SQL)
        own = "value IN (SELECT value FROM json_each(:wanted))"
        return list(self._query_listings(own, packed, wanted=_encode_values(values)))

    def find_page_listings(self, host: str) -> list[Listing]:
        """Return listings of URLs on a host, at most `MOST_PAGES` for each scheme and port.

        Those that have not ended come first, so that many that have cannot crowd them out.
        """
        packed = packed_range_sql("listing", _LISTING_COLUMNS)
        found: list[Listing] = []
        for start, end in _page_ranges(host):
            own = "value >= :start AND value < :end"
            some = self._query_listings(own, packed, "last.id IS NOT NULL, ", start=start, end=end)
            found += islice(some, MAX_PAGE_LISTINGS)
        return found

    def feeds_with_pages(self, host: str) -> set[str]:
        """Return all feeds that list a URL on a host now."""
        listed = (
            f"EXISTS (SELECT 1 FROM {self._listing_table} WHERE feed_id = feed.id "
            "AND until IS NULL AND value >= :start AND value < :end)"
        )
        if self._has_packs:
            still = f"{member_end_sql('listing')} IS NULL AND batch.feed_id = feed.id"
            listed += f" OR EXISTS ({packed_range_sql('listing', '1')} AND {still})"
        sql = f"SELECT name FROM feed WHERE guard IS NULL AND ({listed})"
        return {
            name
            for start, end in _page_ranges(host)
            for (name,) in self._connection.execute(sql, {"start": start, "end": end})
        }

    def feed_weights(self) -> list[FeedWeight]:
        """Return how the feeds counted when listings were judged last, but not of a moment."""
        return [] if self._moment else load_feed_weights(self._connection)

    def _query_listings(
        self, own: str, packed: str, order: str = "", **wanted: str
    ) -> Iterator[Listing]:
        """Yield listings by feeds that block: of rows on a condition, and of a query for packed."""
        every = (
            "SELECT feed_id, value, scope, since, until, evidence FROM feed "
            f"CROSS JOIN {self._listing_table} ON feed_id = feed.id WHERE {own}"
        )
        if self._has_packs:
            every += f" UNION ALL {packed}"
        # Of a moment, what had not begun is not known, and what had not ended has no end.
        run = self._moment.run if self._moment else None
        begun, ended = ("TRUE", "TRUE") if run is None else (f"since <= {run}", f"until <= {run}")
        found = self._connection.execute(
            "SELECT feed.name, value, scope, first.started, last.started, "
            f"coalesce(evidence, value) FROM ({every}) JOIN feed ON feed.id = feed_id "
            "JOIN run AS first ON first.id = since "
            f"LEFT JOIN run AS last ON last.id = until AND {ended} "
            f"WHERE feed.guard IS NULL AND {begun} ORDER BY {order}feed_id, value, scope, since",
            wanted,
        )
        for feed, value, scope, since, until, evidence in found:
            yield Listing(feed, value, _SCOPES[scope], since, until, evidence)

    def find_facts(self, name: str) -> dict[str, object]:
        """Return what resolving a name gave, empty when it was never resolved.

        A name that was not looked at itself is dead when its domain is. What it gave at a moment of
        the past is not kept.
        """
        if self._moment or not self._has_facts:
            return {}
        if name[-1].isdigit() or ":" in name:
            return self._find_address_facts(name)
        sql = (
            "SELECT name, domain, state, since, answer, addresses, checked FROM fact "
            "WHERE name IN (SELECT value FROM json_each(?))"
        )
        above = list(name_and_ancestors(name))
        rows = {row[0]: row[1:] for row in self._connection.execute(sql, [json.dumps(above)])}
        own = rows.get(name)
        domain = own[0] if own else next((up for up in above if rows.get(up, [""])[0] == up), "")
        decisive = rows.get(domain)
        dead = decisive is not None and decisive[1] == Liveness.DEAD
        seen = own or (decisive if dead else None)
        if seen is None:
            return {}
        _, state, since, answer, addresses, checked = seen
        if decisive is not None and dead:
            state, since = decisive[1:3]
        return {
            "state": state,
            "since": since,
            "domain": domain,
            "answer": answer,
            "addresses": json.loads(addresses),
            "checked": checked,
        }

    @cached_property
    def _has_facts(self) -> bool:
        if schema_version(self._connection) < _FACTS_VERSION:
            return False
        (some,) = self._connection.execute("SELECT EXISTS (SELECT 1 FROM fact)").fetchone()
        return bool(some)

    def _find_address_facts(self, value: str) -> dict[str, object]:
        """Return which blocked domains were seen at an address, and why it is not blocked so."""
        if schema_version(self._connection) < _ADDRESSES_VERSION:
            return {}
        sql = "SELECT domains, evidence, until, reason FROM address WHERE value = ?"
        row = self._connection.execute(sql, [value]).fetchone()
        if row is None:
            return {}
        return dict(zip(("domains", "evidence", "until", "not_blocked"), row, strict=True))


def _encode_values(values: Iterable[str]) -> str:
    # SQLite ends a text at a NUL, which no value has.
    return json.dumps([value for value in dict.fromkeys(values) if "\0" not in value])


def _page_ranges(host: str) -> list[tuple[str, str]]:
    """Return between which texts the URLs on a host stand."""
    shown = f"[{host}]" if ":" in host else host
    return [
        (f"{scheme}://{shown}{mark}", f"{scheme}://{shown}{end}")
        for scheme in ("http", "https")
        for mark, end in (("/", "0"), (":", ";"))
    ]
