"""Renew groups of shared networks: group source, old group -> new group, or the old one and why."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_network

from blocklist.config.sections import CollectConfig
from blocklist.fetch.types import FetchError
from blocklist.indicators.networks import network_and_supernets
from blocklist.judge.builtin_lists import BuiltinGroup
from tests.support.floors.pages import LIMITS, PageRefused, read_networks
from tests.support.floors.sources import UNKNOWN, GroupSource

#: A group whose networks or addresses grow by more than this factor is refused.
MAX_GROWTH = 10


@dataclass(frozen=True)
class Renewal:
    """The result for one group; `group` is the old one if `refusal` has a text."""

    title: str
    group: BuiltinGroup | None
    added: list[str]
    removed: list[str]
    refusal: str = ""


def renew_group(
    source: GroupSource, old: BuiltinGroup | None, today: str, limits: CollectConfig = LIMITS
) -> Renewal:
    """Return the renewed group, or the old one with the reason of the refusal."""
    try:
        networks = read_networks(source, limits)
        _check_change(source, old, networks)
    except (FetchError, PageRefused) as error:
        return Renewal(source.title, old, [], [], str(error))
    before = old.networks if old else ()
    group = BuiltinGroup(
        title=source.title,
        kind=source.kind,
        why=source.why,
        source=source.source,
        date=_find_date(source, today),
        networks=tuple(networks),
    )
    removed = [text for text in before if text not in set(networks)]
    added = [text for text in networks if text not in set(before)]
    return Renewal(source.title, group, added, removed)


def _find_date(source: GroupSource, today: str) -> str:
    """Return the oldest date of a group's parts."""
    dates = [source.date] * bool(source.networks) + [today] * bool(source.pages)
    return UNKNOWN if UNKNOWN in dates else min(dates)


def _check_change(source: GroupSource, old: BuiltinGroup | None, networks: list[str]) -> None:
    """Raise `PageRefused` if pages lose or gain too much at once; a person may do so by hand."""
    if not networks:
        raise PageRefused("no networks")
    if old is None or not source.pages:
        return
    covered = set(networks)
    lost = [
        text for text in old.networks if covered.isdisjoint(network_and_supernets(ip_network(text)))
    ]
    if len(lost) > source.max_shrink * len(old.networks):
        raise PageRefused(f"{len(lost)} of {len(old.networks)} networks are gone")
    for version in (4, 6):
        before, after = (_count_addresses(part, version) for part in (old.networks, networks))
        if before and after > MAX_GROWTH * before:
            raise PageRefused(f"{after / before:.0f} times as many IPv{version} addresses")
    if len(networks) > MAX_GROWTH * len(old.networks):
        raise PageRefused(f"{len(networks)} networks instead of {len(old.networks)}")


def _count_addresses(networks: Iterable[str], version: int) -> int:
    """Return the number of addresses of an IP version in networks without overlaps."""
    parsed = map(ip_network, networks)
    return sum(network.num_addresses for network in parsed if network.version == version)
