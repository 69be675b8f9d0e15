"""Define feeds and build them from their tables: TOML table -> Feed."""

import re
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from blocklist.config.mistakes import format_value, suggest_name
from blocklist.config.tables import KeyFaults, build_dataclass
from blocklist.config.toml import TomlTable
from blocklist.config_keys import Doc, Embedded, Form, Range, SingleKey
from blocklist.model import Category, Direction, GuardClass
from blocklist.parse.options import ParseOptions
from blocklist.plugins import FORMAT_EXTENSIONS

#: The reliability of a feed of which nothing is known.
DEFAULT_RELIABILITY = 0.5
#: The prefix of a source in `lineage` that is no feed of the catalogue.
EXTERNAL_PREFIX = "ext:"
#: Schemes of servers that send no files, and the format in which their content is stored.
FORMAT_BY_SCHEME = {
    "axfr": "rpz",
    "misp+http": "misp",
    "misp+https": "misp",
    "taxii+http": "stix",
    "taxii+https": "stix",
}
#: A URL without its slashes, which would be taken for a path.
_HALF_URL = re.compile(
    rf"(?:https?|file|{'|'.join(map(re.escape, FORMAT_BY_SCHEME))}):(?!//)", re.I
)
_SUFFIX_FORMAT = "public-suffix"
_INTERVAL = re.compile(r"[1-9][0-9]{0,3}[mhdw]")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")
# Base64 of "Ed", 8 bytes of a name and 32 of a key.
_MINISIGN_KEY = re.compile(r"RW[Q-T][A-Za-z0-9+/]{53}")
_TSIG_NAME = re.compile(r"(?:hmac-sha(?:1|224|256|384|512):)?[\w.-]+")


def is_date(text: str) -> bool:
    """Return whether a text is a date as in `2026-08-19`."""
    try:
        return _DATE.fullmatch(text) is not None and bool(date.fromisoformat(text))
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Feed:
    """A source of indicators, described by `feeds/NAME.toml` or a table of blocklist.toml."""

    name: str
    urls: Annotated[
        tuple[Annotated[str, Form(bool, "a path or URL")], ...],
        Form(bool, "a list of at least one path or URL"),
        SingleKey("url"),
        Doc(
            "The places of the list: paths, `file://`, `http://`, `https://` or the URLs of other "
            "servers. The first that answers is used."
        ),
    ]
    format: Annotated[str, Doc("The format of the list, such as `hosts` or `csv`.")]
    title: Annotated[str, Doc("The name of the list for people.")] = ""
    maintainer: Annotated[str, Doc("The person or organisation that maintains the list.")] = ""
    homepage: Annotated[str, Doc("The web page about the list.")] = ""
    licence: Annotated[str, Doc("The terms of use.")] = ""
    redistribute: Annotated[
        bool | None,
        Doc(
            "Whether the terms allow you to publish the entries. Without this key, the terms do "
            "not say."
        ),
    ] = None
    documented: Annotated[str, Doc("The public page that names the URL of the list.")] = ""
    verified: Annotated[
        str,
        Form(is_date, "a date such as 2026-08-19"),
        Doc(
            "The date of the copy of the list with which the format was checked. Without this key, "
            "no copy was read."
        ),
    ] = ""
    evidence: Annotated[
        str, Doc("The copy of the list that was read, or the reason that none was.")
    ] = ""
    category: Annotated[Category, Doc("What the feed lists.")] = Category.UNKNOWN
    reliability: Annotated[
        float, Range(0, 1), Doc("How far a listing of this feed is trusted. The score uses it.")
    ] = DEFAULT_RELIABILITY
    reliability_reason: Annotated[str, Doc("The reason for this reliability.")] = ""
    direction: Annotated[
        Direction | None, Doc("For addresses: the connections that the feed is about.")
    ] = None
    lineage: Annotated[
        tuple[str, ...],
        Doc(
            "The sources whose entries the feed repeats: names of feeds, or `ext:` and a name for "
            "a source that is no feed here."
        ),
    ] = ()
    interval: Annotated[
        str,
        Form(_INTERVAL.fullmatch, "a number and m, h, d or w, as in 6h"),
        Doc("The time between two fetches that the maintainer asks for."),
    ] = ""
    enabled: Annotated[bool, Doc("Whether the feed is used.")] = False
    parse_options: Annotated[ParseOptions, Embedded] = field(default_factory=ParseOptions)
    guard: Annotated[
        GuardClass | None, Doc("The class of a guard list; other feeds do not have this key.")
    ] = None
    mandatory: Annotated[bool, Doc("For a guard list: no release is made without this list.")] = (
        False
    )
    max_shrink: Annotated[
        float | None, Range(0, 1), Doc("The limit of this feed, instead of the one in `[policy]`.")
    ] = None
    max_growth: Annotated[
        float | None, Range(1), Doc("The limit of this feed, instead of the one in `[policy]`.")
    ] = None
    can_be_empty: Annotated[
        bool,
        Doc(
            "Whether a list with no entry at all is accepted, for lists that have none at times. "
            "Without this key, an empty list is refused as a bad download."
        ),
    ] = False
    headers: Annotated[
        tuple[str, ...],
        Doc(
            "HTTP headers for each request, such as `Auth-Key: $NAME`; `$NAME` is replaced by the "
            "environment variable `NAME`."
        ),
    ] = ()
    token_env: Annotated[
        str,
        Doc(
            "The environment variable with the token for the server. The token replaces `{token}` "
            "in the URL; without `{token}`, it is sent in the `Authorization` header."
        ),
    ] = ""
    token_file: Annotated[str, Doc("The file with the token, instead of `token_env`.")] = ""
    user: Annotated[
        str,
        Doc(
            "The user name, if the token is a password; both are sent in the `Authorization` "
            "header."
        ),
    ] = ""
    sha256: Annotated[
        str,
        Doc(
            "The expected SHA-256 of the list: 64 hexadecimal digits, or the path or URL of a "
            "file that contains them."
        ),
    ] = ""
    minisign: Annotated[
        str,
        Form(_MINISIGN_KEY.fullmatch, "the second line of a minisign.pub"),
        Doc("The minisign key that must have signed the list."),
    ] = ""
    signature: Annotated[
        str,
        Doc("The path or URL of the signature, if it is not the URL of the list and `.minisig`."),
    ] = ""
    max_bytes: Annotated[
        int | None, Range(1), Doc("The limit of this feed, instead of the one in `[collect]`.")
    ] = None
    tsig: Annotated[
        str,
        Form(_TSIG_NAME.fullmatch, "the name of a TSIG key, as in hmac-sha512:NAME"),
        Doc(
            "For `axfr://`: the TSIG key. Without an algorithm, it is `hmac-sha256`. The token is "
            "its secret, in Base64."
        ),
    ] = ""

    @property
    def config_key(self) -> str:
        """The key of its table in blocklist.toml."""
        return f"{'guards' if self.guard else 'feeds'}.{self.name}"

    @property
    def is_unverified(self) -> bool:
        """Whether its format was never checked with a copy of the list, although that was tried."""
        return bool(self.evidence) and not self.verified

    @property
    def has_ranks(self) -> bool:
        """Whether the feed gives ranks by which names are protected."""
        return self.parse_options.rank_column is not None

    def can_read_url(self, url: str) -> bool:
        """Return whether the content of a URL can be in the feed's format."""
        return FORMAT_BY_SCHEME.get(url_scheme(url), self.format) == self.format


