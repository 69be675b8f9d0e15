"""List names for completion in the shell: path of the configuration, or None -> names.

Only what is asked for is read: the configuration is not checked, and no list of feeds is parsed.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection

from blocklist.config.catalogue import find_catalogue_folder
from blocklist.config.paths import ConfigSource
from blocklist.errors import NotFoundError
from blocklist.ledger.db.connection import open_read_only


def list_feed_names(config: Path | None) -> list[str]:
    """Return the names of all feeds and guards, sorted."""
    source = ConfigSource(config)
    names = {*_table_names(source.table, "feeds"), *_table_names(source.table, "guards")}
    for folder in (find_catalogue_folder("feeds"), source.folder / "feeds"):
        files = [file.name for file in folder.iterdir()] if folder.is_dir() else []
        names |= {name.removesuffix(".toml") for name in files if name.endswith(".toml")}
    return sorted(names)


def list_export_names(config: Path | None) -> list[str]:
    """Return the names of all exports, sorted."""
    return _table_names(ConfigSource(config).table, "exports")


def list_release_numbers(config: Path | None) -> list[int]:
    """Return the numbers of all releases, newest first; raise `NotFoundError` without a ledger."""
    from blocklist.ledger.releases.history import list_releases

    with _open_ledger(config) as reader:
        return [release.number for release in list_releases(reader)]


def list_held_names(config: Path | None, start: str, limit: int) -> list[str]:
    """Return held indicators that begin with a text; raise `NotFoundError` without a ledger."""
    from blocklist.ledger.operator.review import list_held_values

    with _open_ledger(config) as reader:
        return list_held_values(reader, start, limit)


def list_entry_names(config: Path | None, action: str) -> list[str]:
    """Return what the entries of an action are for; raise `NotFoundError` without a ledger."""
    from blocklist.ledger.operator.entries import active_entries

    with _open_ledger(config) as reader:
        return sorted({entry.value for entry in active_entries(reader) if entry.action == action})


def _table_names(table: Mapping[str, object], key: str) -> list[str]:
    """Return the names of the tables below a key of the configuration, such as [feeds.NAME]."""
    inner = table.get(key)
    return sorted(inner) if isinstance(inner, dict) else []


@contextmanager
def _open_ledger(config: Path | None) -> Iterator[Connection]:
    with open_read_only(ConfigSource(config).database) as reader:
        if reader is None:
            raise NotFoundError("there is no database yet")
        yield reader
