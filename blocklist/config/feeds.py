"""Load feed definitions: TOML files of the package and of the user's folder -> Feed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import NamedTuple

from blocklist.config.toml import TomlTable, build_dataclass, load_toml, require_valid
from blocklist.errors import ConfigError, StorageError
from blocklist.model import Category, Direction, GuardClass, Scope

#: Before the name of a source in `lineage` that is no feed of the catalogue.
EXTERNAL_PREFIX = "ext:"
#: Schemes of servers that send no files, and the format in which what they send is kept.
FORMAT_BY_SCHEME = {
    "axfr": "rpz",
    "misp+http": "misp",
    "misp+https": "misp",
    "taxii+http": "stix",
    "taxii+https": "stix",
}
_INTERVAL = re.compile(r"[1-9][0-9]{0,3}[mhdw]")
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")
# Base64 of "Ed", 8 bytes of a name and 32 of a key.
_MINISIGN_KEY = re.compile(r"RW[Q-T][A-Za-z0-9+/]{53}")
_TSIG_NAME = re.compile(r"(?:hmac-sha(?:1|224|256|384|512):)?[\w.-]+")


@dataclass(frozen=True, slots=True)
class Feed:
    """A source of indicators, as `feeds/NAME.toml` or a table of blocklist.toml describes it."""

    name: str
    #: Where it is fetched, mirrors in order: paths, file://, http(s)://,
    #: axfr://server/zone, misp+http(s)://, taxii+http(s)://.
    urls: tuple[str, ...]
    format: str
    title: str = ""
    maintainer: str = ""
    homepage: str = ""
    licence: str = ""
    #: Whether its terms let one pass its entries on; None when they do not say.
    redistribute: bool | None = None
    #: The public page that says where it is.
    documented: str = ""
    category: Category = Category.UNKNOWN
    #: How far a listing is to be believed, 0 to 1, and why.
    reliability: float = 0.5
    reliability_reason: str = ""
    #: For addresses: which connections it is about.
    direction: Direction | None = None
    #: Whose entries it passes on: names of feeds, or `ext:` and the name of a source without one.
    lineage: tuple[str, ...] = ()
    #: How often its maintainer wants it fetched, as in 6h.
    interval: str = ""
    enabled: bool = False
    #: What a listing covers, in place of what the format says.
    scope: Scope | None = None
    column: int = 1
    separator: str = ","
    rank_limit: int | None = None
    #: Set for guard lists: what they protect from.
    guard: GuardClass | None = None
    #: A guard without which no release is published.
    mandatory: bool = False
    #: In place of the policy's, for feeds that swing by nature.
    max_shrink: float | None = None
    max_growth: float | None = None
    #: Sent along with each request, as in "Auth-Key: $NAME", where NAME is an environment variable.
    headers: tuple[str, ...] = ()
    #: Where its token is: an environment variable, or a file. It goes where a URL says `{token}`,
    #: else into an Authorization header.
    token_env: str = ""
    token_file: str = ""
    #: Whose password the token is: then both go into an Authorization header (RFC 7617).
    user: str = ""
    #: What a snapshot must hash to: 64 hexadecimal digits, or the place of a file that says them.
    sha256: str = ""
    #: The minisign key that snapshots must be signed with; and where the signature is, in place of
    #: the snapshot's own URL with `.minisig` after it.
    minisign: str = ""
    signature: str = ""
    #: More than this is no list, as sent and as unpacked; in place of the one in `[collect]`.
    max_bytes: int | None = None
    #: csv: the column by its name in the header row, in place of its number.
    column_name: str = ""
    #: csv: rows to read, each `column=value`; several values of a column are alternatives.
    filters: tuple[str, ...] = ()
    #: What starts a comment, in place of what the format says.
    comment: str | None = None
    #: json: a JMESPath expression that gives the entries.
    path: str = ""
    #: rpz: the zone's own name, where the file does not tell it.
    zone: str = ""
    #: axfr: the name of the TSIG key, whose secret is the token, as in `hmac-sha512:NAME`.
    tsig: str = ""

    @property
    def config_key(self) -> str:
        """Its table in blocklist.toml."""
        return f"{'guards' if self.guard else 'feeds'}.{self.name}"

    def can_read_url(self, url: str) -> bool:
        """Whether what is at a URL can be in the feed's format."""
        return FORMAT_BY_SCHEME.get(url_scheme(url), self.format) == self.format


#: The feed that the program keeps itself: addresses that are blocked for the names on them.
RESOLVED_FEED = Feed(
    name="resolved",
    urls=("blocklist resolve",),
    format="ips",
    title="Addresses behind blocked names",
    category=Category.MIXED,
    reliability=0.8,
    direction=Direction.OUT,
)


def url_scheme(url: str) -> str:
    """Return the scheme of a URL, nothing for a path."""
    before, separator, _ = url.partition("://")
    return before.lower() if separator else ""


