"""Define parse options: the keys of a feed on which parsing depends.

It imports no parser and no polars, because a run in which no list changed needs neither.
"""

from dataclasses import dataclass
from typing import Annotated

from blocklist.config_keys import Doc, Form, Range
from blocklist.model import Scope


def _is_filter(text: str) -> bool:
    column, equals, _ = text.partition("=")
    return bool(column.strip() and equals)


def _is_jmespath(text: str) -> bool:
    import jmespath

    try:
        jmespath.compile(text)
    except jmespath.exceptions.JMESPathError:
        return False
    return True


_FILTER = Form(_is_filter, 'a text such as "url_status=online"')


@dataclass(frozen=True)
class ParseOptions:
    """How to parse a feed's list; each format uses the options that apply to it."""

    scope: Annotated[
        Scope | None, Doc("The scope of each entry. Without this key, the format decides.")
    ] = None
    column: Annotated[
        int, Range(1), Doc("For `csv`: the number of the column with the indicators.")
    ] = 1
    separator: Annotated[
        str,
        Form(lambda text: len(text) == 1, "one character"),
        Doc("For `csv`: the character between columns."),
    ] = ","
    rank_limit: Annotated[
        int | None,
        Range(1),
        Doc(
            "The number of entries to read from the start of the list; for top lists. With "
            "`rank_column`, the highest rank to read."
        ),
    ] = None
    rank_column: Annotated[
        int | None,
        Range(1),
        Doc(
            "For `csv` and a popular guard: the number of the column with the rank of each name, a "
            "whole number from 1. Names with ranks are protected by how famous they are."
        ),
    ] = None
    column_name: Annotated[
        str, Doc("For `csv`: the column by its name in the header row, instead of its number.")
    ] = ""
    scope_column: Annotated[
        str,
        Doc(
            "For `csv`: the column, by name or number, with the scope of each name: `exact`, "
            "`subtree` or `below`."
        ),
    ] = ""
    filters: Annotated[
        tuple[Annotated[str, _FILTER], ...],
        Doc(
            "For `csv`: the rows to read, each `COLUMN=VALUE`. Several values of one column are "
            "alternatives."
        ),
    ] = ()
    comment: Annotated[
        str | None,
        Form(bool, "at least one character"),
        Doc("The characters that start a comment, instead of those of the format."),
    ] = None
    path: Annotated[
        str,
        Form(_is_jmespath, "a JMESPath expression such as [].domain"),
        Doc("For `json`: the expression that selects the entries."),
    ] = ""
    zone: Annotated[
        str, Doc("For `rpz`: the name of the zone, if the file does not contain it.")
    ] = ""
    #: What earlier pieces of the same text say about the next one; no key of a feed.
    state: tuple[str | None, ...] = ()

    @property
    def line_limit(self) -> int | None:
        """The number of lines to read; None if the limit is one of ranks, in any order."""
        return self.rank_limit if self.rank_column is None else None
