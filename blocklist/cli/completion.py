"""Complete names in the shell: what was typed -> feeds, exports, releases, held names, entries.

Whatever fails gives no names, and no message: it would be printed into the line that a person is
typing.
"""

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import islice
from pathlib import Path

import typer

#: The variable in which the script of a shell asks for names.
_VARIABLE = "_BLOCKLIST_COMPLETE"
#: More names than this are no help.
_MOST_NAMES = 100

Completion = Callable[[typer.Context, str], list[str]]


def is_completing() -> bool:
    """Return whether the shell asks for names, and shows nothing else."""
    return os.environ.get(_VARIABLE, "").startswith("complete")


def _complete(find: Callable[[typer.Context, str], Iterable[str]]) -> Completion:
    """Return the function that gives the names which begin as what was typed."""

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        # Ctrl-C ends the question and not the shell.
        with suppress(Exception, KeyboardInterrupt):
            matches = (name for name in find(ctx, incomplete) if name.startswith(incomplete))
            return list(islice((name for name in matches if name.isprintable()), _MOST_NAMES))
        return []

    return complete


def _find_feeds(context: typer.Context, _incomplete: str) -> Iterable[str]:
    from blocklist.api.names import list_feed_names

    return list_feed_names(_config_path(context))


def _find_exports(context: typer.Context, _incomplete: str) -> Iterable[str]:
    from blocklist.api.names import list_export_names

    return list_export_names(_config_path(context))


def _find_releases(context: typer.Context, _incomplete: str) -> Iterable[str]:
    from blocklist.api.names import list_release_numbers

    return map(str, list_release_numbers(_config_path(context)))


def _find_references(context: typer.Context, incomplete: str) -> Iterable[str]:
    return ("current", "candidate", *complete_releases(context, incomplete))


def _find_held(context: typer.Context, incomplete: str) -> Iterable[str]:
    from blocklist.api.names import list_held_names

    return list_held_names(_config_path(context), incomplete, _MOST_NAMES)


def _find_entries(context: typer.Context, _incomplete: str) -> Iterable[str]:
    from blocklist.api.names import list_entry_names

    group = context.parent
    return list_entry_names(_config_path(context), (group and group.info_name) or "")


def _config_path(context: typer.Context) -> Path | None:
    """Return the configuration that was given before the command."""
    given = context.find_root().params.get("config")
    return Path(given).expanduser() if given else None


complete_feeds = _complete(_find_feeds)
complete_exports = _complete(_find_exports)
complete_releases = _complete(_find_releases)
complete_references = _complete(_find_references)
complete_held = _complete(_find_held)
complete_entries = _complete(_find_entries)
