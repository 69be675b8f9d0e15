"""Read sources.toml: where each group of shared networks comes from -> group sources."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from blocklist.config.feeds import Feed, build_feed
from blocklist.config.tables import build_dataclass
from blocklist.config.toml import TomlTable, load_toml
from blocklist.config_keys import Doc, Range
from blocklist.errors import ConfigError

SOURCES = Path(__file__).with_name("sources.toml")
#: The date of networks that nobody compared with their source.
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Page:
    """A page with networks; `link` is the pattern of a link on it that is followed first."""

    feed: Feed
    link: re.Pattern[str] | None


@dataclass(frozen=True, slots=True)
class GroupSource:
    """Where the networks of one group come from: pages, a list kept by hand, or both."""

    pages: tuple[Page, ...]
    title: Annotated[str, Doc("The name of the group for people.")]
    kind: Annotated[str, Doc("The kind of sharing.")]
    why: Annotated[str, Doc("The reason that its networks are shared.")]
    source: Annotated[str, Doc("The documents that list them, for people.")]
    networks: Annotated[tuple[str, ...], Doc("The networks that are kept by hand.")] = ()
    date: Annotated[str, Doc("The day on which those were compared, or `unknown`.")] = ""
    max_shrink: Annotated[float, Range(0, 1), Doc("The largest part that may go at once.")] = 0.3


def load_sources(path: Path = SOURCES) -> list[GroupSource]:
    """Return all group sources in the order of the file; raise `ConfigError` for mistakes."""
    return [_build_group(table, f"{path}: group") for table in load_toml(path)["group"]]


def _build_group(table: TomlTable, where: str) -> GroupSource:
    pages = tuple(_build_page(page, f"{where}.page") for page in table.pop("page", []))
    group = build_dataclass(GroupSource, table, where, pages=pages)
    if bool(group.networks) != bool(group.date):
        raise ConfigError(f"{where}: {group.title}: networks kept by hand need a date")
    return group


def _build_page(table: TomlTable, where: str) -> Page:
    link = table.pop("link", None)
    page = Page(build_feed("page", table, where), re.compile(link) if link else None)
    for url in page.feed.urls:
        if not url.startswith("https://"):  # anybody on the way could add networks
            raise ConfigError(f"{where}: {url}: expected https://")
    return page
