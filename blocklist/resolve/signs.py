"""Signs that a name which answers is nobody's any more: it is parked, or in a sinkhole."""

from functools import cache, lru_cache
from ipaddress import ip_address, ip_network

from blocklist import names
from blocklist.judge import core
from blocklist.model import Liveness
from blocklist.networks import Network

#: The core lists that tell a state, the graver first.
_LISTS = {"sinkholes": Liveness.SINKHOLED, "parked": Liveness.PARKED}


def state(addresses: tuple[str, ...], servers: tuple[str, ...]) -> Liveness:
    """Return what a name is that answers with these addresses, its domain at these name servers."""
    for name, found in _LISTS.items():
        if any(not _names(name).isdisjoint(names.lineage(server)) for server in servers):
            return found
        if addresses and all(_inside(address, name) for address in addresses):
            return found
    return Liveness.ALIVE


@cache
def _names(name: str) -> frozenset[str]:
    return core.names(name)


@cache
def _networks(name: str) -> tuple[Network, ...]:
    return tuple(ip_network(text) for group in core.groups(name) for text in group.networks)


@lru_cache(maxsize=1 << 16)
def _inside(address: str, name: str) -> bool:
    number = ip_address(address)
    return any(number in network for network in _networks(name))
