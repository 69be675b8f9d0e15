"""Read the catalogue: the folders feeds/ and exports/ of the package and the user -> tables."""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import NamedTuple

from blocklist.config.feeds import Feed, build_feed
from blocklist.config.mistakes import Mistakes
from blocklist.config.tables import check_keys
from blocklist.config.toml import TomlTable, load_toml
from blocklist.errors import StorageError


class TomlFile(NamedTuple):
    """A file of the catalogue; `table` is `None` if the file is no TOML."""

    name: str
    #: The place of the file's keys in messages.
    where: str
    table: TomlTable | None


class FeedDefinition(NamedTuple):
    """A feed of the catalogue; `table` is `None` if its file has mistakes."""

    where: str
    table: TomlTable | None
    #: Only for feeds of the package; blocklist.toml may complete the user's own.
    feed: Feed | None = None


def find_catalogue_folder(kind: str) -> Traversable:
    """Return the folder `feeds` or `exports` of the wheel, or of the checkout."""
    packed = files("blocklist") / "_catalogue" / kind
    return packed if packed.is_dir() else files("blocklist") / ".." / kind


def read_toml_folder(folder: Traversable, mistakes: Mistakes) -> Iterator[TomlFile]:
    """Yield the TOML files of a folder by name, and add a mistake for each that is no TOML."""
    for entry in _list_folder(folder):
        if entry.name.endswith(".toml"):
            table = None
            with mistakes.collect():
                table = load_toml(entry)
            yield TomlFile(entry.name.removesuffix(".toml"), f"{entry}: ", table)


def load_feed_definitions(base: Path, mistakes: Mistakes) -> dict[str, FeedDefinition]:
    """Return all feeds by name; those in `feeds/` below `base` replace those of the package.

    A key may be missing in a file of `feeds/`, because blocklist.toml may add it.
    """
    definitions = dict(_load_package_feeds())
    for name, where, table in read_toml_folder(base / "feeds", mistakes):
        is_fine = table is not None and check_keys(Feed, table, where, mistakes)
        definitions[name] = FeedDefinition(where, table if is_fine else None)
    return definitions


def find_package_feed(name: str) -> Feed | None:
    """Return the feed of this name that the package ships; None if there is none."""
    definition = _load_package_feeds().get(name)
    return definition.feed if definition else None


@cache
def _load_package_feeds() -> dict[str, FeedDefinition]:
    """Read the feeds of the package once, because they do not change while the program runs."""
    mistakes = Mistakes()
    definitions = {
        name: FeedDefinition(where, table, build_feed(name, table, where))
        for name, where, table in read_toml_folder(find_catalogue_folder("feeds"), mistakes)
        if table is not None
    }
    mistakes.raise_any()
    return definitions


def _list_folder(folder: Traversable) -> list[Traversable]:
    try:
        entries = folder.iterdir() if folder.is_dir() else ()
        return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise StorageError(f"{folder}: cannot be read: {error.strerror or error}") from None
