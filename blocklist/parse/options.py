"""Define parse options and format names: feed keys -> ParseOptions.

It imports no parser and no polars, because a run in which no list changed needs neither.
"""

from dataclasses import dataclass

from blocklist.model import Scope

#: The formats that `parse` knows, and those of which the same bytes may mean less on a later day.
FORMAT_NAMES = (
    "adblock", "csv", "dnsmasq", "domains", "hosts", "ips", "json", "maltrail", "misp", "rpz",
    "stix", "unbound", "urls", "wildcard",
)  # fmt: skip
DATED_FORMATS = frozenset({"stix"})


@dataclass(frozen=True)
class ParseOptions:
    """What a feed's TOML may say about reading it; a format takes what means something to it."""

    #: What a listing covers, in place of what the format says.
    scope: Scope | None = None
    #: csv: the number of the column that holds the indicator, from 1.
    column: int = 1
    #: csv: what separates columns.
    separator: str = ","
    #: Read no more than this many lines with content, for top lists.
    rank_limit: int | None = None
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
    #: What earlier pieces of the same text told; never set by a feed.
    state: tuple[str | None, ...] = ()
