"""Detect parked and sinkholed names: addresses and name servers -> liveness."""

from functools import cache, lru_cache
from ipaddress import ip_address, ip_network

from blocklist.indicators.names import name_and_ancestors
from blocklist.indicators.networks import Network
from blocklist.judge.builtin_lists import load_builtin_groups, load_builtin_names
from blocklist.model import Liveness

#: The core lists that tell a state, the graver first.
_LIVENESS_LISTS = {"sinkholes": Liveness.SINKHOLED, "parked": Liveness.PARKED}


def classify_liveness(addresses: tuple[str, ...], servers: tuple[str, ...]) -> Liveness:
    """Return what a name is that answers with these addresses, its domain at these name servers."""
    for name, found in _LIVENESS_LISTS.items():
        if any(not _load_names(name).isdisjoint(name_and_ancestors(server)) for server in servers):
            return found
        if addresses and all(_is_in_list(address, name) for address in addresses):
            return found
    return Liveness.ALIVE


@cache
def _load_names(name: str) -> frozenset[str]:
    return load_builtin_names(name)


@cache
def _load_networks(name: str) -> tuple[Network, ...]:
    return tuple(ip_network(text) for group in load_builtin_groups(name) for text in group.networks)


@lru_cache(maxsize=1 << 16)
def _is_in_list(address: str, name: str) -> bool:
    number = ip_address(address)
    return any(number in network for network in _load_networks(name))
