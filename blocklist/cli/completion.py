"""Complete names in the shell: what was typed -> feeds, exports, releases, held names, entries.

The configuration and the ledger are only read. Whatever fails gives no names, and no message: it
would be printed into the line that a person is typing.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from sqlite3 import Connection

import typer

#: The variable in which the script of a shell asks for names; see `typer.completion`.
_VARIABLE = "_BLOCKLIST_COMPLETE"
#: More names than this are no help.
_MOST_NAMES = 100
_FOLDER_OF_FEEDS = "feeds"

Completion = Callable[[typer.Context, str], list[str]]
_Source = Callable[[typer.Context, str], Iterable[str]]


def is_completing() -> bool:
    """Return whether the shell asks for names, and shows nothing else."""
    return os.environ.get(_VARIABLE, "").startswith("complete")


def _complete(find: _Source) -> Completion:
    """Return the function that gives the names which begin as what was typed."""

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        # SQLite reports Ctrl-C, too, which ends the question and not the shell.
        with suppress(Exception, KeyboardInterrupt):
            matches = (name for name in find(ctx, incomplete) if name.startswith(incomplete))
            return list(islice((name for name in matches if name.isprintable()), _MOST_NAMES))
        return []

    return complete


def _find_feeds(context: typer.Context, _incomplete: str) -> Iterable[str]:
    from blocklist.config.catalogue import find_catalogue_folder
    from blocklist.config.paths import ConfigSource

    source = ConfigSource(_config_path(context))
    names = {*_table_names(source.table, "feeds"), *_table_names(source.table, "guards")}
    for folder in (find_catalogue_folder("feeds"), source.folder / _FOLDER_OF_FEEDS):
        if folder.is_dir():
            names |= {
                file.name.removesuffix(".toml")
                for file in folder.iterdir()
                if file.name.endswith(".toml")
            }
    return sorted(names)


def _find_exports(context: typer.Context, _incomplete: str) -> Iterable[str]:
    from blocklist.config.paths import ConfigSource

    return _table_names(ConfigSource(_config_path(context)).table, "exports")


def _table_names(table: Mapping[str, object], key: str) -> list[str]:
    """Return the names of the tables below a key of the configuration, such as [feeds.NAME]."""
    inner = table.get(key)
    return sorted(inner) if isinstance(inner, dict) else []


def _find_releases(context: typer.Context, _incomplete: str) -> Iterable[str]:
    from blocklist.ledger.releases.history import list_releases

    with _open_ledger(context) as reader:
        return [str(release.number) for release in list_releases(reader)]


def _find_references(context: typer.Context, incomplete: str) -> Iterable[str]:
    return ("current", "candidate", *complete_releases(context, incomplete))


def _find_held(context: typer.Context, incomplete: str) -> Iterable[str]:
    from blocklist.ledger.operator.review import list_held_values

    with _open_ledger(context) as reader:
        return list_held_values(reader, incomplete, _MOST_NAMES)


def _find_entries(context: typer.Context, _incomplete: str) -> Iterable[str]:
    from blocklist.ledger.operator.entries import active_entries

    action = context.parent and context.parent.info_name
    with _open_ledger(context) as reader:
        return sorted({entry.value for entry in active_entries(reader) if entry.action == action})


@contextmanager
def _open_ledger(context: typer.Context) -> Iterator[Connection]:
    """Give a read-only connection; raise `LookupError` if there is no ledger."""
    from blocklist.config.paths import ConfigSource
    from blocklist.ledger.db.connection import open_read_only

    with open_read_only(ConfigSource(_config_path(context)).database) as reader:
        if reader is None:
            raise LookupError
        yield reader


def _config_path(context: typer.Context) -> Path | None:
    """Return the configuration that was given before the command."""
    given = context.find_root().params.get("config")
    return given and Path(given).expanduser()


complete_feeds = _complete(_find_feeds)
complete_exports = _complete(_find_exports)
complete_releases = _complete(_find_releases)
complete_references = _complete(_find_references)
complete_held = _complete(_find_held)
complete_entries = _complete(_find_entries)
