"""Canaries: export and its state -> names that show whether a server has loaded a list.

A server that cannot read a list keeps answering without it, and any server answers NXDOMAIN for an
invented name. So only the list can produce a canary's answer, and the answer is compared to that
for a control name, which is never listed. One canary is always the same. The other changes with
each content and shows which of two lists a server has loaded.
"""

import polars as pl

from blocklist.config.exports import Export
from blocklist.errors import ExportFailed
from blocklist.export.render.mark import exclude_mark_rows, mask_mark_lines, render_mark
from blocklist.export.render.state import ExportState
from blocklist.install.change import Canaries
from blocklist.model import Verdict

_VALUE_FIELD = "{value}"


def derive_canaries(export: Export, state: ExportState) -> Canaries | None:
    """Return the canaries of a content, or None if the export has none or they do not fit.

    They follow from the state, so an unchanged file keeps its canaries.
    """
    base = export.canary
    release_name = f"r{state.release}-{state.digest[:8]}.{base}"
    if not base or not export.target.canary or len(release_name) > export.max_name_length:
        return None
    return Canaries(base, release_name, f"control.{base}")


def render_canaries(export: Export, state: ExportState) -> list[str]:
    """Return the lines of the canaries, which are between a file's head and its content."""
    canaries, marks = derive_canaries(export, state), render_mark(export, state.digest)
    if canaries is None:
        return marks
    names, templates = (canaries.fixed_name, canaries.release_name), _parse_templates(export)
    lines = [template.replace(_VALUE_FIELD, name) for name in names for template in templates]
    return lines + marks


def exclude_canary_rows(export: Export, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of a release without those at or below the fixed canary.

    Allows of other names there stay, because a name above may be blocked. The networks of marks are
    cut out, too.
    """
    rows = exclude_mark_rows(export, rows)
    base, name = export.canary, pl.col("value")
    if not base or not rows["value"].str.ends_with(base).any():
        return rows
    canary_pattern = rf"^(?:(?:control|r[0-9]+-[0-9a-f]{{8}})\.)?{pl.escape_regex(base)}$"
    is_other_allow = (pl.col("action") == Verdict.ALLOW.value) & ~name.str.contains(canary_pattern)
    return rows.filter(is_other_allow | ~((name == base) | name.str.ends_with(f".{base}")))


def split_canary_lines(texts: pl.Series, export: Export) -> tuple[pl.Series, list[str]]:
    """Return the lines of a file without canaries, and the lines of canaries."""
    is_canary = _mask_canary_lines(texts, export)
    if is_canary is None:
        return texts, []
    return texts.filter(~is_canary), texts.filter(is_canary).to_list()


def verify_canaries(export: Export, state: ExportState, lines: list[str]) -> None:
    """Raise `ExportFailed` unless these are exactly the lines of the canaries of a content."""
    if lines != render_canaries(export, state):
        raise ExportFailed(
            "the new file does not have its canaries as they should be; "
            "this is a fault of the program, please report it"
        )


def _mask_canary_lines(texts: pl.Series, export: Export) -> pl.Series | None:
    """Return a mask of the lines of canaries of any content; None if the export has none."""
    mark_lines = mask_mark_lines(texts, export)
    if not export.canary or not export.target.canary:
        return mark_lines
    field, base = map(pl.escape_regex, (_VALUE_FIELD, export.canary))
    name = rf"(?:r[0-9]+-[0-9a-f]{{8}}\.)?{base}"
    patterns = (pl.escape_regex(text).replace(field, name) for text in _parse_templates(export))
    candidates = texts.str.contains(export.canary, literal=True).arg_true()
    is_canary = texts.gather(candidates).str.contains(f"^(?:{'|'.join(patterns)})$")
    names = pl.zeros(len(texts), pl.Boolean, eager=True).scatter(candidates.filter(is_canary), True)
    return names if mark_lines is None else names | mark_lines


def _parse_templates(export: Export) -> list[str]:
    templates = export.target.canary.strip("\n").split("\n")
    if not all(_VALUE_FIELD in template for template in templates):
        message = f"canary = {export.target.canary!r}: expected {_VALUE_FIELD} in each of its lines"
        raise ExportFailed(message)
    return templates
