"""Feeds and targets as TOML files: those that ship with the package, and the user's own folders."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from blocklist import spec
from blocklist.actions import Action
from blocklist.errors import UsageError
from blocklist.forms import FIELDS, forms
from blocklist.model import Category, Direction, GuardClass, Kind, Scope

#: Before the name of a source in `lineage` that is no feed of the catalogue.
EXTERNAL = "ext:"
#: Schemes of servers that send no files, and the format in which what they send is kept.
FORMAT_OF = {
    "axfr": "rpz",
    "misp+http": "misp",
    "misp+https": "misp",
    "taxii+http": "stix",
    "taxii+https": "stix",
}
_INTERVAL = re.compile(r"[1-9][0-9]{0,3}[mhdw]")
_TEMPLATES = (
    "line", "subtree_line", "below_line", "allow_line", "ip_line", "ip6_line", "url_line",
)  # fmt: skip
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")
# Base64 of "Ed", 8 bytes of a name and 32 of a key.
_MINISIGN = re.compile(r"RW[Q-T][A-Za-z0-9+/]{53}")
_TSIG = re.compile(r"(?:hmac-sha(?:1|224|256|384|512):)?[\w.-]+")


class Lists(StrEnum):
    """What of a release a target lists: what is blocked, or what the operator allows."""

    BLOCKS = "blocks"
    ALLOWS = "allows"


class Allows(StrEnum):
    """How an allow stands against a block in a target's consumer."""

    #: There are none, so blocks keep clear of what is allowed.
    NONE = "none"
    #: The more specific of the two decides.
    SPECIFIC = "specific"
    #: The allow wins, whatever is blocked below it.
    ALWAYS = "always"


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
    def key(self) -> str:
        """Its table in blocklist.toml."""
        return f"{'guards' if self.guard else 'feeds'}.{self.name}"

    def fits(self, url: str) -> bool:
        """Whether what is at a URL can be in the feed's format."""
        return FORMAT_OF.get(scheme(url), self.format) == self.format


#: The feed that the program keeps itself: addresses that are blocked for the names on them.
RESOLVED = Feed(
    name="resolved",
    urls=("blocklist resolve",),
    format="ips",
    title="Addresses behind blocked names",
    category=Category.MIXED,
    reliability=0.8,
    direction=Direction.OUT,
)


@dataclass(frozen=True, slots=True)
class Target:
    """An export format, as `exports/NAME.toml` describes it."""

    name: str
    title: str
    #: The renderer: a name in `blocklist.export.dialects.REGISTRY`.
    dialect: str
    kinds: tuple[Kind, ...]
    #: What its consumer can express; a listing beyond that is narrowed and reported.
    scopes: tuple[Scope, ...]
    #: The consumer's own checker, run when it is installed; `{file}` and `{zone}` are filled in.
    check: tuple[str, ...] = ()
    #: How many seconds the checker may take.
    check_timeout: int = 300
    #: What the checker says where it cannot look at all, such as without the rights to.
    check_cannot: tuple[str, ...] = ()
    #: How an entry is written, for the `lines` dialect (see `forms`): any entry, or a name alone; a
    #: name and all below it; what is below it alone; the two, allowed.
    line: str = "{value}"
    subtree_line: str = ""
    below_line: str = ""
    allow_line: str = ""
    #: A network, an IPv6 network, and a URL, where they are written otherwise than `line`.
    ip_line: str = ""
    ip6_line: str = ""
    url_line: str = ""
    #: What stands before the entries, and after them.
    head: str = ""
    foot: str = ""
    #: How an allow stands against a block.
    allows: Allows = Allows.NONE
    #: What starts a comment.
    comment: str = "#"
    #: How a canary is written, for lists that DNS servers load: as a name with an answer that the
    #: server would give to no unlisted one; `{value}` is filled in. Empty: the list has none.
    canary: str = ""
    #: Whether it lists what is blocked, or what you allow.
    lists: Lists = Lists.BLOCKS
    #: What its consumer can do to a query for a blocked name, for response policy zones.
    actions: tuple[Action, ...] = ()
    #: More entries, and longer names, its consumer cannot hold.
    max_entries: int | None = None
    max_name: int | None = None
    #: Whether an export must say its `zone`.
    needs_zone: bool = False


