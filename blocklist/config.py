"""blocklist.toml -> Config; every error names the file, the key and what is expected."""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from blocklist import catalogue, exporting, spec
from blocklist.catalogue import RESOLVED, Feed, is_digest
from blocklist.errors import Refused, UsageError
from blocklist.exporting import Export
from blocklist.location import DATABASE, FILE_NAME, find
from blocklist.model import GuardClass, Kind
from blocklist.queries import parse_query

__all__ = ["Collect", "Config", "Export", "Gate", "Policy", "Resolve", "load"]

#: How many of one's own names a server is asked for.
_OWN_ASKED = 20
#: A century; time cannot be counted back from now as far as one likes.
_MOST_DAYS = 36_500


@dataclass(frozen=True, slots=True)
class Policy:
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
class Gate:
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
class Collect:
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
class Resolve:
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


@dataclass(frozen=True, slots=True)
class Config:
    """Everything blocklist.toml says, paths resolved against its folder."""

    path: Path | None
    database: Path
    policy: Policy = field(default_factory=Policy)
    #: All that are known, by name: the catalogue's and the user's own.
    feeds: dict[str, Feed] = field(default_factory=dict)
    guards: dict[str, Feed] = field(default_factory=dict)
    exports: dict[str, Export] = field(default_factory=dict)
    collect: Collect = field(default_factory=Collect)
    resolve: Resolve = field(default_factory=Resolve)
    gate: Gate = field(default_factory=Gate)

    @property
    def sources(self) -> list[Feed]:
        """The enabled guards and feeds, guards first."""
        every = [*self.guards.values(), *self.feeds.values()]
        return [feed for feed in every if feed.enabled]

    @property
    def voices(self) -> dict[str, Feed]:
        """The feeds by whose listings things are judged, the one that the program keeps, too."""
        enabled = {feed.name: feed for feed in self.feeds.values() if feed.enabled}
        return enabled | ({RESOLVED.name: RESOLVED} if self.resolve.addresses else {})


@dataclass(frozen=True, slots=True)
class _File:
    database: str = DATABASE
    feeds: dict[str, dict[str, object]] = field(default_factory=dict)
    guards: dict[str, dict[str, object]] = field(default_factory=dict)
    policy: dict[str, object] = field(default_factory=dict)
    exports: dict[str, dict[str, object]] = field(default_factory=dict)
    collect: dict[str, object] = field(default_factory=dict)
    resolve: dict[str, object] = field(default_factory=dict)
    gate: dict[str, object] = field(default_factory=dict)


def load(given: Path | None = None) -> Config:
    """Return the configuration; raise `UsageError` with file, key and what is expected."""
    path = find(given)
    base = path.resolve().parent if path else Path.cwd()
    file = spec.build(_File, spec.load(path) if path else {}, f"{path}: ")
    feeds, guards = _sources(file, base, f"{path}: ")
    targets = catalogue.targets(base)
    policy = _policy(file.policy, f"{path}: policy")
    exports = {
        name: _with_own_names(
            exporting.from_table(name, table, targets, base, f"{path}: exports.{name}"), policy
        )
        for name, table in file.exports.items()
    }
    config = Config(
        path=path,
        database=base / file.database,
        policy=policy,
        feeds=feeds,
        guards=guards,
        exports=exports,
        collect=_collect(file.collect, f"{path}: collect"),
        resolve=_resolve(file.resolve, base, f"{path}: resolve"),
        gate=_gate(file.gate, f"{path}: gate"),
    )
    _refuse_shared_paths(config)
    _refuse_unknown_feeds(config)
    _require_facts(config)
    return config


def _collect(table: dict[str, object], where: str) -> Collect:
    collect = spec.build(Collect, table, where)
    for key in ("connect_timeout", "read_timeout", "total_timeout"):
        spec.require(getattr(collect, key) > 0, where, key, "a number of seconds above 0")
    for key in ("backoff", "max_wait", "max_redirects"):
        spec.require(getattr(collect, key) >= 0, where, key, "a number of 0 or more")
    for key in ("tries", "per_host", "max_bytes"):
        spec.require(getattr(collect, key) >= 1, where, key, "a whole number from 1")
    return collect


def _resolve(table: dict[str, object], base: Path, where: str) -> Resolve:
    resolve = spec.build(Resolve, table, where)
    country, asn = (name and str(base / name) for name in (resolve.country, resolve.asn))
    resolve = replace(resolve, country=country, asn=asn)
    spec.require(resolve.rate >= 0, where, "rate", "a number of 0 or more")
    spec.require(resolve.timeout > 0, where, "timeout", "a number of seconds above 0")
    passive = tuple(str(base / name) for name in resolve.passive)
    resolve = replace(resolve, passive=passive)
    for key in ("window", "tries", "limit", "looks", "dedicated", "address_days"):
        spec.require(getattr(resolve, key) >= 1, where, key, "a whole number from 1")
    few = resolve.address_days <= _MOST_DAYS
    spec.require(few, where, "address_days", f"a whole number from 1 to {_MOST_DAYS}")
    spec.require(resolve.days >= 0, where, "days", "a whole number of 0 or more")
    return resolve


def _gate(table: dict[str, object], where: str) -> Gate:
    gate = spec.build(Gate, table, where)
    for key in ("max_removed", "max_category_removed", "min_fresh"):
        spec.require(0 <= getattr(gate, key) <= 1, where, key, "a number from 0 to 1")
    for key in ("max_added", "max_category_added", "always", "max_unguarded"):
        spec.require(getattr(gate, key) >= 0, where, key, "a number of 0 or more")
    spec.require(gate.max_total >= 1, where, "max_total", "a whole number from 1")
    few = 1 <= gate.max_guard_days <= _MOST_DAYS
    spec.require(few, where, "max_guard_days", f"a whole number from 1 to {_MOST_DAYS}")
    return gate


