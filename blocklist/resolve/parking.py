"""Detect parked and sinkholed names: addresses and name servers -> liveness."""

from functools import cache, lru_cache
from ipaddress import ip_address, ip_network

from blocklist.indicators.names import name_and_ancestors
from blocklist.indicators.networks import Network
from blocklist.judge.builtin_lists import load_builtin_groups, load_builtin_names
from blocklist.model import Liveness

#: The built-in lists that identify a state, the more severe first.
_LIVENESS_LISTS = {"sinkholes": Liveness.SINKHOLED, "parked": Liveness.PARKED}


def classify_liveness(addresses: tuple[str, ...], servers: tuple[str, ...]) -> Liveness:
    """Return the liveness of a name with these addresses, whose domain has these name servers."""
    for name, liveness in _LIVENESS_LISTS.items():
        if any(not _load_names(name).isdisjoint(name_and_ancestors(server)) for server in servers):
            return liveness
        if addresses and all(_is_in_list(address, name) for address in addresses):
            return liveness
    return Liveness.ALIVE


@cache
def _load_names(list_name: str) -> frozenset[str]:
    return load_builtin_names(list_name)


@cache
def _load_networks(list_name: str) -> tuple[Network, ...]:
    return tuple(
        ip_network(text) for group in load_builtin_groups(list_name) for text in group.networks
    )


@lru_cache(maxsize=1 << 16)
def _is_in_list(address: str, list_name: str) -> bool:
    parsed = ip_address(address)
    return any(parsed in network for network in _load_networks(list_name))
