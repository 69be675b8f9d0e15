"""Load blocklist.toml: path -> Config, with paths resolved and references between tables checked.

Every error names the file, the key and what is expected.
"""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from blocklist.config.exports import Export, build_export
from blocklist.config.feeds import (
    RESOLVED_FEED,
    Feed,
    FeedDefinition,
    build_feed,
    is_digest,
    load_feed_definitions,
    override_table,
)
from blocklist.config.paths import CONFIG_FILE_NAME, DEFAULT_DATABASE, find_config
from blocklist.config.sections import (
    CollectConfig,
    GateConfig,
    PolicyConfig,
    ResolveConfig,
    build_collect_config,
    build_gate_config,
    build_policy_config,
    build_resolve_config,
)
from blocklist.config.targets import load_targets
from blocklist.config.toml import TomlTable, build_dataclass, load_toml, suggest_name
from blocklist.errors import ConfigError
from blocklist.indicators.query import parse_query
from blocklist.model import GuardClass, Kind

#: How many of one's own names a server is asked for.
_MAX_OWN_NAMES = 20


@dataclass(frozen=True, slots=True)
class Config:
    """Everything blocklist.toml says, paths resolved against its folder."""

    path: Path | None
    database: Path
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    #: All that are known, by name: the catalogue's and the user's own.
    feeds: dict[str, Feed] = field(default_factory=dict)
    guards: dict[str, Feed] = field(default_factory=dict)
    exports: dict[str, Export] = field(default_factory=dict)
    collect: CollectConfig = field(default_factory=CollectConfig)
    resolve: ResolveConfig = field(default_factory=ResolveConfig)
    gate: GateConfig = field(default_factory=GateConfig)

    @property
    def enabled_sources(self) -> list[Feed]:
        """The enabled guards and feeds, guards first."""
        every = [*self.guards.values(), *self.feeds.values()]
        return [feed for feed in every if feed.enabled]

    @property
    def scoring_feeds(self) -> dict[str, Feed]:
        """The feeds by whose listings things are judged, the one that the program keeps, too."""
        enabled = {feed.name: feed for feed in self.feeds.values() if feed.enabled}
        return enabled | ({RESOLVED_FEED.name: RESOLVED_FEED} if self.resolve.addresses else {})


@dataclass(frozen=True, slots=True)
class _ConfigFile:
    database: str = DEFAULT_DATABASE
    feeds: dict[str, dict[str, object]] = field(default_factory=dict)
    guards: dict[str, dict[str, object]] = field(default_factory=dict)
    policy: dict[str, object] = field(default_factory=dict)
    exports: dict[str, dict[str, object]] = field(default_factory=dict)
    collect: dict[str, object] = field(default_factory=dict)
    resolve: dict[str, object] = field(default_factory=dict)
    gate: dict[str, object] = field(default_factory=dict)


