"""Resolver addresses: configuration or system -> the resolvers to ask."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from blocklist.errors import ConfigError

_DNS_PORT = 53


@dataclass(frozen=True, slots=True)
class ResolverAddress:
    """The address and port of a resolver."""

    address: str
    port: int = _DNS_PORT

    def __str__(self) -> str:
        return self.address if self.port == _DNS_PORT else f"{self.address}#{self.port}"


def parse_resolver(text: str) -> ResolverAddress:
    """Return the resolver of `ADDRESS` or `ADDRESS#PORT`; raise `ValueError` for other texts."""
    address, mark, port = text.partition("#")
    number = int(port) if mark else _DNS_PORT
    if not 0 < number < 1 << 16:
        raise ValueError(f"{port} is no port")
    ip_address(address.partition("%")[0])
    return ResolverAddress(address, number)


def select_resolvers(texts: Iterable[str]) -> list[ResolverAddress]:
    """Return the given resolvers, each once, or those of the system if there are none.

    Raise `ConfigError` if there are none at all, or a text is not an address.
    """
    resolvers = []
    for text in texts or _load_system_resolvers():
        try:
            resolvers.append(parse_resolver(text))
        except ValueError as error:
            message = f"resolver {text!r}: {error}; expected ADDRESS or ADDRESS#PORT"
            raise ConfigError(message) from None
    if not resolvers:
        raise ConfigError("no resolver to ask; give one with --server ADDRESS#PORT")
    return list(dict.fromkeys(resolvers))


def _load_system_resolvers() -> list[str]:
    import dns.resolver

    try:
        system = dns.resolver.Resolver()
    except dns.resolver.NoResolverConfiguration:
        return []
    # Resolvers over HTTPS are objects, not texts, and are not supported.
    return [server for server in system.nameservers if isinstance(server, str)]
