"""Load blocklist.toml: path -> Config, or every mistake in it and in the files beside it."""

import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

from blocklist.config.exports import Export, build_export
from blocklist.config.feeds import RESOLVED_FEED, Feed
from blocklist.config.mistakes import Mistakes, join_key, suggest_name
from blocklist.config.paths import CONFIG_FILE_NAME, DEFAULT_DATABASE, ConfigSource
from blocklist.config.sections import (
    CollectConfig,
    GateConfig,
    PolicyConfig,
    ResolveConfig,
    resolve_section_paths,
)
from blocklist.config.sources import build_sources
from blocklist.config.tables import read_table
from blocklist.config.targets import TargetContent, read_targets
from blocklist.config.toml import TomlTable
from blocklist.config_keys import Doc
from blocklist.indicators.query import parse_query
from blocklist.model import Kind

#: The most of the operator's own names that a server must resolve after an installation.
_MAX_OWN_NAMES = 20
#: Keys below `exports` in blocklist.toml, and what is wrong with each.
_ReferenceFaults = Iterator[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class ConfigTables:
    """The keys of blocklist.toml."""

    database: Annotated[str, Doc("The SQLite file with all listings, decisions and releases.")] = (
        DEFAULT_DATABASE
    )
    feeds: Annotated[dict[str, TomlTable], Doc("The feeds: the sources that list fraud.")] = field(
        default_factory=dict
    )
    guards: Annotated[
        dict[str, TomlTable],
        Doc("The guards: lists of names and networks that are protected from being blocked."),
    ] = field(default_factory=dict)
    policy: Annotated[PolicyConfig, Doc("How listings become verdicts.")] = field(
        default_factory=PolicyConfig
    )
    exports: Annotated[dict[str, TomlTable], Doc("The exports: files for servers.")] = field(
        default_factory=dict
    )
    collect: Annotated[CollectConfig, Doc("The time limits, tries and sizes of fetching.")] = field(
        default_factory=CollectConfig
    )
    resolve: Annotated[ResolveConfig, Doc("How names are looked up in the DNS.")] = field(
        default_factory=ResolveConfig
    )
    gate: Annotated[
        GateConfig, Doc("The changes that a release may make without a person's consent.")
    ] = field(default_factory=GateConfig)


@dataclass(frozen=True, slots=True)
class Config:
    """The content of blocklist.toml, with paths resolved against its folder."""

    path: Path | None
    database: Path
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    #: All feeds and guards by name, of the catalogue and the user, enabled or not.
    feeds: dict[str, Feed] = field(default_factory=dict)
    guards: dict[str, Feed] = field(default_factory=dict)
    exports: dict[str, Export] = field(default_factory=dict)
    collect: CollectConfig = field(default_factory=CollectConfig)
    resolve: ResolveConfig = field(default_factory=ResolveConfig)
    gate: GateConfig = field(default_factory=GateConfig)

    @property
    def enabled_sources(self) -> list[Feed]:
        """The enabled guards and feeds, guards first."""
        sources = [*self.guards.values(), *self.feeds.values()]
        return [source for source in sources if source.enabled]

    @property
    def scoring_feeds(self) -> dict[str, Feed]:
        """The feeds whose listings are judged, with the feed that the program keeps itself."""
        enabled = {feed.name: feed for feed in self.feeds.values() if feed.enabled}
        return enabled | ({RESOLVED_FEED.name: RESOLVED_FEED} if self.resolve.addresses else {})


def load_config(given: ConfigSource | Path | None = None) -> Config:
    """Return the configuration of a source or at a path, or else the one in force.

    Raise `ConfigError` with all mistakes in blocklist.toml and in the files beside it, and
    `StorageError` for a file that cannot be read.
    """
    mistakes = Mistakes()
    source = given if isinstance(given, ConfigSource) else ConfigSource(given)
    table: TomlTable = {}
    with mistakes.collect():
        table = source.table
    tables = read_table(ConfigTables, table, f"{source.shown}: ", mistakes) or ConfigTables()
    config = _build_config(source, tables, mistakes)
    mistakes.raise_any()
    return config


def _build_config(source: ConfigSource, tables: ConfigTables, mistakes: Mistakes) -> Config:
    """Return the configuration without the parts that have mistakes, and add those."""
    where, base = f"{source.shown}: ", source.folder
    sources = build_sources(tables.feeds, tables.guards, base, where, mistakes)
    config = Config(
        path=source.path,
        database=base / tables.database,
        policy=tables.policy,
        feeds=sources.feeds,
        guards=sources.guards,
        exports=_build_exports(tables, base, where, mistakes),
        collect=tables.collect,
        resolve=resolve_section_paths(tables.resolve, base),
        gate=tables.gate,
    )
    exports = config.exports.values()
    own_file = source.path or Path(CONFIG_FILE_NAME)
    for key, fault in (
        *_find_unknown_feeds(exports, {*config.feeds, *sources.faulty}),
        *_find_missing_facts(exports, config.resolve),
        *_find_shared_paths(exports, own_file, config.database, config.enabled_sources),
        *_find_shared_zones(exports),
    ):
        mistakes.add(f"{where}{key}", fault)
    return config


def _build_exports(
    tables: ConfigTables, base: Path, where: str, mistakes: Mistakes
) -> dict[str, Export]:
    targets = read_targets(base, mistakes)
    exports = {}
    for name, table in tables.exports.items():
        with mistakes.collect():
            export = build_export(name, table, targets, base, join_key(f"{where}exports", name))
            if export:
                exports[name] = _add_own_names(export, tables.policy)
    listing = {export.target.name for export in exports.values() if _lists_all_allows(export)}
    return {
        name: replace(export, has_allow_list=export.target.allow_list in listing)
        for name, export in exports.items()
    }


def _lists_all_allows(export: Export) -> bool:
    """Return whether an export has every allowed name that its target can express."""
    takes_names = not export.kinds or Kind.DOMAIN in export.kinds
    is_list = export.target.lists is TargetContent.ALLOWS
    return is_list and takes_names and export.max_entries is None


def _add_own_names(export: Export, policy: PolicyConfig) -> Export:
    """Return an export whose servers must resolve the first of the operator's own names, too."""
    own = [query.value for query in map(parse_query, policy.own) if query.kind is Kind.DOMAIN]
    names = dict.fromkeys((*export.installation.must_resolve, *own[:_MAX_OWN_NAMES]))
    return replace(export, installation=replace(export.installation, must_resolve=tuple(names)))


def _find_unknown_feeds(exports: Iterable[Export], feeds: Collection[str]) -> _ReferenceFaults:
    """Yield the keys that name a feed that does not exist."""
    for export in exports:
        for number, feed in enumerate(export.feeds):
            if feed not in feeds:
                key = f"exports.{export.name}.feeds[{number}]"
                yield key, f"no such feed{suggest_name(feed, feeds)}"


def _find_missing_facts(exports: Iterable[Export], resolve: ResolveConfig) -> _ReferenceFaults:
    """Yield the keys that need facts which `[resolve]` does not collect."""
    for export in exports:
        key = f"exports.{export.name}"
        if export.needs_countries and not resolve.country:
            key = f"{key}.countries" if export.countries else f"{key}.not_countries"
            yield key, "no file has the countries of addresses; set resolve.country"
        if export.behind_names and not resolve.addresses:
            yield f"{key}.behind_names", "no such address is ever blocked; set resolve.addresses"


def _find_shared_paths(
    exports: Iterable[Export], config: Path, database: Path, sources: Iterable[Feed]
) -> _ReferenceFaults:
    """Yield the exports that would overwrite another file: an export, a list or our own."""
    owners = {_real_path(database, end): "the database" for end in ("", "-wal", "-shm", ".lock")}
    owners[_real_path(config)] = "the configuration"
    for feed in sources:
        owners |= {_real_path(Path(url)): f"the list of {feed.config_key}" for url in feed.urls}
    for export in exports:
        key = f"exports.{export.name}"
        owner = owners.setdefault(_real_path(export.path), key)
        if owner != key:
            yield f"{key}.path", f"{owner} has this path already"
    for export in filter(lambda one: one.hot, exports):
        key = f"exports.{export.name}"
        owner = owners.setdefault(_real_path(export.as_hot().path), f"the hot zone of {key}")
        if owner != f"the hot zone of {key}":
            yield f"{key}.hot_path", f"{owner} has this path already"


def _find_shared_zones(exports: Iterable[Export]) -> _ReferenceFaults:
    """Yield the hot zones that have the name of another zone: a server loads one of them."""
    owners = {export.zone: f"exports.{export.name}" for export in exports}
    for export in filter(lambda one: one.hot, exports):
        key = f"exports.{export.name}"
        owner = owners.setdefault(export.as_hot().zone, f"the hot zone of {key}")
        if owner != f"the hot zone of {key}":
            yield f"{key}.hot_zone", f"{owner} has this zone already"


def _real_path(path: Path, ending: str = "") -> str:
    # Path.resolve raises an error for a circle of links, which does not matter here.
    return os.path.realpath(f"{path}{ending}")
