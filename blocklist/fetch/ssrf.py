"""Guard against server-side request forgery: check each socket address before it connects.

A redirect must not lead into a private network. The check is on the address of the socket itself,
so no name, resolver or spelling gets around it (OWASP A10:2021; special addresses: RFC 6890).
"""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

# Cloud metadata services that hand out secrets; no registry lists this address as special.
_CLOUD_METADATA = {ip_address("168.63.129.16")}
_NAT64 = ip_network("64:ff9b::/96")

_WEB_PORTS = frozenset((80, 443))

AddressInfo = tuple[int, int, int, str, tuple[object, ...]]


def is_public_address(text: str) -> bool:
    """Return whether an address, or the IPv4 address inside it, is on the public Internet."""
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
    """Decides which addresses the sockets of one fetch may connect to.

    A feed's own URL may be anywhere, because a person wrote it, and so may a proxy. A redirect must
    lead to a public address, or to an address and port that the feed's own URL used; of the ports
    80 and 443 one leads to the other, so that a server may redirect from http to https. Own
    addresses count only if all of that host are private: the owner of a name with an address of
    each kind could answer from the public one and redirect to the private one.
    """

    def __init__(self) -> None:
        self.is_redirected = False
        #: Whether a proxy is used; then every socket leads to the proxy.
        self.is_proxied = False
        #: The last refused address; HTTP libraries wrap the error so that it cannot be recognized.
        self.refused_address: str | None = None
        self._own_endpoints: set[tuple[str, int]] = set()

    def create_socket(self, info: AddressInfo) -> socket.socket:
        """Return a socket for an address; raise `PermissionError` if it may not connect there."""
        family, kind, protocol, _, socket_address = info
        self.check(str(socket_address[0]), int(str(socket_address[1])))
        return socket.socket(family=family, type=kind, proto=protocol)

    def check(self, address: str, port: int) -> None:
        """Raise `PermissionError` if a socket may not connect to the address and port."""
        if self.is_proxied:
            return
        if not self.is_redirected:
            self._own_endpoints.add((address, port))
        elif not is_public_address(address) and not self._is_own_endpoint(address, port):
            self.refused_address = address
            raise PermissionError(f"{address} is not public")

    def _is_own_endpoint(self, address: str, port: int) -> bool:
        if any(is_public_address(own) for own, _ in self._own_endpoints):
            return False
        ports = {own_port for own, own_port in self._own_endpoints if own == address}
        return port in ports or (port in _WEB_PORTS and not ports.isdisjoint(_WEB_PORTS))
