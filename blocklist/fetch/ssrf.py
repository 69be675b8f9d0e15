"""Guard against server-side request forgery: check each socket address before it connects.

A redirect must not lead into a private network. The check is on the address of the socket itself,
so no name, resolver or spelling gets around it (OWASP A10:2021; special addresses: RFC 6890).
"""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

# Clouds answer at these with secrets, though no registry calls them special.
_CLOUD_METADATA = {ip_address("168.63.129.16")}
_NAT64 = ip_network("64:ff9b::/96")

AddressInfo = tuple[int, int, int, str, tuple[object, ...]]


def is_public_address(text: str) -> bool:
    """Whether an address is one of the internet at large, also when it carries an IPv4 one."""
    address = ip_address(text.partition("%")[0])
    inner = _extract_ipv4(address) if isinstance(address, IPv6Address) else None
    if inner is not None:
        return is_public_address(str(inner))
    return address.is_global and not address.is_multicast and address not in _CLOUD_METADATA


def _extract_ipv4(address: IPv6Address) -> IPv4Address | None:
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]


class SsrfGuard:
    """Where the sockets of one fetch may connect to.

    A feed's own URL may be anywhere, for a person wrote it, and so may a proxy. Whatever it
    redirects to must be public, or at the very address that the feed's own URL was at. That one
    counts only where all addresses behind its name are private: a name with an address of each
    kind would let its owner answer from the one and point to the other.
    """

    def __init__(self) -> None:
        self.is_redirected = False
        #: Whether a proxy is asked; then the socket leads to it.
        self.is_proxied = False
        #: The last address that was refused; libraries wrap errors beyond recognition.
        self.refused_address: str | None = None
        self._own: set[str] = set()

    def create_socket(self, info: AddressInfo) -> socket.socket:
        """Return a socket for an address, or raise `OSError` where it may not connect to."""
        family, kind, protocol, _, place = info
        self.check(str(place[0]))
        return socket.socket(family=family, type=kind, proto=protocol)

    def check(self, address: str) -> None:
        """Raise `PermissionError` when a socket may not connect to the address."""
        if self.is_proxied:
            return
        if not self.is_redirected:
            self._own.add(address)
        elif not is_public_address(address) and not self._is_own_address(address):
            self.refused_address = address
            raise PermissionError(f"{address} is not public")

    def _is_own_address(self, address: str) -> bool:
        return address in self._own and not any(map(is_public_address, self._own))
