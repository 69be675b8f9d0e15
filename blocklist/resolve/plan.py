"""Plan a survey: configuration and ledger -> due names, resolvers, limits and rules."""

from datetime import UTC, datetime

import polars as pl

from blocklist.config.feeds import Feed
from blocklist.config.loader import Config
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.dns.facts import filter_due_names, select_due_names
from blocklist.ledger.feeds.listings import load_listings
from blocklist.model import GuardClass, Kind
from blocklist.resolve.dns.servers import select_resolvers
from blocklist.resolve.dns.upstream import QueryLimits
from blocklist.resolve.liveness import MAX_DUE_AHEAD, DeadDomainRule
from blocklist.resolve.survey import SurveySettings


def select_names_to_resolve(config: Config, writer: LedgerWriter, limit: int) -> list[str]:
    """Return the names that are due, at most `limit`: new ones first, then the longest due.

    Blocked and held names come first. Names of guard lists are resolved only if addresses are to be
    blocked, so that no address of a guarded name is blocked.
    """
    now = datetime.now(UTC)
    with read_transaction(writer.database) as transaction:
        names = select_due_names(transaction, now, now + MAX_DUE_AHEAD)
        if config.resolve.addresses and len(names) < limit:
            guards = [guard.name for guard in config.guards.values() if _is_resolved(guard)]
            guard_listings = load_listings(transaction, guards)
            guarded_names = guard_listings.filter(pl.col("kind") == Kind.DOMAIN.value)["value"]
            names = names.append(
                filter_due_names(transaction, guarded_names, now, now + MAX_DUE_AHEAD)
            )
    return names.unique(maintain_order=True).head(limit).to_list()


def _is_resolved(guard: Feed) -> bool:
    """Return whether the names of a guard are resolved; a public suffix has no servers."""
    return guard.enabled and guard.guard is not GuardClass.PUBLIC_SUFFIX


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
