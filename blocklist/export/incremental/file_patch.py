"""Patch one file: touched families and the file in place -> a verified new file.

The proof is by induction. The file in place was verified when it was written, and its digest shows
that its content is unchanged. The answer of a file for a name depends only on the lines about names
at, above and below it, which all belong to one family. So the new file is right if two things hold:
undoing the edits gives the old file, and the lines of the touched families, read back alone, give
the answers of the release.
"""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import polars as pl

from blocklist.atomic_files import create_temporary_beside
from blocklist.config.exports import Export
from blocklist.export.incremental.entry_names import entry_name_expr
from blocklist.export.incremental.families import TouchedFamilies
from blocklist.export.incremental.splice import NotPatchable, Splice, SplicedBody
from blocklist.export.registry import get_dialect
from blocklist.export.render.body import Body
from blocklist.export.render.canary import exclude_canary_rows
from blocklist.export.render.state import ExportState
from blocklist.export.stage.prepare import (
    PreparedExport,
    encode_head,
    error_context,
    write_candidate_file,
)
from blocklist.export.verify.verify import verify_export_file
from blocklist.frames.names import are_at_or_below, name_sort_key_expr
from blocklist.ledger.releases.export_state import ExportRecord

_ENTRY_COLUMNS = ["value", "text"]


@dataclass(frozen=True, slots=True)
class FileInPlace:
    """An export whose file in place is the one of the current release."""

    export: Export
    state: ExportState
    record: ExportRecord
    #: The feed credits in its head, and those in the head of the new file.
    old_credits: tuple[str, ...] = ()
    new_credits: tuple[str, ...] = ()


def patch_file(
    file: FileInPlace,
    families: TouchedFamilies,
    release: int,
    now: datetime,
    must_verify: pl.DataFrame,
) -> PreparedExport:
    """Make a new file from the one in place and verify it, as `prepare.render_and_verify` does.

    Raise `NotPatchable` if the file must be rendered whole.
    """
    export = file.export
    with error_context(export):
        old, new = (_render_rows(export, rows) for rows in (families.old_rows, families.new_rows))
        body = replace(
            _splice_body(file, old, new),
            entry_count=_count_entries(file, old, new),
            left_out=_count_left_out(file, old, new, families),
            feed_credits=file.new_credits,
        )

        def verify_candidate(state: ExportState, candidate: Path) -> None:
            body.splice.verify_patch(candidate, len(encode_head(export, state, body)))
            near = are_at_or_below(must_verify["value"], families.top_names)
            _verify_alone(export, state, families.new_rows, new, must_verify.filter(near))

        return write_candidate_file(export, body, release, file.state, now, verify_candidate)


def _render_rows(export: Export, rows: pl.DataFrame) -> Body:
    return get_dialect(export.target.dialect).render_body(export, exclude_canary_rows(export, rows))


def _count_entries(file: FileInPlace, old: Body, new: Body) -> int:
    count = file.record.row_count - old.entry_count + new.entry_count
    if min(count, file.record.row_count) < 1:
        raise NotPatchable
    return count


def _count_left_out(
    file: FileInPlace, old: Body, new: Body, families: TouchedFamilies
) -> dict[str, int]:
    counts = Counter(file.record.left_out)
    counts.subtract(old.left_out)
    counts.update(new.left_out)
    counts.update({f"kind-{kind}": count for kind, count in families.other_kinds.items()})
    if min(counts.values(), default=0) < 0:
        raise NotPatchable
    return {reason: count for reason, count in counts.items() if count}


def _splice_body(file: FileInPlace, old: Body, new: Body) -> SplicedBody:
    before, after = _extract_entries(old), _extract_entries(new)
    removed = before.join(after, on=_ENTRY_COLUMNS, how="anti")
    added = after.join(before, on=_ENTRY_COLUMNS, how="anti")
    is_removed = pl.col("value").is_in(removed["value"].implode())
    splice = Splice(
        file.export.path,
        _find_body_start(file),
        file.state.digest,
        old_entries=_add_sort_keys(before.with_columns(is_removed=is_removed)),
        added_entries=_add_sort_keys(added),
        line_name=entry_name_expr(file.export),
    )
    return SplicedBody((), 0, {}, splice=splice)


def _extract_entries(body: Body) -> pl.DataFrame:
    """Return `value` and `text` of the entries of a list of names."""
    parts = [part for part in body.parts if not part.rows.is_empty()]
    empty = pl.DataFrame(schema=dict.fromkeys(_ENTRY_COLUMNS, pl.String))
    return pl.concat([empty, *(part.rows.select("value", text=part.line_expr) for part in parts)])


def _add_sort_keys(entries: pl.DataFrame) -> pl.DataFrame:
    """Replace the names of entries by their sort keys `key`, in the order of the file."""
    return entries.select(pl.exclude("value"), key=name_sort_key_expr(pl.col("value"))).sort("key")


def _find_body_start(file: FileInPlace) -> int:
    """Return the offset of the content of the file in place; raise if the head is not ours."""
    record = file.record
    old_body = Body((), record.row_count, record.left_out, file.old_credits)
    head = encode_head(file.export, file.state, old_body)
    try:
        with file.export.path.open("rb") as opened:
            written = opened.read(len(head))
    except OSError:
        raise NotPatchable from None
    if written != head:
        raise NotPatchable
    return len(head)


def _verify_alone(
    export: Export, state: ExportState, rows: pl.DataFrame, body: Body, must_verify: pl.DataFrame
) -> None:
    """Write the entries of the touched families to a file of their own, and verify that."""
    with create_temporary_beside(export.path) as file:
        try:
            file.write_bytes(encode_head(export, state, body) + b"".join(body.encode_chunks()))
            rows = exclude_canary_rows(export, rows)
            verify_export_file(export, state, file, rows, body.entry_count, must_verify)
        finally:
            file.unlink()