def _sources(file: _File, base: Path, where: str) -> tuple[dict[str, Feed], dict[str, Feed]]:
    known = {name: (f"{place}: ", table) for name, place, table in catalogue.tables("feeds", base)}
    feeds = {name: found for name, found in known.items() if "guard" not in found[1]}
    guards = {name: found for name, found in known.items() if name not in feeds}
    for name in {*known, *file.feeds, *file.guards}:
        if name == RESOLVED.name:
            key = f"{where}{'guards' if name in file.guards else 'feeds'}.{name}"
            raise UsageError(f"{key}: a name that the program keeps for itself; choose another")
    for name in file.feeds:
        if name in guards or "guard" in file.feeds[name]:
            raise UsageError(f"{where}feeds.{name}: a guard; write [guards.{name}]")
    for name in file.guards:
        if name in feeds or name in file.feeds:
            raise UsageError(f"{where}guards.{name}: a feed has that name already")
    guard = {"guard": GuardClass.POPULAR}
    return (
        _section(feeds, file.feeds, {}, base, f"{where}feeds"),
        _section(guards, file.guards, guard, base, f"{where}guards"),
    )


def _section(
    known: dict[str, tuple[str, spec.Table]],
    own: dict[str, dict[str, object]],
    defaults: spec.Table,
    base: Path,
    where: str,
) -> dict[str, Feed]:
    """Return what the catalogue knows, as far as the user's `own` tables leave it, and the rest."""
    built = {}
    for name in {**known, **own}:
        place, table = known.get(name, (where, {"enabled": True, **defaults}))
        if name in own:
            # Who writes a table about a feed wants it, unless it says otherwise.
            table = catalogue.overridden({**table, "enabled": True}, own[name])
            place = f"{where}.{name}"
        built[name] = _resolved(catalogue.feed(name, table, place), base)
        if name in own and built[name].mandatory and not built[name].enabled:
            raise UsageError(f"{place}.enabled: a mandatory guard cannot be switched off")
    return built


def _resolved(feed: Feed, base: Path) -> Feed:
    def absolute(url: str) -> str:
        return url if "://" in url else str(base / url)

    digest = feed.sha256 and (feed.sha256 if is_digest(feed.sha256) else absolute(feed.sha256))
    signature = feed.signature and absolute(feed.signature)
    token = feed.token_file and str(base / feed.token_file)
    urls = tuple(map(absolute, feed.urls))
    return replace(feed, urls=urls, sha256=digest, signature=signature, token_file=token)


def _policy(table: dict[str, object], where: str) -> Policy:
    policy = spec.build(Policy, table, where)
    for place, own in enumerate(policy.own):
        try:
            kind = parse_query(own).kind
        except Refused as refused:
            raise UsageError(f"{where}.own[{place}]: {own!r}: {refused.reason}") from None
        if kind is Kind.URL:
            raise UsageError(f"{where}.own[{place}]: expected a name or a network, got a URL")
    share = "a number from 0 to 1"
    spec.require(0 <= policy.threshold <= 1, where, "threshold", share)
    spec.require(0 <= policy.max_shrink <= 1, where, "max_shrink", share)
    spec.require(policy.max_growth >= 1, where, "max_growth", "a number of 1 or more")
    return policy


def _with_own_names(export: Export, policy: Policy) -> Export:
    """Return an export whose servers must go on resolving one's own names, the first of them."""
    own = [query.value for query in map(parse_query, policy.own) if query.kind is Kind.DOMAIN]
    names = (*export.installation.must_resolve, *own[:_OWN_ASKED])
    told = replace(export.installation, must_resolve=tuple(dict.fromkeys(names)))
    return replace(export, installation=told)


def _require_facts(config: Config) -> None:
    """Let no export ask for what resolving does not tell."""
    for name, export in config.exports.items():
        if export.asks_where and not config.resolve.country:
            key = "countries" if export.countries else "not_countries"
            where = f"{config.path}: exports.{name}.{key}"
            raise UsageError(f"{where}: needs a file that knows them; set resolve.country")
        if export.behind_names and not config.resolve.addresses:
            where = f"{config.path}: exports.{name}.behind_names"
            raise UsageError(f"{where}: no such address is ever blocked; set resolve.addresses")


def _refuse_shared_paths(config: Config) -> None:
    """Let no export overwrite another one, the ledger, the configuration or a feed's own file."""
    where = f"{config.path}: "
    takers = {_real(config.database, end): "the database" for end in ("", "-wal", "-shm", ".lock")}
    takers |= {_real(config.path or Path(FILE_NAME)): "the configuration"}
    for feed in config.sources:
        takers |= {_real(Path(url)): f"the list of {feed.key}" for url in feed.urls}
    for name, export in config.exports.items():
        taker = takers.setdefault(_real(export.path), f"exports.{name}")
        if taker != f"exports.{name}":
            raise UsageError(f"{where}exports.{name}.path: {taker} is there already")


def _refuse_unknown_feeds(config: Config) -> None:
    for name, export in config.exports.items():
        for place, feed in enumerate(export.feeds):
            if feed not in config.feeds:
                hint = spec.suggestion(feed, config.feeds)
                where = f"{config.path}: exports.{name}.feeds[{place}]"
                raise UsageError(f"{where}: no such feed{hint}")


def _real(path: Path, ending: str = "") -> str:
    # Path.resolve raises on a circle of links, which is no business of this check.
    return os.path.realpath(f"{path}{ending}")
