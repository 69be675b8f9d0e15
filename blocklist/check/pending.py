"""Find what is decided about a query and not in the release yet: answer -> pending entry."""

from collections.abc import Iterable, Sequence

from blocklist.indicators.names import name_and_ancestors
from blocklist.indicators.networks import network_and_supernets, parse_network
from blocklist.indicators.urls import parse_url
from blocklist.ledger.operator.pending import PendingChange
from blocklist.model import Indicator, Kind, Match, Reason


def find_pending(
    asked: Indicator, match: Match | None, reason: Reason, changes: Sequence[PendingChange]
) -> PendingChange | None:
    """Return the pending entry that will decide about a query; None if there is none.

    `match` and `reason` are those of the answer: an entry in force that is more specific stays.
    """
    if not changes:
        return None
    steps = {value: step for step, value in enumerate(_list_covering_values(asked))}
    covering = [change for change in changes if _covers(change, asked, steps)]
    nearest = min(covering, key=lambda change: steps[change.value], default=None)
    if nearest is None:
        return None
    is_entry = reason is Reason.OPERATOR and match is not None
    if not nearest.begins:  # its end matters only where it decides now
        return nearest if is_entry else None
    if is_entry and match and steps.get(match.indicator, len(steps)) < steps[nearest.value]:
        return None
    return nearest


def _covers(change: PendingChange, asked: Indicator, steps: dict[str, int]) -> bool:
    step = steps.get(change.value)
    if step is None:
        return False
    if change.kind is not Kind.DOMAIN:
        return True
    # The host of a URL is a name itself.
    is_same = step == 0 or (asked.kind is Kind.URL and step == 1)
    return change.scope.covers_self if is_same else change.scope.covers_below


def _list_covering_values(asked: Indicator) -> Iterable[str]:
    if asked.kind is Kind.URL:
        url = parse_url(asked.value)
        return asked.value, *_list_covering_values(Indicator(url.host_kind, url.host))
    if asked.kind is Kind.DOMAIN:
        return name_and_ancestors(asked.value)
    return network_and_supernets(parse_network(asked.value))
