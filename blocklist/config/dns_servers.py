"""Parse DNS servers: ADDRESS or ADDRESS#PORT -> DnsServer."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from blocklist.config_keys import Form

_DNS_PORT = 53


@dataclass(frozen=True, slots=True)
class DnsServer:
    """The address and port at which a DNS server listens."""

    address: str
    port: int = _DNS_PORT

    def __str__(self) -> str:
        return self.address if self.port == _DNS_PORT else f"{self.address}#{self.port}"


def parse_dns_server(text: str) -> DnsServer:
    """Return the server of a text such as `192.0.2.53` or `::1#5353`.

    Raise `ValueError` for any other text.
    """
    address, mark, port = text.partition("#")
    number = int(port) if mark else _DNS_PORT
    if not 0 < number < 1 << 16:
        raise ValueError(f"{port} is no port")
    return DnsServer(str(ip_address(address)), number)


def parse_dns_servers(texts: Iterable[str]) -> list[DnsServer]:
    """Return the servers of texts, each once; raise `ValueError` for one that is no server."""
    return list(dict.fromkeys(map(parse_dns_server, texts)))


def _is_dns_server(text: str) -> bool:
    try:
        parse_dns_server(text)
    except ValueError:
        return False
    return True


#: What a key with the address of a DNS server accepts.
DNS_SERVER = Form(_is_dns_server, "an address or ADDRESS#PORT, as in '127.0.0.1#5353'")
