"""Lines of marks: export and digest -> lines that show in a kernel which content it has."""

import polars as pl

from blocklist.config.exports import Export
from blocklist.export.render.mark_address import MARK_NETWORK, MARK_START, derive_mark
from blocklist.model import Kind, Verdict

_FIELD = "{value}"
_INSIDE = r"^100::(?:[0-9a-f]+(?::[0-9a-f]+){0,3})?(?:/(?:6[5-9]|[7-9][0-9]|1[0-9]{2}))?$"
_AROUND = r"^(?:100::/(?:[0-9]|[1-5][0-9]|6[0-4])|::/[1-7])$"


def render_mark(export: Export, digest: str) -> list[str]:
    """Return the lines of the mark of a content, or none if the target has no mark."""
    return [line.replace(_FIELD, derive_mark(digest)) for line in _templates(export)]


def mask_mark_lines(texts: pl.Series, export: Export) -> pl.Series | None:
    """Return a mask of the lines of marks of any content; None if the target has no mark."""
    templates = _templates(export)
    if not templates:
        return None
    escaped = (pl.escape_regex(line) for line in templates)
    address = r"100::[0-9a-f:]*"
    patterns = [text.replace(pl.escape_regex(_FIELD), address) for text in escaped]
    candidates = texts.str.contains(MARK_START, literal=True).arg_true()
    is_mark = texts.gather(candidates).str.contains(f"^(?:{'|'.join(patterns)})$")
    return pl.zeros(len(texts), pl.Boolean, eager=True).scatter(candidates.filter(is_mark), True)


def exclude_mark_rows(export: Export, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of a release without the networks of marks, if the target has a mark.

    An allow cuts their prefix out of wider networks: a set takes no element twice.
    """
    if not export.target.mark:
        return rows
    is_block = (pl.col("kind") == Kind.IP.value) & (pl.col("action") == Verdict.BLOCK.value)
    value = pl.col("value")
    rows = rows.filter(~(is_block & value.str.contains(_INSIDE)))
    around = rows.filter(is_block & value.str.contains(_AROUND)).head(1)
    hole = around.with_columns(
        value=pl.lit(str(MARK_NETWORK)),
        action=pl.lit(Verdict.ALLOW.value, rows.schema["action"]),
    )
    return pl.concat([rows, hole])


def _templates(export: Export) -> list[str]:
    return export.target.mark.strip("\n").split("\n") if export.target.mark else []
