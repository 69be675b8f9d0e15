"""Canaries: export and its state -> names that show whether a server has loaded a list.

A server that cannot read a list keeps answering without it, and any server answers NXDOMAIN for an
invented name. So only the list can produce a canary's answer, and the answer is compared to that
for a control name, which is never listed. One canary is always the same. The other changes with
each content and shows which of two lists a server has loaded.
"""

import polars as pl

from blocklist.config.exports import Export
from blocklist.errors import ExportFailed
from blocklist.export.render.state import ExportState
from blocklist.export.verify.expected import name_length_limit
from blocklist.install.change import Canaries
from blocklist.model import Verdict

_VALUE_FIELD = "{value}"


def derive_canaries(export: Export, state: ExportState) -> Canaries | None:
    """Return the canaries of a content, or none where the export has or fits none.

    They follow from the state, so a file that stays keeps those that it was written with.
    """
    base = export.canary
    own = f"r{state.release}-{state.digest[:8]}.{base}"
    if not base or not export.target.canary or len(own) > name_length_limit(export):
        return None
    return Canaries(base, own, f"control.{base}")


def render_canaries(export: Export, state: ExportState) -> list[str]:
    """Return the lines of the canaries, which stand between a file's head and its content."""
    names = derive_canaries(export, state)
    if names is None:
        return []
    both = (names.fixed_name, names.release_name)
    return [form.replace(_VALUE_FIELD, name) for name in both for form in _parse_templates(export)]


def exclude_canary_rows(export: Export, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of a release but for those at or below the canaries' own place.

    An allow of a name there that is none of ours stays: what is above may be blocked.
    """
    base, name = export.canary, pl.col("value")
    if not base or not rows["value"].str.ends_with(base).any():
        return rows
    ours = rf"^(?:(?:control|r[0-9]+-[0-9a-f]{{8}})\.)?{pl.escape_regex(base)}$"
    allowed = (pl.col("action") == Verdict.ALLOW.value) & ~name.str.contains(ours)
    return rows.filter(allowed | ~((name == base) | name.str.ends_with(f".{base}")))


def split_canary_lines(texts: pl.Series, export: Export) -> tuple[pl.Series, list[str]]:
    """Return the lines of a file that are of no canary, and those that are of one."""
    written = _mask_canary_lines(texts, export)
    return (
        (texts, [])
        if written is None
        else (texts.filter(~written), texts.filter(written).to_list())
    )


def verify_canaries(export: Export, state: ExportState, found: list[str]) -> None:
    """Raise `ExportFailed` unless these are the lines of the canaries of a content, all of them."""
    if found != render_canaries(export, state):
        raise ExportFailed(
            "the new file does not have its canaries as they should be; "
            "this is a fault of the program, please report it"
        )


def _mask_canary_lines(texts: pl.Series, export: Export) -> pl.Series | None:
    """Return which lines are of a canary, of this content or of another; none where none can be."""
    if not export.canary or not export.target.canary:
        return None
    field, base = map(pl.escape_regex, (_VALUE_FIELD, export.canary))
    name = rf"(?:r[0-9]+-[0-9a-f]{{8}}\.)?{base}"
    forms = (pl.escape_regex(form).replace(field, name) for form in _parse_templates(export))
    near = texts.str.contains(export.canary, literal=True).arg_true()
    found = texts.gather(near).str.contains(f"^(?:{'|'.join(forms)})$")
    return pl.zeros(len(texts), pl.Boolean, eager=True).scatter(near.filter(found), True)


def _parse_templates(export: Export) -> list[str]:
    forms = export.target.canary.strip("\n").split("\n")
    if not all(_VALUE_FIELD in form for form in forms):
        message = f"canary = {export.target.canary!r}: expected {_VALUE_FIELD} in each of its lines"
        raise ExportFailed(message)
    return forms
