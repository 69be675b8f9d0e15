"""Read passive DNS of the own network: text files -> pairs of name and address."""

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from blocklist.errors import StorageError
from blocklist.frames.urls import canonicalize_hosts
from blocklist.model import Kind

_PAIR_PATTERN = r"^\s*([^\s,;#]+)[\s,;]+([^\s,;]+)"
_SCHEMA = pl.Schema({"name": pl.String(), "address": pl.String()})


def read_passive_dns(paths: Iterable[Path]) -> pl.DataFrame:
    """Return `name` and `address` of each line that has both.

    They may stand in either order, before anything else, with spaces, tabs, commas or semicolons
    between. Raise `StorageError` for a file that is not there, or of which no line is understood.
    """
    frames = [_read_pairs(path) for path in paths]
    return pl.concat([pl.DataFrame(schema=_SCHEMA), *frames]).unique(maintain_order=True)


def _read_pairs(path: Path) -> pl.DataFrame:
    try:
        lines = pl.read_lines(path, glob=False)["line"]
    except (OSError, pl.exceptions.PolarsError) as error:
        cause = getattr(error, "strerror", None) or error
        message = f"{path}: cannot be read: {cause}; mend resolve.passive, or no address is blocked"
        raise StorageError(message) from None
    pairs = lines.str.extract_groups(_PAIR_PATTERN).struct.unnest().drop_nulls()
    one, other = (canonicalize_hosts(pairs[column]) for column in pairs.columns)
    both = pl.concat([one.select(pl.all().name.prefix("a_")), other], how="horizontal")
    both = both.filter(pl.col("a_reason").is_null() & pl.col("reason").is_null())
    both = both.filter(pl.col("a_kind") != pl.col("kind"))
    said = lines.filter(lines.str.contains(r"^\s*[^\s#]"))
    if both.is_empty() and not said.is_empty():
        message = f"{path}: no line begins with a name and an address; mend resolve.passive"
        raise StorageError(f"{message}, or no address is blocked")
    named = pl.col("kind") == Kind.DOMAIN.value
    return both.select(
        name=pl.when(named).then("value").otherwise("a_value"),
        address=pl.when(named).then("a_value").otherwise("value"),
    )