def load_config(given: Path | None = None) -> Config:
    """Return the configuration; raise `UsageError` with file, key and what is expected."""
    path = find_config(given)
    base = path.resolve().parent if path else Path.cwd()
    file = build_dataclass(_ConfigFile, load_toml(path) if path else {}, f"{path}: ")
    feeds, guards = _build_sources(file, base, f"{path}: ")
    known = load_targets(base)
    policy = build_policy_config(file.policy, f"{path}: policy")
    exports = {
        name: _add_own_names(
            build_export(name, table, known, base, f"{path}: exports.{name}"), policy
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
        collect=build_collect_config(file.collect, f"{path}: collect"),
        resolve=build_resolve_config(file.resolve, base, f"{path}: resolve"),
        gate=build_gate_config(file.gate, f"{path}: gate"),
    )
    _refuse_shared_paths(config)
    _refuse_unknown_feeds(config)
    _require_fact_sources(config)
    return config


def _build_sources(
    file: _ConfigFile, base: Path, where: str
) -> tuple[dict[str, Feed], dict[str, Feed]]:
    known = load_feed_definitions(base)
    feeds = {name: found for name, found in known.items() if "guard" not in found.table}
    guards = {name: found for name, found in known.items() if name not in feeds}
    for name in {*known, *file.feeds, *file.guards}:
        if name == RESOLVED_FEED.name:
            key = f"{where}{'guards' if name in file.guards else 'feeds'}.{name}"
            raise ConfigError(f"{key}: a name that the program keeps for itself; choose another")
    for name in file.feeds:
        if name in guards or "guard" in file.feeds[name]:
            raise ConfigError(f"{where}feeds.{name}: a guard; write [guards.{name}]")
    for name in file.guards:
        if name in feeds or name in file.feeds:
            raise ConfigError(f"{where}guards.{name}: a feed has that name already")
    guard = {"guard": GuardClass.POPULAR}
    return (
        _merge_feed_tables(feeds, file.feeds, {}, base, f"{where}feeds"),
        _merge_feed_tables(guards, file.guards, guard, base, f"{where}guards"),
    )


def _merge_feed_tables(
    known: dict[str, FeedDefinition],
    own: dict[str, dict[str, object]],
    defaults: TomlTable,
    base: Path,
    where: str,
) -> dict[str, Feed]:
    """Return what the catalogue knows, as far as the user's `own` tables leave it, and the rest."""
    built = {}
    for name in {**known, **own}:
        place, table, feed = known.get(name, FeedDefinition(where, {"enabled": True, **defaults}))
        if name in own:
            # Who writes a table about a feed wants it, unless it says otherwise.
            table = override_table({**table, "enabled": True}, own[name])
            place, feed = f"{where}.{name}", None
        built[name] = _resolve_paths(feed or build_feed(name, table, place), base)
        if name in own and built[name].mandatory and not built[name].enabled:
            raise ConfigError(f"{place}.enabled: a mandatory guard cannot be switched off")
    return built


def _resolve_paths(feed: Feed, base: Path) -> Feed:
    def make_absolute(url: str) -> str:
        return url if "://" in url else str(base / url)

    digest = feed.sha256 and (feed.sha256 if is_digest(feed.sha256) else make_absolute(feed.sha256))
    meant: dict[str, Any] = {
        "urls": tuple(map(make_absolute, feed.urls)),
        "sha256": digest,
        "signature": feed.signature and make_absolute(feed.signature),
        "token_file": feed.token_file and str(base / feed.token_file),
    }
    changed = {key: value for key, value in meant.items() if value != getattr(feed, key)}
    # Most feeds are on the web and stay as they are.
    return replace(feed, **changed) if changed else feed


def _add_own_names(export: Export, policy: PolicyConfig) -> Export:
    """Return an export whose servers must go on resolving one's own names, the first of them."""
    own = [query.value for query in map(parse_query, policy.own) if query.kind is Kind.DOMAIN]
    names = (*export.installation.must_resolve, *own[:_MAX_OWN_NAMES])
    told = replace(export.installation, must_resolve=tuple(dict.fromkeys(names)))
    return replace(export, installation=told)


def _require_fact_sources(config: Config) -> None:
    """Let no export ask for what resolving does not tell."""
    for name, export in config.exports.items():
        if export.needs_countries and not config.resolve.country:
            key = "countries" if export.countries else "not_countries"
            where = f"{config.path}: exports.{name}.{key}"
            raise ConfigError(f"{where}: needs a file that knows them; set resolve.country")
        if export.behind_names and not config.resolve.addresses:
            where = f"{config.path}: exports.{name}.behind_names"
            raise ConfigError(f"{where}: no such address is ever blocked; set resolve.addresses")


def _refuse_shared_paths(config: Config) -> None:
    """Let no export overwrite another one, the ledger, the configuration or a feed's own file."""
    where = f"{config.path}: "
    takers = {
        _real_path(config.database, end): "the database" for end in ("", "-wal", "-shm", ".lock")
    }
    takers |= {_real_path(config.path or Path(CONFIG_FILE_NAME)): "the configuration"}
    for feed in config.enabled_sources:
        takers |= {_real_path(Path(url)): f"the list of {feed.config_key}" for url in feed.urls}
    for name, export in config.exports.items():
        taker = takers.setdefault(_real_path(export.path), f"exports.{name}")
        if taker != f"exports.{name}":
            raise ConfigError(f"{where}exports.{name}.path: {taker} is there already")


def _refuse_unknown_feeds(config: Config) -> None:
    for name, export in config.exports.items():
        for place, feed in enumerate(export.feeds):
            if feed not in config.feeds:
                hint = suggest_name(feed, config.feeds)
                where = f"{config.path}: exports.{name}.feeds[{place}]"
                raise ConfigError(f"{where}: no such feed{hint}")


def _real_path(path: Path, ending: str = "") -> str:
    # Path.resolve raises on a circle of links, which is no business of this check.
    return os.path.realpath(f"{path}{ending}")