def find_catalogue_folder(kind: str) -> Traversable:
    """Return the folder `feeds` or `exports` of the wheel, or of the checkout."""
    packed = files("blocklist") / "_catalogue" / kind
    return packed if packed.is_dir() else files("blocklist") / ".." / kind


def read_toml_folder(folder: Traversable) -> Iterator[tuple[str, str, TomlTable]]:
    """Yield name, place and table of each file in a folder of the catalogue."""
    for entry in _list_folder(folder):
        if entry.name.endswith(".toml"):
            yield entry.name.removesuffix(".toml"), f"{entry}: ", load_toml(entry)


class FeedDefinition(NamedTuple):
    """A feed of the catalogue: the place of its table, the table, and what it says as it stands."""

    where: str
    table: TomlTable
    #: Only of those that ship: in a table of the user's own, blocklist.toml may fill the gaps.
    feed: Feed | None = None


def load_feed_definitions(own: Path) -> dict[str, FeedDefinition]:
    """Return all feeds by name; the user's own win over shipped ones of the same name."""
    mine = {
        name: FeedDefinition(where, table) for name, where, table in read_toml_folder(own / "feeds")
    }
    return _load_shipped_feeds() | mine


@cache
def _load_shipped_feeds() -> dict[str, FeedDefinition]:
    """Read what ships once, for no part of it changes while the program runs."""
    return {
        name: FeedDefinition(where, table, build_feed(name, table, where))
        for name, where, table in read_toml_folder(find_catalogue_folder("feeds"))
    }


def _list_folder(folder: Traversable) -> list[Traversable]:
    try:
        found = folder.iterdir() if folder.is_dir() else ()
        return sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise StorageError(f"{folder}: cannot be read: {error.strerror or error}") from None


def build_feed(name: str, table: TomlTable, where: str) -> Feed:
    """Return a feed from its table, in which `url` stands for a list of one."""
    table = dict(table)
    if "url" in table:
        if "urls" in table:
            raise ConfigError(f"{where}: give either url or urls, not both")
        table["urls"] = [table.pop("url")]
    built = build_dataclass(Feed, table, where, name=name)
    shrink, growth, limit = built.max_shrink, built.max_growth, built.rank_limit
    for holds, key, expected in (
        (any(built.urls) and all(built.urls), "urls", "at least one path or URL, none empty"),
        (0 <= built.reliability <= 1, "reliability", "a number from 0 to 1"),
        (
            not built.interval or _INTERVAL.fullmatch(built.interval) is not None,
            "interval",
            "a number and m, h, d or w, as in 6h",
        ),
        (built.column >= 1, "column", "the number of a column, from 1"),
        (len(built.separator) == 1, "separator", "one character"),
        (all(map(_is_filter, built.filters)), "filters", 'texts such as "url_status=online"'),
        (built.comment != "", "comment", "at least one character"),
        (
            all(map(built.can_read_url, built.urls)),
            "format",
            "rpz for axfr://, misp for misp+https://, stix for taxii+https://",
        ),
        (
            not built.minisign or _MINISIGN_KEY.fullmatch(built.minisign) is not None,
            "minisign",
            "the second line of a minisign.pub",
        ),
        *(
            (
                not getattr(built, key)
                or not any(url_scheme(url) in FORMAT_BY_SCHEME for url in built.urls),
                key,
                "none, for what these servers send is no file",
            )
            for key in ("sha256", "minisign")
        ),
        (
            not built.tsig or _TSIG_NAME.fullmatch(built.tsig) is not None,
            "tsig",
            "the name of a key",
        ),
        (_is_jmespath(built.path), "path", "a JMESPath expression, as in [].domain"),
        (limit is None or limit >= 1, "rank_limit", "a whole number from 1"),
        (shrink is None or 0 <= shrink <= 1, "max_shrink", "a number from 0 to 1"),
        (growth is None or growth >= 1, "max_growth", "a number of 1 or more"),
    ):
        require_valid(holds, where, key, expected)
    return built


def _is_filter(text: str) -> bool:
    column, equals, _ = text.partition("=")
    return bool(column.strip() and equals)


def _is_jmespath(text: str) -> bool:
    if not text:
        return True
    import jmespath

    try:
        jmespath.compile(text)
    except jmespath.exceptions.JMESPathError:
        return False
    return True


def is_digest(text: str) -> bool:
    """Whether a text is a SHA-256 digest itself, not the place of one."""
    return _DIGEST.fullmatch(text) is not None


def override_table(table: TomlTable, by: TomlTable) -> TomlTable:
    """Return a feed's table with the keys of another over it; `url` and `urls` are one key."""
    places = {"url", "urls"}
    replaced = places if places & by.keys() else set()
    return {key: value for key, value in table.items() if key not in replaced} | by
