"""Define the tables policy, gate, collect and resolve of blocklist.toml: keys -> dataclasses."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from blocklist.config.dns_servers import DNS_SERVER
from blocklist.config_keys import Doc, Form, Range
from blocklist.indicators.query import parse_query
from blocklist.model import Kind

_SHARE = Range(0, 1)
_SECONDS = Range(above=0, unit="seconds")
_COUNT = Range(1)
#: At most a century, because dates do not go back as far as one likes.
_DAYS = Range(1, 36_500)


def _is_own_value(text: str) -> bool:
    """Return whether a text is a network, or a name that someone can own.

    A name of one label is a top-level domain or nothing.
    """
    query = parse_query(text)
    return query.kind is Kind.IP or (query.kind is Kind.DOMAIN and "." in query.value)


_OWN = Form(_is_own_value, "a network or a name with a dot")


@dataclass(frozen=True, slots=True)
class PolicyConfig:
    """The keys of `[policy]`."""

    own: Annotated[
        tuple[Annotated[str, _OWN], ...],
        Doc(
            "Your names and networks: they are never blocked, nor is anything in them. "
            "`*.school.de` is read as `school.de`."
        ),
    ] = ()
    widen: Annotated[
        bool,
        Doc(
            "A listed `shop.top` also blocks every name below it. This holds for names that "
            "anybody can register, because the owner of the name is the fraud."
        ),
    ] = True
    threshold: Annotated[
        float, _SHARE, Doc("The lowest score that blocks. A name with a lower one is `weak`.")
    ] = 0.0
    popular_always: Annotated[
        int,
        Range(0, 1_000_000),
        Doc("The last rank in a top list with ranks that is always held, whatever the score."),
    ] = 10_000
    popular_score: Annotated[
        float,
        _SHARE,
        Doc(
            "The score that blocks a name of rank 1,000,000. From there to `popular_always`, the "
            "needed score rises to 1 with the logarithm of the rank."
        ),
    ] = 0.75
    max_shrink: Annotated[
        float, _SHARE, Doc("The share of its entries that a feed may lose in one update.")
    ] = 0.5
    max_growth: Annotated[
        float,
        Range(1),
        Doc(
            "The factor by which a feed may grow in one update. Growth to 1,000 entries or fewer "
            "is always accepted."
        ),
    ] = 10.0


@dataclass(frozen=True, slots=True)
class GateConfig:
    """The keys of `[gate]`; shares are shares of what is blocked now."""

    max_added: Annotated[float, Range(0), Doc("The share that a release may add.")] = 1.0
    max_removed: Annotated[float, _SHARE, Doc("The share that a release may remove.")] = 0.3
    max_total: Annotated[
        int, _COUNT, Doc("The most entries that may be blocked: as many as your servers can hold.")
    ] = 20_000_000
    max_category_added: Annotated[
        float, Range(0), Doc("The share by which the listings of one category may grow.")
    ] = 5.0
    max_category_removed: Annotated[
        float, _SHARE, Doc("The share by which the listings of one category may shrink.")
    ] = 0.5
    always: Annotated[int, Range(0), Doc("Fewer changes than this number are always accepted.")] = (
        1000
    )
    max_unguarded: Annotated[
        int,
        Range(0),
        Doc("The most names that may become blocked because a guard list no longer has them."),
    ] = 100
    min_fresh: Annotated[
        float, _SHARE, Doc("The share of the enabled feeds that must not be failing.")
    ] = 0.5
    max_guard_days: Annotated[
        int, _DAYS, Doc("The most days since a mandatory guard list was last good.")
    ] = 14


@dataclass(frozen=True, slots=True)
class CollectConfig:
    """The keys of `[collect]`."""

    connect_timeout: Annotated[float, _SECONDS, Doc("The time to find and reach a server.")] = 15.0
    read_timeout: Annotated[
        float, _SECONDS, Doc("The time that a server may pause in an answer.")
    ] = 60.0
    total_timeout: Annotated[float, _SECONDS, Doc("The time for one try as a whole.")] = 1800.0
    tries: Annotated[
        int, _COUNT, Doc("The number of tries for each URL, if another try can help.")
    ] = 3
    backoff: Annotated[
        float, Range(0, unit="seconds"), Doc("The pause before the second try; it then doubles.")
    ] = 1.0
    max_wait: Annotated[
        float,
        Range(0, unit="seconds"),
        Doc(
            "The longest pause between two tries. A server that asks for a longer one is not "
            "asked again until then."
        ),
    ] = 60.0
    per_host: Annotated[int, _COUNT, Doc("The number of simultaneous requests to one host.")] = 2
    max_redirects: Annotated[int, Range(0), Doc("The number of redirects that are followed.")] = 5
    max_bytes: Annotated[
        int, _COUNT, Doc("The largest list that is accepted, in bytes, compressed or not.")
    ] = 1 << 30


@dataclass(frozen=True, slots=True)
class ResolveConfig:
    """The keys of `[resolve]`."""

    enabled: Annotated[bool, Doc("Whether `run` looks up names.")] = False
    servers: Annotated[
        tuple[Annotated[str, DNS_SERVER], ...],
        Doc("The resolvers to ask; without any, those of the system."),
    ] = ()
    rate: Annotated[
        float, Range(0), Doc("The number of questions a second to each resolver; 0 for no limit.")
    ] = 500.0
    window: Annotated[int, _COUNT, Doc("The number of unanswered questions to each resolver.")] = (
        500
    )
    timeout: Annotated[float, _SECONDS, Doc("The time that an answer may take.")] = 5.0
    tries: Annotated[int, _COUNT, Doc("The number of tries for each question.")] = 3
    limit: Annotated[
        int, _COUNT, Doc("The number of names in one run; names never looked up come first.")
    ] = 100_000
    looks: Annotated[
        int, _COUNT, Doc("A domain is dead if this many lookups in a row did not find it.")
    ] = 3
    days: Annotated[
        int, Range(0), Doc("The fewest days between the first and the last of these lookups.")
    ] = 7
    country: Annotated[str, Doc("The MaxMind DB file with the country of each address.")] = ""
    asn: Annotated[str, Doc("The MaxMind DB file with the autonomous system of each address.")] = ""
    addresses: Annotated[
        bool, Doc("Whether an address is blocked if only blocked domains use it.")
    ] = False
    dedicated: Annotated[
        int, _COUNT, Doc("The fewest blocked domains that such an address must have.")
    ] = 5
    address_days: Annotated[
        int, _DAYS, Doc("The number of days for which a domain's use of an address counts.")
    ] = 14
    passive: Annotated[
        tuple[str, ...], Doc("Files with the names and addresses that your network has seen.")
    ] = ()


def resolve_section_paths(section: ResolveConfig, base: Path) -> ResolveConfig:
    """Return the table resolve with its files' paths resolved against a folder."""
    country, asn = (name and str(base / name) for name in (section.country, section.asn))
    passive = tuple(str(base / name) for name in section.passive)
    return replace(section, country=country, asn=asn, passive=passive)
