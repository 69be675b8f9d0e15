"""Select the names to look up next: configuration and ledger -> names that are due."""

from datetime import UTC, datetime

import polars as pl

from blocklist.config.loader import Config
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.dns.facts import filter_due_names, select_due_names
from blocklist.ledger.feeds.listings import load_listings
from blocklist.model import Kind
from blocklist.resolve.dns.servers import select_resolvers
from blocklist.resolve.dns.upstream import QueryLimits
from blocklist.resolve.liveness import MAX_DUE_AHEAD, DeadDomainRule
from blocklist.resolve.survey import SurveySettings


def select_names_to_resolve(config: Config, book: LedgerWriter, limit: int) -> list[str]:
    """Return names that are due, at most `limit`: those never seen first, then the longest due.

    Blocked and held names come before those of guard lists, which are looked at only where
    addresses are to be blocked, that none is which they are on.
    """
    now = datetime.now(UTC)
    with read_transaction(book.database) as bulk:
        found = select_due_names(bulk, now, now + MAX_DUE_AHEAD)
        if config.resolve.addresses and len(found) < limit:
            guarded = load_listings(bulk, [g.name for g in config.guards.values() if g.enabled])
            names = guarded.filter(pl.col("kind") == Kind.DOMAIN.value)["value"]
            found = found.append(filter_due_names(bulk, names, now, now + MAX_DUE_AHEAD))
    return found.unique(maintain_order=True).head(limit).to_list()


def load_survey_settings(config: Config, given: list[str]) -> SurveySettings:
    """Return the settings; resolvers that are `given` take the place of the configured ones."""
    said = config.resolve
    canaries = {export.canary for export in config.exports.values() if export.canary}
    return SurveySettings(
        resolvers=select_resolvers(given or said.servers),
        limits=QueryLimits(said.window, said.rate, said.timeout, said.tries),
        rule=DeadDomainRule(said.looks, said.days),
        canaries=tuple(sorted(canaries)),
    )
