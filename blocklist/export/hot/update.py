"""Update hot zones: the bases that servers may have, the current release -> a hot zone between."""

from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from blocklist.atomic_files import remove_leftovers
from blocklist.config.exports import Export
from blocklist.errors import ExportFailed, NotHot
from blocklist.export.hot.change import HotChange, load_hot_change
from blocklist.export.hot.overlay import render_overlay
from blocklist.export.hot.span import HotSpan
from blocklist.export.incremental.patch import is_patchable
from blocklist.export.registry import get_reader
from blocklist.export.render.canary import verify_canaries
from blocklist.export.render.state import ExportResult, ExportState
from blocklist.export.stage.freshness import ExportInputs, file_fingerprint, hot_zone_digest
from blocklist.export.stage.prepare import PreparedExport, error_context, write_candidate_file
from blocklist.export.verify.expected import collect_rules, find_decisive_row
from blocklist.export.verify.probes import select_probes
from blocklist.frames.names import are_at_or_below
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.releases.export_state import ExportRecord, save_export_state
from blocklist.model import Kind, Verdict


def prepare_hot_zone(
    writer: LedgerWriter,
    export: Export,
    span: HotSpan,
    previous: ExportState | None,
) -> PreparedExport:
    """Write and verify the hot zone that leads from the base's release to the current release.

    Raise `NotHot` if the base zone must be rewritten instead, and `ExportFailed` if the file is not
    right.
    """
    hot = export.as_hot()
    if not export.hot:  # it was switched off, so no server need have it
        hot = replace(hot, installation=replace(hot.installation, probe=(), probe_quorum=None))
    remove_leftovers(hot.path)
    return _render_hot_zone(writer, export, hot, span, previous)


def record_hot_zone(
    writer: LedgerWriter,
    export: Export,
    inputs: ExportInputs,
    base_release: int,
    result: ExportResult,
) -> None:
    """Store the state of an export's hot zone and the digest of the inputs of its file."""
    digest = hot_zone_digest(export, base_release, inputs)
    fingerprint = file_fingerprint(export.as_hot().path)
    record = ExportRecord(digest, fingerprint, result.rows, {}, inputs.release)
    save_export_state(writer, asdict(result.state), record)


def _render_hot_zone(
    writer: LedgerWriter,
    export: Export,
    hot: Export,
    span: HotSpan,
    previous: ExportState | None,
) -> PreparedExport:
    if span.base != span.release and not is_patchable(export):
        raise NotHot("its content depends on more than the names of the release")
    with read_transaction(writer.database) as transaction:
        change = load_hot_change(transaction, export, span)
    body = render_overlay(hot, change.old_rows, change.new_rows, change.changed)

    def verify(state: ExportState, path: Path) -> None:
        verify_hot_zone(hot, state, path, change)

    with error_context(hot):
        return write_candidate_file(hot, body, span.release, previous, datetime.now(UTC), verify)


def verify_hot_zone(hot: Export, state: ExportState, path: Path, change: HotChange) -> None:
    """Read a hot zone back; raise `ExportFailed` unless it and each base answer as the release.

    A base was verified for its release when it was written. So a name at or below a changed name
    that the hot zone has no row for must have the same answer in all releases, and every other that
    of the new one. Elsewhere the hot zone must have no row.
    """
    queries = _select_queries(change)
    result = get_reader(hot.target.dialect).read_file(path, hot, {Kind.DOMAIN: queries})
    verify_canaries(hot, state, result.canary_lines)
    blocked, passing = result.blocked_queries[Kind.DOMAIN], result.passing_names or set()
    asked = pl.Series(queries, dtype=pl.String)
    led = set(asked.filter(are_at_or_below(asked, change.changed)))
    new = collect_rules(Kind.DOMAIN, change.new_rows, queries)
    for old_rows in change.old_rows:
        old = collect_rules(Kind.DOMAIN, old_rows, queries)
        for query in queries:
            before, after = (
                _is_block(find_decisive_row(Kind.DOMAIN, query, at)) for at in (old, new)
            )
            answer = query in blocked or (query not in passing and before)
            _require_answer(query, answer, after if query in led else before)


def _select_queries(change: HotChange) -> list[str]:
    rows = pl.concat([*change.old_rows, change.new_rows]).unique(maintain_order=True)
    must_verify = pl.concat([rows["value"], change.changed]).unique().sort().to_frame("value")
    kind = pl.lit(Kind.DOMAIN.value, rows.schema["kind"])
    return select_probes(Kind.DOMAIN, rows, must_verify.with_columns(kind=kind))


def _require_answer(query: str, answer: bool, expected: bool) -> None:
    if answer is not expected:
        fault = "would not block" if expected else "would block"
        raise ExportFailed(
            f"the new hot zone and the base zone {fault} {query}, which is not what the "
            "release says; this is a fault of the program, please report it"
        )


def _is_block(row: tuple[object, object, Verdict] | None) -> bool:
    return row is not None and row[2] is Verdict.BLOCK
