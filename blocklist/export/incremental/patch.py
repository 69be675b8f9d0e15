"""Patch the file in place: touched families and the old file -> a verified new file.

The proof is by induction. The file in place was verified when it was written, and its digest shows
that its content is unchanged. What a file says about a name follows only from the lines about the
names at, above and below it, which all belong to one family. So the new file is right if two things
hold: undoing the edits gives the old file, and the lines of the touched families, read back alone,
give the answers of the release.
"""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import polars as pl

from blocklist.atomic_files import create_temporary_beside
from blocklist.config.exports import Export
from blocklist.config.targets import TargetContent
from blocklist.export.dialects.lines import extract_listed_name, has_literal_names
from blocklist.export.dialects.registry import get_dialect
from blocklist.export.dialects.rpz import extract_owner_name
from blocklist.export.incremental.families import TouchedFamilies, are_at_or_below
from blocklist.export.incremental.splice import NotPatchable, Splice, SplicedBody
from blocklist.export.render.body import Body
from blocklist.export.render.canary import exclude_canary_rows
from blocklist.export.render.state import ExportState
from blocklist.export.select.release_content import ExportContext
from blocklist.export.stage.prepare import (
    PreparedExport,
    encode_head,
    error_context,
    write_candidate_file,
)
from blocklist.export.verify.verify import verify_export_file
from blocklist.frames.names import name_sort_key_expr
from blocklist.ledger.releases.export_state import ExportRecord
from blocklist.model import Kind

_NAME_EXTRACTORS = {"lines": extract_listed_name, "rpz": extract_owner_name}
_ENTRY_COLUMNS = ["value", "text"]


@dataclass(frozen=True, slots=True)
class FileInPlace:
    """The file in place, which is the one of the release in force."""

    state: ExportState
    record: ExportRecord
    #: The feeds that its head names.
    feed_credits: tuple[str, ...]


def is_patchable(export: Export) -> bool:
    """Return whether all that decides about a name in an export is a release's rows on names."""
    target = export.target
    asks = export.needs_listings or export.needs_countries or export.alive or export.held_pages
    plain = (
        target.kinds == (Kind.DOMAIN,) and target.lists is TargetContent.BLOCKS and not target.foot
    )
    told = target.dialect in _NAME_EXTRACTORS and (
        target.dialect != "lines" or has_literal_names(export)
    )
    return plain and told and not asks and not export.kinds


def patch_and_verify(
    export: Export,
    families: TouchedFamilies,
    standing: FileInPlace,
    release: int,
    now: datetime,
    behind: ExportContext,
) -> PreparedExport:
    """Make the new file of the one in place, and prove it; as `prepared.prepared`.

    Raise `Astray` where that cannot be done, and it is to be rendered whole.
    """
    with error_context(export):
        old, new = (_render_rows(export, rows) for rows in (families.old_rows, families.new_rows))
        body = _splice_body(export, standing, old, new)
        left = Counter(standing.record.left_out)
        left.subtract(old.left_out)
        left.update(new.left_out)
        left.update({f"kind-{kind}": count for kind, count in families.other_kinds.items()})
        count = standing.record.row_count - old.entry_count + new.entry_count
        if min(count, standing.record.row_count) < 1 or min(left.values(), default=0) < 0:
            raise NotPatchable
        left_out = {reason: count for reason, count in left.items() if count}
        body = replace(body, entry_count=count, left_out=left_out, feed_credits=behind.feed_credits)

        def verify_candidate(state: ExportState, file: Path) -> None:
            body.splice.verify_patch(file, len(encode_head(export, state, body)))
            watched = behind.must_verify()
            near = watched.filter(are_at_or_below(watched["value"], families.top_names))
            _verify_alone(export, state, families.new_rows, new, near)

        return write_candidate_file(export, body, release, standing.state, now, verify_candidate)


def _render_rows(export: Export, rows: pl.DataFrame) -> Body:
    return get_dialect(export.target.dialect).render_body(export, exclude_canary_rows(export, rows))


def _splice_body(export: Export, standing: FileInPlace, old: Body, new: Body) -> SplicedBody:
    before, after = _extract_entries(old), _extract_entries(new)
    gone = before.join(after, on=_ENTRY_COLUMNS, how="anti")
    come = after.join(before, on=_ENTRY_COLUMNS, how="anti")
    return SplicedBody(
        (),
        0,
        {},
        splice=Splice(
            export.path,
            _find_body_start(export, standing),
            standing.state.digest,
            old_entries=_add_sort_keys(
                before.with_columns(goes=pl.col("value").is_in(gone["value"].implode()))
            ),
            new_entries=_add_sort_keys(come),
            line_name=_NAME_EXTRACTORS[export.target.dialect](export),
        ),
    )


def _extract_entries(body: Body) -> pl.DataFrame:
    """Return `value` and `text` of the entries of a list of names."""
    parts = [part for part in body.parts if not part.rows.is_empty()]
    none = pl.DataFrame(schema=dict.fromkeys(_ENTRY_COLUMNS, pl.String))
    return pl.concat([none, *(part.rows.select("value", text=part.line_expr) for part in parts)])


def _add_sort_keys(entries: pl.DataFrame) -> pl.DataFrame:
    """Return entries with the `key` of their names in its place, in the order of the file."""
    return entries.select(pl.exclude("value"), key=name_sort_key_expr(pl.col("value"))).sort("key")


def _find_body_start(export: Export, standing: FileInPlace) -> int:
    """Return where the content of the file in place begins."""
    made = standing.record
    head = encode_head(
        export, standing.state, Body((), made.row_count, made.left_out, standing.feed_credits)
    )
    try:
        with export.path.open("rb") as file:
            found = file.read(len(head))
    except OSError:
        raise NotPatchable from None
    if found != head:
        raise NotPatchable
    return len(head)


def _verify_alone(
    export: Export, state: ExportState, rows: pl.DataFrame, body: Body, watched: pl.DataFrame
) -> None:
    """Read the entries of the touched families back as a file of their own."""
    with create_temporary_beside(export.path) as file:
        try:
            file.write_bytes(encode_head(export, state, body) + b"".join(body.encode_chunks()))
            taken = exclude_canary_rows(export, rows)
            verify_export_file(export, state, file, taken, body.entry_count, watched)
        finally:
            file.unlink()