def scheme(url: str) -> str:
    """Return the scheme of a URL, nothing for a path."""
    before, separator, _ = url.partition("://")
    return before.lower() if separator else ""


def shipped(kind: str) -> Traversable:
    """Return the folder `feeds` or `exports` of the wheel, or of the checkout."""
    packed = files("blocklist") / "_catalogue" / kind
    return packed if packed.is_dir() else files("blocklist") / ".." / kind


def tables(kind: str, own: Path) -> Iterator[tuple[str, str, spec.Table]]:
    """Yield name, place and table of each file, the user's own folder after the shipped one."""
    for folder in (shipped(kind), own / kind):
        for entry in _entries(folder):
            if entry.name.endswith(".toml"):
                yield entry.name.removesuffix(".toml"), str(entry), spec.load(entry)


def _entries(folder: Traversable) -> list[Traversable]:
    try:
        found = folder.iterdir() if folder.is_dir() else ()
        return sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be read: {error.strerror or error}") from None


def feed(name: str, table: spec.Table, where: str) -> Feed:
    """Return a feed from its table, in which `url` stands for a list of one."""
    table = dict(table)
    if "url" in table:
        if "urls" in table:
            raise UsageError(f"{where}: give either url or urls, not both")
        table["urls"] = [table.pop("url")]
    built = spec.build(Feed, table, where, name=name)
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
            all(map(built.fits, built.urls)),
            "format",
            "rpz for axfr://, misp for misp+https://, stix for taxii+https://",
        ),
        (
            not built.minisign or _MINISIGN.fullmatch(built.minisign) is not None,
            "minisign",
            "the second line of a minisign.pub",
        ),
        *(
            (
                not getattr(built, key) or not any(scheme(url) in FORMAT_OF for url in built.urls),
                key,
                "none, for what these servers send is no file",
            )
            for key in ("sha256", "minisign")
        ),
        (not built.tsig or _TSIG.fullmatch(built.tsig) is not None, "tsig", "the name of a key"),
        (_is_path(built.path), "path", "a JMESPath expression, as in [].domain"),
        (limit is None or limit >= 1, "rank_limit", "a whole number from 1"),
        (shrink is None or 0 <= shrink <= 1, "max_shrink", "a number from 0 to 1"),
        (growth is None or growth >= 1, "max_growth", "a number of 1 or more"),
    ):
        spec.require(holds, where, key, expected)
    return built


def _is_filter(text: str) -> bool:
    column, equals, _ = text.partition("=")
    return bool(column.strip() and equals)


def _is_path(text: str) -> bool:
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


def overridden(table: spec.Table, by: spec.Table) -> spec.Table:
    """Return a feed's table with the keys of another over it; `url` and `urls` are one key."""
    places = {"url", "urls"}
    replaced = places if places & by.keys() else set()
    return {key: value for key, value in table.items() if key not in replaced} | by


def targets(own: Path) -> dict[str, Target]:
    """Return all targets by name; the user's own win over shipped ones of the same name."""
    return {
        name: target(name, table, f"{where}: ") for name, where, table in tables("exports", own)
    }


def target(name: str, table: spec.Table, where: str) -> Target:
    """Return a target from its table."""
    built = spec.build(Target, table, where, name=name)
    spec.require(bool(built.kinds), where, "kinds", "one kind at least")
    for key in ("max_entries", "max_name"):
        most = getattr(built, key)
        spec.require(most is None or most >= 1, where, key, "a whole number from 1")
    spec.require(bool(built.scopes), where, "scopes", "one scope at least")
    for key, template in templates(built).items():
        known = " or ".join(f"{{{field}}}" for field in FIELDS)
        expected = f"one field in each line, which is {known}, got {template!r}"
        spec.require(forms(template) is not None, where, key, expected)
    return built


def templates(target: Target) -> dict[str, str]:
    """Return the templates that a target has, by key, without line ends around them."""
    every = {key: getattr(target, key).strip("\n") for key in _TEMPLATES}
    return {key: template for key, template in every.items() if template}
