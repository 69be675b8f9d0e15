"""Block addresses behind blocked names: DNS observations -> listings of the `resolved` feed.

These listings are treated like those of any feed, so history, guards, `check` and operator entries
apply to them. They end when their observations expire.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from blocklist.config.feeds import RESOLVED_FEED
from blocklist.config.loader import Config
from blocklist.frames.schemas import INDICATORS, KIND, SCOPE
from blocklist.judge.guards import load_public_suffixes
from blocklist.ledger.db.bulk import BulkTransaction
from blocklist.ledger.db.timestamps import format_timestamp
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.dns.addresses import load_live_addresses, save_addresses
from blocklist.ledger.feeds.listings import accept_snapshot, load_listings
from blocklist.ledger.releases.last_judged import has_expired_address
from blocklist.ledger.releases.verdicts import current_verdicts
from blocklist.model import Kind, Scope, Verdict
from blocklist.release.judging import load_guard_entries
from blocklist.resolve.dedicated_addresses import AddressObservations, classify_addresses
from blocklist.resolve.passive_dns import read_passive_dns

_TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def refresh_resolved_addresses(config: Config, book: LedgerWriter) -> Counter[str]:
    """List the addresses that are dedicated now; return how many are, and how many are not.

    The words of the result are for a person. Raise `UsageError` when the user's own passive data
    cannot be read: without it nothing is blocked that was not blocked before.
    """
    now = datetime.now(UTC)
    since = now - timedelta(days=config.resolve.address_days)
    known = read_passive_dns(map(Path, config.resolve.passive))
    with BulkTransaction(book.database) as bulk:
        guarded = load_guard_entries(config, bulk)
        names = guarded.filter(pl.col("kind") == Kind.DOMAIN.value)["value"]
        seen = _load_observations(config, bulk, format_timestamp(since), known, names)
    guarded = guarded.filter(pl.col("kind") == Kind.IP.value).select("value", "source")
    found = classify_addresses(seen, guarded, config.resolve.dedicated)
    with BulkTransaction(book.database) as bulk:
        save_addresses(bulk, found)
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
    verdicts = current_verdicts(bulk).filter(pl.col("kind") == Kind.DOMAIN.value)
    blocks = verdicts.filter(pl.col("verdict") == Verdict.BLOCK.value)["value"].unique()
    spared = verdicts.filter(pl.col("verdict").is_in([Verdict.HOLD.value, Verdict.ALLOW.value]))
    seen = load_live_addresses(bulk)
    suffixes = load_public_suffixes()
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
            known = load_listings(bulk, [RESOLVED_FEED.name])
        blocked = blocked.join(known, on="value", how="semi")
    rows = blocked.select(
        kind=pl.lit(Kind.IP.value, KIND),
        value="value",
        scope=pl.lit(Scope.EXACT.value, SCOPE),
        evidence="evidence",
        line=pl.lit(0, pl.UInt32),
    ).match_to_schema(INDICATORS)
    account = {"lines": rows.height, "accepted": rows.height, "comments": 0, "refused": {}}
    accept_snapshot(book, feed, rows, RESOLVED_FEED.name, account)
