"""Addresses that are blocked for the names on them: listings of a feed that the program keeps.

Its listings are like any other feed's, so history, guards, `check` and operators' entries treat
them alike. They end when what they rest on was not seen lately.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from blocklist.catalogue import RESOLVED_FEED
from blocklist.columns.schema import INDICATORS, KIND, SCOPE
from blocklist.config import Config
from blocklist.judge import guards
from blocklist.ledger import addresses, listings, releases
from blocklist.ledger.book import LedgerWriter
from blocklist.ledger.bulk import BulkTransaction
from blocklist.ledger.judged import has_expired_address
from blocklist.ledger.times import format_timestamp
from blocklist.model import Kind, Scope, Verdict
from blocklist.release.guarding import load_guard_entries
from blocklist.resolve import passive
from blocklist.resolve.dedicated import AddressObservations, classify_addresses

_TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def refresh_resolved_addresses(config: Config, book: LedgerWriter) -> Counter[str]:
    """List the addresses that are dedicated now; return how many are, and how many are not.

    The words of the result are for a person. Raise `UsageError` when the user's own passive data
    cannot be read: without it nothing is blocked that was not blocked before.
    """
    now = datetime.now(UTC)
    since = now - timedelta(days=config.resolve.address_days)
    known = passive.read_passive_dns(map(Path, config.resolve.passive))
    with BulkTransaction(book.database) as bulk:
        guarded = load_guard_entries(config, bulk)
        names = guarded.filter(pl.col("kind") == Kind.DOMAIN.value)["value"]
        seen = _load_observations(config, bulk, format_timestamp(since), known, names)
    guarded = guarded.filter(pl.col("kind") == Kind.IP.value).select("value", "source")
    found = classify_addresses(seen, guarded, config.resolve.dedicated)
    with BulkTransaction(book.database) as bulk:
        addresses.save_addresses(bulk, found)
    blocked = found.filter(pl.col("reason").is_null())
    _record_listings(book, blocked)
    return Counter(blocked=blocked.height, spared=found.height - blocked.height)


def expire_resolved_addresses(config: Config, book: LedgerWriter) -> None:
    """End what was not seen lately; looks at the addresses anew only when something ends."""
    with book.open_connection() as db:
        late = has_expired_address(db, format_timestamp(datetime.now(UTC)))
    if late:
        refresh_resolved_addresses(config, book)


def _load_observations(
    config: Config, bulk: BulkTransaction, since: str, known: pl.DataFrame, guarded: pl.Series
) -> AddressObservations:
    """Return where blocked names and all others were seen since a time.

    A name in the domain of a blocked one speaks neither for nor against its address, unless it is
    itself held or allowed. A name that is held, allowed or guarded is taken to be where it was
    seen last, for its turn to be looked at may come late.
    """
    verdicts = releases.current_verdicts(bulk).filter(pl.col("kind") == Kind.DOMAIN.value)
    blocks = verdicts.filter(pl.col("verdict") == Verdict.BLOCK.value)["value"].unique()
    spared = verdicts.filter(pl.col("verdict").is_in([Verdict.HOLD.value, Verdict.ALLOW.value]))
    seen = addresses.load_live_addresses(bulk)
    suffixes = guards.load_public_suffixes()
    passive_rows = known.with_columns(
        domain=suffixes.registrable_domains(known["name"]).fill_null(known["name"]),
        checked=pl.lit(None, pl.String),
    )
    every = pl.concat([seen, passive_rows.select(seen.columns)])
    is_spared = pl.col("name").is_in(spared["value"].implode())
    is_blocked = pl.col("name").is_in(blocks.implode()) & ~is_spared
    # The user's own passive data has no time, and is of now.
    fresh = (pl.col("checked") >= since).fill_null(value=True)
    blocked = every.filter(is_blocked & fresh & pl.col("checked").is_not_null())
    days = pl.duration(days=config.resolve.address_days)
    until = (pl.col("checked").str.to_datetime(_TIME_FORMAT) + days).dt.strftime(_TIME_FORMAT)
    domains = every.filter(is_blocked & fresh)["domain"].unique()
    theirs = pl.col("domain").is_in(domains.implode())
    stays = pl.col("name").is_in(guarded.implode()) | fresh
    others = every.filter(is_spared | (stays & ~(is_blocked | theirs)))
    return AddressObservations(blocked.with_columns(until=until), others.select("address", "name"))


def _record_listings(book: LedgerWriter, blocked: pl.DataFrame) -> None:
    feed = book.register_feed(RESOLVED_FEED)
    if feed.pinned:  # nothing comes, but what is no longer so ends
        with BulkTransaction(book.database) as bulk:
            known = listings.load_listings(bulk, [RESOLVED_FEED.name])
        blocked = blocked.join(known, on="value", how="semi")
    rows = blocked.select(
        kind=pl.lit(Kind.IP.value, KIND),
        value="value",
        scope=pl.lit(Scope.EXACT.value, SCOPE),
        evidence="evidence",
        line=pl.lit(0, pl.UInt32),
    ).match_to_schema(INDICATORS)
    account = {"lines": rows.height, "accepted": rows.height, "comments": 0, "refused": {}}
    listings.accept_snapshot(book, feed, rows, RESOLVED_FEED.name, account)
