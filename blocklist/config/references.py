"""Check what exports refer to: exports, feeds and paths -> places and their faults."""

import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from blocklist.config.exports import Export
from blocklist.config.feeds import Feed
from blocklist.config.mistakes import suggest_name
from blocklist.config.sections import ResolveConfig

#: Keys below `exports` in blocklist.toml, and what is wrong with each.
ReferenceFaults = Iterator[tuple[str, str]]


def find_unknown_feeds(exports: Iterable[Export], feeds: Collection[str]) -> ReferenceFaults:
    """Yield the keys that name a feed that does not exist."""
    for export in exports:
        for number, feed in enumerate(export.feeds):
            if feed not in feeds:
                key = f"exports.{export.name}.feeds[{number}]"
                yield key, f"no such feed{suggest_name(feed, feeds)}"


def find_missing_facts(exports: Iterable[Export], resolve: ResolveConfig) -> ReferenceFaults:
    """Yield the keys that need facts which `[resolve]` does not collect."""
    for export in exports:
        key = f"exports.{export.name}"
        if export.needs_countries and not resolve.country:
            key = f"{key}.countries" if export.countries else f"{key}.not_countries"
            yield key, "no file has the countries of addresses; set resolve.country"
        if export.behind_names and not resolve.addresses:
            yield f"{key}.behind_names", "no such address is ever blocked; set resolve.addresses"


def find_shared_paths(
    exports: Iterable[Export], config: Path, database: Path, sources: Iterable[Feed]
) -> ReferenceFaults:
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


def _real_path(path: Path, ending: str = "") -> str:
    # Path.resolve raises an error for a circle of links, which does not matter here.
    return os.path.realpath(f"{path}{ending}")
