"""Read passive DNS data of the user's own network: text files -> pairs of name and address."""

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

    They may be in either order at the start of the line, separated by spaces, tabs, commas or
    semicolons. Raise `StorageError` for a file that cannot be read, or in which no line is
    understood.
    """
    frames = [_read_pairs(path) for path in paths]
    return pl.concat([pl.DataFrame(schema=_SCHEMA), *frames]).unique(maintain_order=True)


def _read_pairs(path: Path) -> pl.DataFrame:
    try:
        lines = pl.read_lines(path, glob=False)["line"]
    except (OSError, pl.exceptions.PolarsError) as error:
        cause = getattr(error, "strerror", None) or error
        message = (
            f"{path}: cannot be read: {cause}; correct resolve.passive, or no address is blocked"
        )
        raise StorageError(message) from None
    pairs = lines.str.extract_groups(_PAIR_PATTERN).struct.unnest().drop_nulls()
    first, second = (canonicalize_hosts(pairs[column]) for column in pairs.columns)
    pairs_found = pl.concat([first.select(pl.all().name.prefix("a_")), second], how="horizontal")
    pairs_found = pairs_found.filter(pl.col("a_reason").is_null() & pl.col("reason").is_null())
    pairs_found = pairs_found.filter(pl.col("a_kind") != pl.col("kind"))
    content_lines = lines.filter(lines.str.contains(r"^\s*[^\s#]"))
    if pairs_found.is_empty() and not content_lines.is_empty():
        message = f"{path}: no line begins with a name and an address; correct resolve.passive"
        raise StorageError(f"{message}, or no address is blocked")
    name_is_second = pl.col("kind") == Kind.DOMAIN.value
    return pairs_found.select(
        name=pl.when(name_is_second).then("value").otherwise("a_value"),
        address=pl.when(name_is_second).then("a_value").otherwise("value"),
    )
