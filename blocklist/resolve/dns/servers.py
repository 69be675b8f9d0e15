"""Resolver addresses: configuration or system -> the resolvers to ask."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from blocklist.errors import ConfigError

_DNS_PORT = 53


@dataclass(frozen=True, slots=True)
class ResolverAddress:
    """Where a resolver listens."""

    address: str
    port: int = _DNS_PORT

    def __str__(self) -> str:
        return self.address if self.port == _DNS_PORT else f"{self.address}#{self.port}"


def parse_resolver(text: str) -> ResolverAddress:
    """Return the resolver that `ADDRESS` or `ADDRESS#PORT` means; raise `ValueError` for others."""
    address, mark, port = text.partition("#")
    number = int(port) if mark else _DNS_PORT
    if not 0 < number < 1 << 16:
        raise ValueError(f"{port} is no port")
    ip_address(address.partition("%")[0])
    return ResolverAddress(address, number)


def select_resolvers(given: Iterable[str]) -> list[ResolverAddress]:
    """Return the resolvers given, each once, or else those of the system.

    Raise `ConfigError` when there are none, or one is no address.
    """
    found = []
    for text in given or _load_system_resolvers():
        try:
            found.append(parse_resolver(text))
        except ValueError as error:
            message = f"resolver {text!r}: {error}; expected ADDRESS or ADDRESS#PORT"
            raise ConfigError(message) from None
    if not found:
        raise ConfigError("no resolver to ask; give one with --server ADDRESS#PORT")
    return list(dict.fromkeys(found))


def _load_system_resolvers() -> list[str]:
    import dns.resolver

    try:
        system = dns.resolver.Resolver()
    except dns.resolver.NoResolverConfiguration:
        return []
    # Resolvers over HTTPS are no texts, and not of this way of asking.
    return [server for server in system.nameservers if isinstance(server, str)]
