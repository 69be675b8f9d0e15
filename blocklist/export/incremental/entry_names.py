"""Names of entries: a dialect's line of text -> the name that the line is about.

Only the incremental path needs them: it finds the place of an entry in a file by its name.
"""

from collections.abc import Callable

import polars as pl

from blocklist.config.exports import Export
from blocklist.config.line_templates import LineTemplate, parse_line_templates
from blocklist.config.targets import target_templates

_NAME_PATTERN = r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*"


def can_extract_names(export: Export) -> bool:
    """Return whether each line of an export's entries contains the name as it is."""
    if export.target.dialect == "lines":
        return all(template.field == "value" for template in _line_templates(export))
    return export.target.dialect in _EXTRACTORS


def entry_name_expr(export: Export) -> pl.Expr:
    """Return the name of a text in the column `line`; null for a line that is no entry."""
    return _EXTRACTORS[export.target.dialect](export)


def _listed_name(export: Export) -> pl.Expr:
    """Return the name of a line of a list."""
    return pl.coalesce(
        pl.col("line").str.extract(
            f"^{pl.escape_regex(template.prefix)}({_NAME_PATTERN}){pl.escape_regex(template.suffix)}$"
        )
        for template in _line_templates(export)
    )


def _owner_name(_export: Export) -> pl.Expr:
    """Return the name of a record of a response policy zone, also for the name's wildcard."""
    return pl.col("line").str.extract(r"^(\S+) ").str.strip_prefix("*.")


def _line_templates(export: Export) -> list[LineTemplate]:
    return [
        template
        for text in target_templates(export.target).values()
        for template in parse_line_templates(text) or []
    ]


_EXTRACTORS: dict[str, Callable[[Export], pl.Expr]] = {"lines": _listed_name, "rpz": _owner_name}
