"""Ask a resolver about many names at once, with dnspython.

Only an answer is a fact: NXDOMAIN and an empty answer say something about a name, a failing or
silent resolver says something about the resolver.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import dns.asyncresolver
import dns.exception
import dns.resolver

from blocklist.errors import UsageError

_AT_ONCE = 200
_SECONDS = 4.0
_DNS_PORT = 53


class NameState(StrEnum):
    """What an answer says about a name (RFC 2308); `unknown` when there was none."""

    ALIVE = "alive"
    NXDOMAIN = "nxdomain"
    NODATA = "nodata"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Fact:
    """What resolving a name gave."""

    name: str
    state: NameState
    addresses: tuple[str, ...]


def resolve(names: Iterable[str], server: str | None = None) -> list[Fact]:
    """Ask for the addresses of each name; `server` is `ADDRESS` or `ADDRESS#PORT`.

    Without `server` the resolvers of the system are asked. Raise `UsageError` when there are none
    or the server is no address.
    """
    return asyncio.run(_all(list(names), _resolver(server)))


def _resolver(server: str | None) -> dns.asyncresolver.Resolver:
    try:
        if server is None:
            resolver = dns.asyncresolver.Resolver()
        else:
            address, _, port = server.partition("#")
            resolver = dns.asyncresolver.Resolver(configure=False)
            resolver.nameservers = [address]
            resolver.port = int(port or _DNS_PORT)
    except (ValueError, dns.resolver.NoResolverConfiguration) as error:
        message = f"no resolver to ask: {error}; give one with --server ADDRESS#PORT"
        raise UsageError(message) from None
    resolver.lifetime = _SECONDS
    return resolver


async def _all(names: list[str], resolver: dns.asyncresolver.Resolver) -> list[Fact]:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(name: str) -> Fact:
        async with gate:
            return await _one(name, resolver)

    return await asyncio.gather(*map(one, names))


async def _one(name: str, resolver: dns.asyncresolver.Resolver) -> Fact:
    try:
        answers = await resolver.resolve_name(f"{name}.")
    except dns.resolver.NXDOMAIN:
        return Fact(name, NameState.NXDOMAIN, ())
    except dns.resolver.NoAnswer:
        return Fact(name, NameState.NODATA, ())
    except dns.exception.DNSException:
        return Fact(name, NameState.UNKNOWN, ())
    addresses = tuple(sorted(set(answers.addresses())))
    return Fact(name, NameState.ALIVE if addresses else NameState.NODATA, addresses)
