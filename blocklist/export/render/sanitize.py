"""Check values before they are written: names and URLs -> the same values, or `ExportFailed`.

The last line of defence. Parsers accept only canonical values, so an unsafe value is a bug or comes
from a database that was edited by hand; the whole export stops.
"""

from collections.abc import Callable

import polars as pl

from blocklist.errors import ExportFailed
from blocklist.frames.parallel import map_in_order
from blocklist.indicators.names import MAX_LABEL_LENGTH, MAX_NAME_LENGTH
from blocklist.indicators.urls import MAX_URL_LENGTH

_URL_PATTERN = r"""^https?://[!#-;=?-_a-z|~`{}]+$"""
# Values that are checked at once.
_ROWS_PER_SLICE = 500_000
_NAME_PATTERN = r"^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$"


def require_safe_names(values: pl.Series) -> pl.Series:
    """Return the names; raise `ExportFailed` for a value that is no canonical name."""
    return _require_all_safe(values, _find_unsafe_names, "no domain name")


def require_safe_urls(values: pl.Series) -> pl.Series:
    """Return the URLs; raise `ExportFailed` for a value that is no canonical URL."""
    return _require_all_safe(values, _find_unsafe_urls, "no URL")


def _find_unsafe_names(values: pl.Series) -> pl.Series:
    length = values.str.len_bytes()
    is_name = values.str.contains(_NAME_PATTERN) & (length <= MAX_NAME_LENGTH)
    # In a name that is no longer than one label may be, no label is too long.
    long = values.filter(length > MAX_LABEL_LENGTH)
    long_labels = long.filter(long.str.contains(f"[^.]{{{MAX_LABEL_LENGTH + 1}}}"))
    return long_labels if is_name.all() else values.filter(~is_name).append(long_labels)


def _find_unsafe_urls(values: pl.Series) -> pl.Series:
    return values.filter(
        ~(values.str.contains(_URL_PATTERN) & (values.str.len_bytes() <= MAX_URL_LENGTH))
    )


def _require_all_safe(
    values: pl.Series, find_unsafe: Callable[[pl.Series], pl.Series], what: str
) -> pl.Series:
    slices = (part.to_series() for part in values.to_frame().iter_slices(_ROWS_PER_SLICE))
    unsafe = [values.filter(values.is_null()), *map_in_order(find_unsafe, slices)]
    for value in pl.concat(unsafe).head(1):
        raise ExportFailed(
            f"the release holds {str(value)[:80]!r}, which is {what}; rebuild the release"
        )
    return values
