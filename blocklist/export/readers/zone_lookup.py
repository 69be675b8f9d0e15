"""Look names up in response policy zones: rows -> whether servers would block a name, or pass it.

BIND and Unbound look a query up below the zone's name. A name that exists answers for itself, even
if it has no rows but only names below it (RFC 4592, 2.2.2). For a name that does not exist, the
wildcard at its closest encloser answers, if there is one (3.3.1). A query too long for the zone
loses labels until it fits (BIND's rpz_get_p_name). PowerDNS and Knot Resolver take the nearest
wildcard above, whatever exists. A file on which these servers would differ is refused.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from blocklist.errors import ExportFailed
from blocklist.export.readers.reading import filter_relevant
from blocklist.export.readers.zone_rows import PASSTHRU_DATA, expand_wide_rows
from blocklist.frames.names import parent_name
from blocklist.indicators.names import name_and_ancestors

#: The data of the rows on which queries depend, by owner.
_DataByOwner = dict[str, str]


def list_relevant_owners(names: Iterable[str]) -> pl.Series:
    """Return the owners on which the answers for names depend."""
    relevant = {up for query in names for up in name_and_ancestors(query)}
    return pl.Series([*relevant, *(f"*.{name}" for name in relevant)], dtype=pl.String)


@dataclass(frozen=True, slots=True)
class RelevantRows:
    """What a piece of a zone has about queried names."""

    #: `owner` and `data` of the rows on which queries depend.
    rows: pl.DataFrame
    #: Names on which queries depend, and that exist because an owner is below them.
    implied_names: pl.Series

    @classmethod
    def from_piece(cls, rows: pl.DataFrame, names: pl.Series, owners: pl.Series) -> "RelevantRows":
        """Return what the rows `owner`, `data` and `wide` of a piece have about `owners`.

        `names` are the owners of the rows without `*.`, in any order.
        """
        relevant = expand_wide_rows(rows.filter(pl.col("owner").is_in(owners.implode())))
        implied = _list_implied_names(names)
        return cls(
            relevant.select("owner", pl.col("data").cast(pl.String)),
            filter_relevant(implied, owners).unique(),
        )


@dataclass(frozen=True, slots=True)
class NameAnswers:
    """The queried names that a zone lists, and those that it lets pass by a row."""

    listed: set[str]
    passing: set[str]


def look_up_names(names: list[str], pieces: list[RelevantRows], limit: int) -> NameAnswers:
    """Return the answers of a zone whose owners have at most `limit` octets.

    Raise `ExportFailed` if one server would block a name and another would not.
    """
    data = dict(pl.concat([piece.rows for piece in pieces]).iter_rows())
    existing = {owner.removeprefix("*.") for owner in data}.union(
        *(piece.implied_names for piece in pieces)
    )
    answers = NameAnswers(set(), set())
    for query in names:
        found = _find_in_bind(_trim_query(query, limit), data, existing), _find_nearest(query, data)
        is_listed = [row not in (None, PASSTHRU_DATA) for row in found]
        if any(is_listed) is not all(is_listed):
            raise ExportFailed(f"servers would give different answers for {query}")
        if all(is_listed):
            answers.listed.add(query)
        if all(row == PASSTHRU_DATA for row in found):
            answers.passing.add(query)
    return answers


def _trim_query(query: str, limit: int) -> str | None:
    """Return the query, or the nearest name above it that fits under the zone."""
    return next((name for name in name_and_ancestors(query) if len(name) <= limit), None)


def _list_implied_names(names: pl.Series) -> pl.Series:
    """Return the names above the given ones, except for the last labels.

    It matters whether they exist, because a wildcard may be above them.
    """
    level = pl.DataFrame({"name": names, "dots": names.str.count_matches(".", literal=True)})
    implied = [names.clear()]
    while not (level := level.filter(pl.col("dots") > 1)).is_empty():
        level = level.select(parent_name(pl.col("name")), pl.col("dots") - 1)
        implied.append(level["name"])
    return pl.concat(implied)


def _find_in_bind(name: str | None, data: _DataByOwner, existing: set[str]) -> str | None:
    """Return the data of the row that BIND and Unbound find for the name."""
    if name is None:
        return None
    if name in existing:
        return data.get(name)
    encloser = next((up for up in name_and_ancestors(name) if up in existing), None)
    return data.get(f"*.{encloser}")


def _find_nearest(name: str, data: _DataByOwner) -> str | None:
    """Return the data of the row that PowerDNS and Knot Resolver find for the name."""
    if name in data:
        return data[name]
    wildcards = (f"*.{up}" for up in name_and_ancestors(name) if up != name)
    return next((data[wildcard] for wildcard in wildcards if wildcard in data), None)
