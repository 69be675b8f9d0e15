"""Plan a survey: configuration and ledger -> due names, resolvers, limits and rules."""

from datetime import UTC, datetime

import polars as pl

from blocklist.config.loader import Config
from blocklist.ledger.db.transaction import Transaction, read_transaction
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.dns.facts import filter_due_names, select_due_names
from blocklist.ledger.feeds.listings import load_listings
from blocklist.ledger.feeds.ranks import load_ranks
from blocklist.model import GuardClass, Kind
from blocklist.resolve.dns.servers import select_resolvers
from blocklist.resolve.dns.upstream import QueryLimits
from blocklist.resolve.liveness import MAX_DUE_AHEAD, DeadDomainRule
from blocklist.resolve.survey import SurveySettings

#: Later ranks of a top list are not resolved: a million questions a day serve few names.
_LAST_RESOLVED_RANK = 100_000


def select_names_to_resolve(config: Config, writer: LedgerWriter, limit: int) -> list[str]:
    """Return the names that are due, at most `limit`: new ones first, then the longest due.

    Blocked and held names come first. Names of guard lists are resolved only if addresses are to be
    blocked, so that no address of a guarded name is blocked.
    """
    now = datetime.now(UTC)
    with read_transaction(writer.database) as transaction:
        names = select_due_names(transaction, now, now + MAX_DUE_AHEAD)
        if config.resolve.addresses and len(names) < limit:
            guarded_names = _load_guarded_names(config, transaction)
            names = names.append(
                filter_due_names(transaction, guarded_names, now, now + MAX_DUE_AHEAD)
            )
    return names.unique(maintain_order=True).head(limit).to_list()


def _load_guarded_names(config: Config, transaction: Transaction) -> pl.Series:
    """Return the names of guard lists; of ranked ones the first ranks, and no public suffixes."""
    guards = [guard for guard in config.guards.values() if guard.enabled]
    ranked = [guard.name for guard in guards if guard.has_ranks]
    others = [
        guard.name
        for guard in guards
        if guard.guard is not GuardClass.PUBLIC_SUFFIX and not guard.has_ranks
    ]
    listings = load_listings(transaction, others).filter(pl.col("kind") == Kind.DOMAIN.value)
    ranks = load_ranks(transaction, ranked).filter(pl.col("rank") <= _LAST_RESOLVED_RANK)
    return listings["value"].append(ranks["value"])


def load_survey_settings(config: Config, resolvers: list[str]) -> SurveySettings:
    """Return the settings; `resolvers`, if given, replace the configured ones."""
    settings = config.resolve
    canaries = {export.canary for export in config.exports.values() if export.canary}
    return SurveySettings(
        resolvers=select_resolvers(resolvers or settings.servers),
        limits=QueryLimits(settings.window, settings.rate, settings.timeout, settings.tries),
        rule=DeadDomainRule(settings.looks, settings.days),
        canaries=tuple(sorted(canaries)),
    )
