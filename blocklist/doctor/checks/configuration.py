"""Check the configuration: sources, lineage, secrets and plugins -> findings."""

from collections.abc import Callable, Iterator

from blocklist.config.catalogue import find_package_feed
from blocklist.config.feeds import EXTERNAL_PREFIX, Feed
from blocklist.config.loader import Config
from blocklist.config.mistakes import suggest_name
from blocklist.doctor.registry import config_check
from blocklist.errors import BlocklistError
from blocklist.export.registry import get_dialect, get_reader
from blocklist.fetch.credentials import fill_credentials
from blocklist.fetch.types import FetchError
from blocklist.indicators.query import parse_query
from blocklist.model import GuardClass, Kind
from blocklist.parse.registry import load_format
from blocklist.plugins import (
    DIALECT_EXTENSIONS,
    FORMAT_EXTENSIONS,
    READER_EXTENSIONS,
    ExtensionKind,
)
from blocklist.status.finding import Finding, problem, warning


@config_check("sources")
def check_sources(config: Config) -> Iterator[Finding]:
    """Find that no feed or no top list is enabled, or that a format is unknown."""
    file = config.path or "no blocklist.toml; make one with: blocklist init"
    feeds = config.enabled_sources
    if all(feed.guard for feed in feeds):
        remedy = "enable a feed, or add one: blocklist feeds list, blocklist feeds add FILE"
        yield warning("no feed is enabled, so nothing is ever blocked", file, remedy)
    if not any(feed.guard is GuardClass.POPULAR for feed in feeds):
        what = (
            "no top list is enabled, so only the built-in names are safe from a mistake of a feed"
        )
        yield warning(what, file, "enable a guard: blocklist feeds list --category popular")


@config_check("names")
def check_own_and_feed_names(config: Config) -> Iterator[Finding]:
    """Find own names that are public suffixes, and feeds that have a shipped feed's name."""
    from blocklist.frames.public_suffixes import is_public_suffix

    for own in map(parse_query, config.policy.own):
        if own.kind is Kind.DOMAIN and is_public_suffix(own.value):
            what = f"{own.value} is a public suffix, so nothing below it is ever blocked"
            yield problem(what, "policy.own", "name the domains that are your own")
    for feed in config.enabled_sources:
        shipped = find_package_feed(feed.name)
        if shipped and set(shipped.urls).isdisjoint(feed.urls):
            keys = ", ".join(_list_inherited_keys(feed, shipped)) or "none"
            what = f"it has the name of a shipped feed, and takes over what you do not set: {keys}"
            remedy = "give your feed another name, or set these keys"
            yield warning(what, feed.config_key, remedy)


def _list_inherited_keys(feed: Feed, shipped: Feed) -> list[str]:
    keys = ("licence", "category", "reliability", "lineage", "interval", "format")
    values = [(key, getattr(feed, key), getattr(shipped, key)) for key in keys]
    return [key for key, value, other in values if value and value == other]


@config_check("lineage")
def check_lineage(config: Config) -> Iterator[Finding]:
    """Find unknown feeds in `lineage`: a copy of such a feed would count as independent."""
    known = {**config.feeds, **config.guards}
    for feed in config.enabled_sources:
        for source in feed.lineage:
            if source not in known and not source.startswith(EXTERNAL_PREFIX):
                what = f"{source!r} is no feed{suggest_name(source, known)}"
                remedy = f"name a feed, or write {EXTERNAL_PREFIX}{source} for any other source"
                yield warning(what, f"{feed.config_key}.lineage", remedy)


@config_check("secrets")
def check_secrets(config: Config) -> Iterator[Finding]:
    """Find tokens that feeds need and that are not set."""
    for feed in config.enabled_sources:
        try:
            for url in feed.urls:
                fill_credentials(feed, url)
        except FetchError as error:
            remedy = "set it in the environment of blocklist, or disable the feed"
            yield problem(str(error), feed.config_key, remedy)


@config_check("plugins")
def check_plugins(config: Config) -> Iterator[Finding]:
    """Find formats and dialects that cannot be loaded, also those that nothing uses."""
    loaders: dict[tuple[Callable[[str], object], str], str] = {}
    for feed in config.enabled_sources:
        loaders.setdefault((load_format, feed.format), f"{feed.config_key}.format")
    for name, export in config.exports.items():
        loaders.setdefault((_load_dialect, export.target.dialect), f"exports.{name}.target")
    remedy = "install, upgrade or remove its distribution"
    used = set[str]()
    for (load, name), where in loaders.items():
        try:
            load(name)
        except BlocklistError as error:
            used.add(str(error))
            yield problem(str(error), where, remedy)
    for kind, load in _PLUGIN_LOADERS:
        for fault in kind.find_faults(load):
            if fault not in used:
                used.add(fault)
                yield warning(fault, kind.group, remedy)


_PLUGIN_LOADERS: tuple[tuple[ExtensionKind, Callable[[str], object]], ...] = (
    (FORMAT_EXTENSIONS, load_format),
    (DIALECT_EXTENSIONS, get_dialect),
    (READER_EXTENSIONS, get_reader),
)


def _load_dialect(name: str) -> None:
    get_dialect(name)
    get_reader(name)