#: The feed that the program keeps itself: addresses that are blocked because of names on them.
RESOLVED_FEED = Feed(
    name="resolved",
    urls=("blocklist resolve",),
    format="ips",
    title="Addresses behind blocked names",
    category=Category.MIXED,
    reliability=0.8,
    direction=Direction.OUT,
)


def build_feed(name: str, table: TomlTable, where: str) -> Feed:
    """Return a feed from its table; raise `ConfigError` with all mistakes in it."""
    return build_dataclass(Feed, table, where, _find_faults, name=name)


def _find_faults(feed: Feed) -> KeyFaults:
    if not FORMAT_EXTENSIONS.has(feed.format):
        hint = suggest_name(feed.format, FORMAT_EXTENSIONS.names())
        yield "format", f"unknown format {format_value(feed.format)}{hint}"
    if any(map(_HALF_URL.match, feed.urls)):  # not shown, because it may contain a password
        yield "url", "expected :// after the scheme of a URL, as in https://example.net/list.txt"
    is_top_list = (feed.format, feed.guard) == ("csv", GuardClass.POPULAR)
    if feed.has_ranks and not is_top_list:
        yield "rank_column", 'expected none: only a guard "popular" of format csv has ranks'
    is_suffix_list = feed.guard is GuardClass.PUBLIC_SUFFIX
    if is_suffix_list != (feed.format == _SUFFIX_FORMAT):
        yield "guard", f'expected "{_SUFFIX_FORMAT}" for this format, and only for it'
    if not all(map(feed.can_read_url, feed.urls)):
        yield "format", "expected rpz for axfr://, misp for misp+https://, stix for taxii+https://"
    if any(url_scheme(url) in FORMAT_BY_SCHEME for url in feed.urls):
        for key in ("sha256", "minisign"):
            if getattr(feed, key):
                yield key, "expected none, because this kind of server does not send files"


def url_scheme(url: str) -> str:
    """Return the scheme of a URL in lower case; empty for a path."""
    before, separator, _ = url.partition("://")
    return before.lower() if separator else ""


def is_digest(text: str) -> bool:
    """Return whether a text is a SHA-256 digest, and not the place of one."""
    return _DIGEST.fullmatch(text) is not None


def override_table(table: TomlTable, by: TomlTable) -> TomlTable:
    """Return a feed's table with the keys of another over it; `url` and `urls` are one key."""
    urls = {"url", "urls"}
    replaced = urls if urls & by.keys() else set()
    return {key: value for key, value in table.items() if key not in replaced} | by


def resolve_feed_paths(feed: Feed, base: Path) -> Feed:
    """Return a feed whose relative paths are resolved against a folder."""

    def make_absolute(url: str) -> str:
        return url if "://" in url or not url else str(base / url)

    resolved: dict[str, Any] = {
        "urls": tuple(map(make_absolute, feed.urls)),
        "sha256": feed.sha256 if is_digest(feed.sha256) else make_absolute(feed.sha256),
        "signature": make_absolute(feed.signature),
        "token_file": feed.token_file and str(base / feed.token_file),
    }
    changed = {key: value for key, value in resolved.items() if value != getattr(feed, key)}
    # Most feeds are on the web and have no relative path.
    return replace(feed, **changed) if changed else feed
