"""Explain listings that the release does not have yet: listings, ledger -> cause of the answer."""

from collections.abc import Iterable, Mapping

from blocklist.ledger.lookup import LedgerLookup
from blocklist.model import Indicator, Kind, Listing, Scope


def has_unreleased(
    asked: Indicator, steps: Mapping[str, int], listings: Iterable[Listing], judged: Iterable[str]
) -> bool:
    """Return whether a feed lists the query now, and the release has no verdict on that listing.

    `steps` are the values that cover the query, with their distance; `judged` those with a verdict.
    """
    unjudged = {value: step for value, step in steps.items() if value not in set(judged)}
    return any(
        listing.until is None
        and listing.indicator in unjudged
        and _covers(asked.kind, listing.scope, unjudged[listing.indicator])
        for listing in listings
    )


def _covers(kind: Kind, scope: Scope, step: int) -> bool:
    if kind is not Kind.DOMAIN:
        return True
    return scope.covers_self if step == 0 else scope.covers_below


def explain_absence(lookup: LedgerLookup) -> str:
    """Return why a listing has no verdict: the cause of the answer `clear`, `unlisted`."""
    release = lookup.release_number()
    if release is None:
        return "listed, but there was no release"
    delay = lookup.find_delay()
    return f"listed, not in release {release}" + (f" ({delay})" if delay else "")
