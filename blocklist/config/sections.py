"""Build the policy, gate, collect and resolve sections of blocklist.toml: table -> dataclass."""

from dataclasses import dataclass, replace
from pathlib import Path

from blocklist.config.toml import build_dataclass, require_valid
from blocklist.errors import ConfigError, InvalidIndicator
from blocklist.indicators.query import parse_query
from blocklist.model import Kind

#: A century; time cannot be counted back from now as far as one likes.
_MAX_DAYS = 36_500


@dataclass(frozen=True, slots=True)
class PolicyConfig:
    """How listings become verdicts."""

    #: Names and networks of one's own, never to be blocked, and all in them.
    own: tuple[str, ...] = ()
    #: Whether an exact listing of a registrable domain covers its subdomains.
    widen: bool = True
    #: The least score that blocks, 0 to 1.
    threshold: float = 0.0
    #: The share of its entries that a feed may lose between two updates.
    max_shrink: float = 0.5
    #: How many times its entries a feed may grow to.
    max_growth: float = 10.0


@dataclass(frozen=True, slots=True)
class GateConfig:
    """What a release may change without a person having looked; shares are of what is blocked."""

    #: How much may come and go at once, and what the servers have room for.
    max_added: float = 1.0
    max_removed: float = 0.3
    max_total: int = 20_000_000
    #: The same for what feeds of one category list, as the balance of both.
    max_category_added: float = 5.0
    max_category_removed: float = 0.5
    #: Fewer changes than this are never too many.
    always: int = 1000
    #: How many names may come to be blocked because a guard list no longer has them.
    max_unguarded: int = 100
    #: The least share of the enabled feeds that is not failing.
    min_fresh: float = 0.5
    #: How many days ago a mandatory guard was last found good, at most.
    max_guard_days: int = 14


@dataclass(frozen=True, slots=True)
class CollectConfig:
    """How patient collecting is, in seconds, and how much it takes."""

    #: To find and reach a server; between two bytes; for one try as a whole.
    connect_timeout: float = 15.0
    read_timeout: float = 60.0
    total_timeout: float = 1800.0
    #: How often a mirror is tried, and how long to wait before the second try; doubles each time.
    tries: int = 3
    backoff: float = 1.0
    #: The longest wait between two tries, also where a server asks for more.
    max_wait: float = 60.0
    #: How many requests a host gets at once.
    per_host: int = 2
    max_redirects: int = 5
    #: A list that is larger, as sent or as unpacked, is taken for a mistake or an attack.
    max_bytes: int = 1 << 30


@dataclass(frozen=True, slots=True)
class ResolveConfig:
    """How names are looked up in the DNS, and when one of them is dead."""

    #: Whether `run` does it.
    enabled: bool = False
    #: Resolvers, each `ADDRESS` or `ADDRESS#PORT`; none: the system's.
    servers: tuple[str, ...] = ()
    #: How many questions a second each resolver gets, 0 for no limit, and how many at once.
    rate: float = 500.0
    window: int = 500
    #: How many seconds an answer may take at most, and how often a question is asked.
    timeout: float = 5.0
    tries: int = 3
    #: How many names are looked at in one go, those never seen first.
    limit: int = 100_000
    #: A domain is dead when so many looks in a row, over so many days, found it gone.
    looks: int = 3
    days: int = 7
    #: MaxMind DB files that tell the country and the network of an address; empty for none.
    country: str = ""
    asn: str = ""
    #: Whether addresses are blocked that so many blocked domains have for themselves, and for how
    #: many days a sighting counts; files with names and addresses that the own network has seen.
    addresses: bool = False
    dedicated: int = 5
    address_days: int = 14
    passive: tuple[str, ...] = ()


def build_policy_config(table: dict[str, object], where: str) -> PolicyConfig:
    """Return how listings become verdicts, from its table."""
    built = build_dataclass(PolicyConfig, table, where)
    for place, own in enumerate(built.own):
        try:
            kind = parse_query(own).kind
        except InvalidIndicator as refused:
            raise ConfigError(f"{where}.own[{place}]: {own!r}: {refused.reason}") from None
        if kind is Kind.URL:
            raise ConfigError(f"{where}.own[{place}]: expected a name or a network, got a URL")
    share = "a number from 0 to 1"
    require_valid(0 <= built.threshold <= 1, where, "threshold", share)
    require_valid(0 <= built.max_shrink <= 1, where, "max_shrink", share)
    require_valid(built.max_growth >= 1, where, "max_growth", "a number of 1 or more")
    return built


def build_collect_config(table: dict[str, object], where: str) -> CollectConfig:
    """Return how patient collecting is, from its table."""
    built = build_dataclass(CollectConfig, table, where)
    for key in ("connect_timeout", "read_timeout", "total_timeout"):
        require_valid(getattr(built, key) > 0, where, key, "a number of seconds above 0")
    for key in ("backoff", "max_wait", "max_redirects"):
        require_valid(getattr(built, key) >= 0, where, key, "a number of 0 or more")
    for key in ("tries", "per_host", "max_bytes"):
        require_valid(getattr(built, key) >= 1, where, key, "a whole number from 1")
    return built


def build_resolve_config(table: dict[str, object], base: Path, where: str) -> ResolveConfig:
    """Return how names are looked up, from its table; files are beside `base`."""
    built = build_dataclass(ResolveConfig, table, where)
    country, asn = (name and str(base / name) for name in (built.country, built.asn))
    built = replace(built, country=country, asn=asn)
    require_valid(built.rate >= 0, where, "rate", "a number of 0 or more")
    require_valid(built.timeout > 0, where, "timeout", "a number of seconds above 0")
    passive = tuple(str(base / name) for name in built.passive)
    built = replace(built, passive=passive)
    for key in ("window", "tries", "limit", "looks", "dedicated", "address_days"):
        require_valid(getattr(built, key) >= 1, where, key, "a whole number from 1")
    few = built.address_days <= _MAX_DAYS
    require_valid(few, where, "address_days", f"a whole number from 1 to {_MAX_DAYS}")
    require_valid(built.days >= 0, where, "days", "a whole number of 0 or more")
    return built


def build_gate_config(table: dict[str, object], where: str) -> GateConfig:
    """Return what a release may change, from its table."""
    built = build_dataclass(GateConfig, table, where)
    for key in ("max_removed", "max_category_removed", "min_fresh"):
        require_valid(0 <= getattr(built, key) <= 1, where, key, "a number from 0 to 1")
    for key in ("max_added", "max_category_added", "always", "max_unguarded"):
        require_valid(getattr(built, key) >= 0, where, key, "a number of 0 or more")
    require_valid(built.max_total >= 1, where, "max_total", "a whole number from 1")
    few = 1 <= built.max_guard_days <= _MAX_DAYS
    require_valid(few, where, "max_guard_days", f"a whole number from 1 to {_MAX_DAYS}")
    return built
