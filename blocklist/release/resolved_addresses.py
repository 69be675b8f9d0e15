"""Block addresses behind blocked names: DNS observations -> listings of the `resolved` feed.

These listings are treated like those of any feed, so history, guards, `check` and operator entries
apply to them. They end when their observations expire.
"""

import logging
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from blocklist.config.feeds import RESOLVED_FEED
from blocklist.config.loader import Config
from blocklist.frames.schemas import INDICATORS, KIND, SCOPE
from blocklist.judge.guards import load_public_suffixes
from blocklist.ledger.db.timestamps import format_timestamp
from blocklist.ledger.db.transaction import Transaction, read_transaction
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.dns.addresses import load_live_addresses, save_addresses
from blocklist.ledger.feeds.listings import accept_snapshot, load_listings
from blocklist.ledger.feeds.records import register_feed
from blocklist.ledger.releases.last_judged import has_expired_address
from blocklist.ledger.releases.verdicts import current_verdicts
from blocklist.model import Kind, Scope, Verdict
from blocklist.release.judging import load_guard_lists
from blocklist.resolve.dedicated_addresses import AddressObservations, classify_addresses
from blocklist.resolve.passive_dns import read_passive_dns

logger = logging.getLogger(__name__)

_TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def refresh_resolved_addresses(config: Config, writer: LedgerWriter) -> Counter[str]:
    """List the addresses that are dedicated now; return how many are blocked and how many spared.

    The keys of the result are words for a person. Raise `StorageError` if the user's own passive
    DNS data cannot be read; then no further address is blocked.
    """
    now = datetime.now(UTC)
    since = now - timedelta(days=config.resolve.address_days)
    passive = read_passive_dns(map(Path, config.resolve.passive))
    with read_transaction(writer.database) as transaction:
        guard_lists = load_guard_lists(config, transaction)
        guard_entries = guard_lists.entries
        guarded_names = pl.concat(
            [
                guard_entries.filter(pl.col("kind") == Kind.DOMAIN.value)["value"],
                guard_lists.ranks["value"],
            ]
        )
        observations = _load_observations(
            config, transaction, format_timestamp(since), passive, guarded_names
        )
    guard_entries = guard_entries.filter(pl.col("kind") == Kind.IP.value).select("value", "source")
    addresses = classify_addresses(observations, guard_entries, config.resolve.dedicated)
    with writer.transaction() as transaction:
        save_addresses(transaction, addresses)
    blocked = addresses.filter(pl.col("reason").is_null())
    _record_listings(writer, blocked)
    counts = Counter(blocked=blocked.height, spared=addresses.height - blocked.height)
    logger.info("addresses behind blocked names: %(blocked)d blocked, %(spared)d spared", counts)
    return counts


def expire_resolved_addresses(config: Config, writer: LedgerWriter) -> None:
    """Refresh the listings of addresses if any observation has expired."""
    now = format_timestamp(datetime.now(UTC))
    with read_transaction(writer.database) as transaction:
        has_expired = has_expired_address(transaction.connection, now)
    if has_expired:
        logger.info("addresses behind blocked names: some observations have expired")
        refresh_resolved_addresses(config, writer)


def _load_observations(
    config: Config,
    transaction: Transaction,
    since: str,
    passive: pl.DataFrame,
    guarded_names: pl.Series,
) -> AddressObservations:
    """Return where blocked names and all other names were observed since a time.

    A name in the domain of a blocked name does not count for its address in either way, unless the
    name itself is held or allowed. A name that is held, allowed or guarded counts where it was last
    observed, at any time, because its next lookup may be late.
    """
    verdicts = current_verdicts(transaction).filter(pl.col("kind") == Kind.DOMAIN.value)
    blocked_names = verdicts.filter(pl.col("verdict") == Verdict.BLOCK.value)["value"].unique()
    kept_verdicts = verdicts.filter(
        pl.col("verdict").is_in([Verdict.HOLD.value, Verdict.ALLOW.value])
    )
    observations = load_live_addresses(transaction)
    suffixes = load_public_suffixes()
    passive_rows = passive.with_columns(
        domain=suffixes.registrable_domains(passive["name"]).fill_null(passive["name"]),
        checked=pl.lit(None, pl.String),
    )
    observations_and_passive = pl.concat([observations, passive_rows.select(observations.columns)])
    is_spared = pl.col("name").is_in(kept_verdicts["value"].implode())
    is_blocked = pl.col("name").is_in(blocked_names.implode()) & ~is_spared
    # The user's own passive DNS data has no time and counts as current.
    is_recent = (pl.col("checked") >= since).fill_null(value=True)
    blocked = observations_and_passive.filter(
        is_blocked & is_recent & pl.col("checked").is_not_null()
    )
    days = pl.duration(days=config.resolve.address_days)
    until = (pl.col("checked").str.to_datetime(_TIME_FORMAT) + days).dt.strftime(_TIME_FORMAT)
    blocked_domains = observations_and_passive.filter(is_blocked & is_recent)["domain"].unique()
    is_same_domain = pl.col("domain").is_in(blocked_domains.implode())
    is_counted = pl.col("name").is_in(guarded_names.implode()) | is_recent
    others = observations_and_passive.filter(
        is_spared | (is_counted & ~(is_blocked | is_same_domain))
    )
    return AddressObservations(blocked.with_columns(until=until), others.select("address", "name"))


def _record_listings(writer: LedgerWriter, blocked: pl.DataFrame) -> None:
    feed = register_feed(writer, RESOLVED_FEED)
    if feed.pinned:  # nothing is added, but listings may end
        with read_transaction(writer.database) as transaction:
            listings = load_listings(transaction, [RESOLVED_FEED.name])
        blocked = blocked.join(listings, on="value", how="semi")
    rows = blocked.select(
        kind=pl.lit(Kind.IP.value, KIND),
        value="value",
        scope=pl.lit(Scope.EXACT.value, SCOPE),
        evidence="evidence",
        line=pl.lit(0, pl.UInt32),
    ).match_to_schema(INDICATORS)
    report = {"lines": rows.height, "accepted": rows.height, "comments": 0, "refused": {}}
    accept_snapshot(writer, feed, rows, RESOLVED_FEED.name, report)
