"""Select resolvers: configuration or system -> the DNS servers to query."""

from collections.abc import Iterable

from blocklist.config.dns_servers import DnsServer, parse_dns_server
from blocklist.errors import ConfigError


def select_resolvers(texts: Iterable[str]) -> list[DnsServer]:
    """Return the given resolvers, each once, or those of the system if there are none.

    Raise `ConfigError` if there are none at all, or a text is not an address.
    """
    resolvers = []
    for text in texts or _load_system_resolvers():
        try:
            resolvers.append(parse_dns_server(text))
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
