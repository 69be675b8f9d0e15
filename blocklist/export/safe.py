"""The last line of defence: no text that is no name or URL reaches a file that a server reads.

Parsers let only canonical names through, so whatever is found here is a fault of ours or of a
database that was changed by hand; the whole export stops.
"""

import polars as pl

from blocklist.errors import ExportFailed
from blocklist.names import MAX_LABEL, MAX_NAME
from blocklist.urls import MAX_URL

_URL = r"""^https?://[!#-;=?-_a-z|~`{}]+$"""
_NAME = r"^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$"


def checked_names(values: pl.Series) -> pl.Series:
    """Return the names; raise `ExportFailed` when one has a character that no name has."""
    length = values.str.len_bytes()
    _checked(values, values.str.contains(_NAME) & (length <= MAX_NAME), "no domain name")
    # A name that is no longer than a label may be has no label that is too long.
    long = values.filter(length > MAX_LABEL)
    _checked(long, ~long.str.contains(f"[^.]{{{MAX_LABEL + 1}}}"), "no domain name")
    return values


def checked_urls(values: pl.Series) -> pl.Series:
    """Return the URLs; raise `ExportFailed` when one has a character that no canonical URL has."""
    fine = values.str.contains(_URL) & (values.str.len_bytes() <= MAX_URL)
    return _checked(values, fine, "no URL")


def _checked(values: pl.Series, fine: pl.Series, what: str) -> pl.Series:
    broken = values.filter(~fine.fill_null(value=False))
    if not broken.is_empty():
        shown = str(broken[0])[:80]
        raise ExportFailed(f"the release holds {shown!r}, which is {what}; rebuild the release")
    return values
