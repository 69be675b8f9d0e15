"""Define parse options: the keys of a feed on which parsing depends.

It imports no parser and no polars, because a run in which no list changed needs neither.
"""

from dataclasses import dataclass

from blocklist.model import Scope


@dataclass(frozen=True)
class ParseOptions:
    """Options for parsing from a feed's TOML; each format uses those that apply to it."""

    #: What a listing covers, instead of the format's default.
    scope: Scope | None = None
    #: csv: the number of the column that holds the indicator, from 1.
    column: int = 1
    #: csv: what separates columns.
    separator: str = ","
    #: Read no more than this many lines with content, for top lists.
    rank_limit: int | None = None
    #: csv: the column by its name in the header row, instead of its number.
    column_name: str = ""
    #: csv: rows to read, each `column=value`; several values of a column are alternatives.
    filters: tuple[str, ...] = ()
    #: What starts a comment, instead of the format's default.
    comment: str | None = None
    #: json: a JMESPath expression that gives the entries.
    path: str = ""
    #: rpz: the zone's own name, if the file does not contain it.
    zone: str = ""
    #: What earlier pieces of the same text say about the next one; no key of a feed.
    state: tuple[str | None, ...] = ()
