"""Merge the feed and guard tables of blocklist.toml with the catalogue: tables -> feeds, guards."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from blocklist.config.catalogue import FeedDefinition, load_feed_definitions
from blocklist.config.feeds import (
    RESOLVED_FEED,
    Feed,
    build_feed,
    override_table,
    resolve_feed_paths,
)
from blocklist.config.mistakes import Mistakes, format_value, join_key, suggest_close_name
from blocklist.config.tables import check_keys
from blocklist.config.toml import TomlTable
from blocklist.errors import ConfigError
from blocklist.model import GuardClass

#: Without any of these keys, a table is about a feed or guard that exists already.
_OWN_KEYS = {"url", "urls", "format"}
_RESERVED = "the program uses this name itself; choose another"


class Sources(NamedTuple):
    """The feeds and guards of the catalogue and of blocklist.toml, by name."""

    feeds: dict[str, Feed]
    guards: dict[str, Feed]
    #: The names of the sources with mistakes; they are in neither.
    faulty: set[str]


def build_sources(
    feed_tables: dict[str, TomlTable],
    guard_tables: dict[str, TomlTable],
    base: Path,
    where: str,
    mistakes: Mistakes,
) -> Sources:
    """Return all feeds and guards with paths below `base`, and add the mistakes in them.

    `where` is blocklist.toml and `: `.
    """
    definitions = load_feed_definitions(base, mistakes)
    guards = [name for name, (_, table, _) in definitions.items() if table and "guard" in table]
    faulty = _find_faulty_files(definitions, mistakes)
    feeds = [name for name in definitions if name not in {*guards, *faulty}]
    for place, name, fault in (
        *_find_misplaced_feeds(feed_tables, guards, where),
        *_find_misplaced_guards(guard_tables, {*feeds, *feed_tables}, where),
    ):
        mistakes.add(place, fault)
        faulty.add(name)
    builder = _SourceBuilder(definitions, base, faulty, mistakes)
    guard = {"guard": GuardClass.POPULAR}
    return Sources(
        builder.build_all(feeds, feed_tables, {}, f"{where}feeds"),
        builder.build_all(guards, guard_tables, guard, f"{where}guards"),
        faulty,
    )


def _find_faulty_files(definitions: dict[str, FeedDefinition], mistakes: Mistakes) -> set[str]:
    """Return the names of definitions that are no TOML or have a reserved name."""
    faulty = {name for name, (_, table, _) in definitions.items() if table is None}
    if RESOLVED_FEED.name in definitions:
        faulty.add(RESOLVED_FEED.name)
        mistakes.add(definitions[RESOLVED_FEED.name].where.removesuffix(": "), _RESERVED)
    return faulty


def _find_misplaced_feeds(
    tables: dict[str, TomlTable], guards: Collection[str], where: str
) -> Iterator[tuple[str, str, str]]:
    """Yield place, name and fault of each table that cannot be a feed."""
    for name, table in tables.items():
        place = join_key(f"{where}feeds", name)
        if name == RESOLVED_FEED.name:
            yield place, name, _RESERVED
        elif name in guards or "guard" in table:
            yield place, name, f"a guard; write [guards.{name}]"


def _find_misplaced_guards(
    tables: dict[str, TomlTable], feeds: Collection[str], where: str
) -> Iterator[tuple[str, str, str]]:
    """Yield place, name and fault of each table that cannot be a guard."""
    for name in tables:
        place = join_key(f"{where}guards", name)
        if name == RESOLVED_FEED.name:
            yield place, name, _RESERVED
        elif name in feeds:
            yield place, name, "a feed has that name already"


@dataclass(frozen=True, slots=True)
class _SourceBuilder:
    definitions: dict[str, FeedDefinition]
    base: Path
    #: Names that are not built; those that turn out to have mistakes are added.
    faulty: set[str]
    mistakes: Mistakes

    def build_all(
        self, names: list[str], tables: dict[str, TomlTable], defaults: TomlTable, where: str
    ) -> dict[str, Feed]:
        """Return the sources of these names and of the user's tables that have no mistakes."""
        built = {}
        for name in dict.fromkeys([*names, *tables]):
            if name in self.faulty:
                continue
            self.faulty.add(name)
            with self.mistakes.collect():
                feed = self._build(name, tables.get(name), defaults, join_key(where, name))
                built[name] = resolve_feed_paths(feed, self.base)
                self.faulty.remove(name)
        return built

    def _build(
        self, name: str, user_table: TomlTable | None, defaults: TomlTable, place: str
    ) -> Feed:
        """Return a source; `user_table` is its table in blocklist.toml, at `place`."""
        where, table, feed = self.definitions.get(name, FeedDefinition(place, defaults))
        assert table is not None, "a file that is no TOML is faulty"
        if user_table is not None and name not in self.definitions:
            self._refuse_unknown(name, user_table, place)
        if user_table is not None:
            # A table about a feed enables it unless it says otherwise.
            table, where, feed = override_table({**table, "enabled": True}, user_table), place, None
        feed = feed or build_feed(name, table, where)
        if user_table is not None and feed.mandatory and not feed.enabled:
            raise ConfigError(f"{place}.enabled: a mandatory guard cannot be switched off")
        return feed

    def _refuse_unknown(self, name: str, user_table: TomlTable, place: str) -> None:
        """Raise `ConfigError` for a table that changes a feed or guard which does not exist."""
        if _OWN_KEYS & user_table.keys():
            return
        mistakes = Mistakes()
        noun = "guard" if ": guards." in place else "feed"
        hint = suggest_close_name(name, self._names(is_guard=noun == "guard"))
        text = f"there is no {noun} {format_value(name)}{hint}"
        mistakes.add(place, f"{text} (a {noun} of your own needs url and format)")
        check_keys(Feed, user_table, place, mistakes)
        raise mistakes.error()

    def _names(self, *, is_guard: bool) -> Iterator[str]:
        for name, (_, table, _) in self.definitions.items():
            if table and ("guard" in table) is is_guard:
                yield name
