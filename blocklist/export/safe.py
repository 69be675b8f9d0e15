"""The last line of defence: no text that is not a name reaches a file that a server reads.

Parsers let only canonical names through, so whatever is found here is a fault of ours or of a
database that was changed by hand; the whole export stops.
"""

import polars as pl

from blocklist.errors import ExportFailed
from blocklist.names import MAX_LABEL, MAX_NAME

_NAME = r"^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$"


def checked_names(values: pl.Series) -> pl.Series:
    """Return the names; raise `ExportFailed` when one has a character that no name has."""
    fine = (
        values.str.contains(_NAME)
        & (values.str.len_bytes() <= MAX_NAME)
        & ~values.str.contains(f"[^.]{{{MAX_LABEL + 1}}}")
    )
    broken = values.filter(~fine.fill_null(value=False))
    if not broken.is_empty():
        shown = str(broken[0])[:80]
        message = f"the release holds {shown!r}, which is no domain name; rebuild the release"
        raise ExportFailed(message)
    return values
