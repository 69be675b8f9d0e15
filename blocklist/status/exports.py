"""Status of exports: configuration, ledger and files -> whether each file is what it should be."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace

from blocklist.config.exports import Export
from blocklist.config.loader import Config
from blocklist.export.stage.freshness import (
    ExportInputs,
    file_fingerprint,
    load_export_inputs,
)
from blocklist.ledger.releases.export_health import ExportAttempt, load_export_attempts
from blocklist.ledger.releases.export_state import (
    ExportRecord,
    ExportRow,
    load_export_records,
    load_export_states,
)
from blocklist.ledger.releases.history import Release
from blocklist.status.finding import Finding, fine, problem, warning


@dataclass(frozen=True, slots=True)
class ExportStatus:
    """A configured export, and the file that was last written for it."""

    name: str
    path: str
    #: The release that its content was first rendered from, and when; None if it was never written.
    release: int | None
    written: str | None
    #: Whether there is a file at the path.
    exists: bool
    #: The release that was current when the file was last confirmed; None if that is not known.
    confirmed_release: int | None = None
    #: Whether the file is older than the current release.
    is_behind: bool = False
    #: Whether somebody else has written to the file since.
    is_changed: bool = False
    #: Whether settings, DNS facts or the program changed since the file was written.
    is_outdated: bool = False
    #: Why the last attempt failed and was undone, and since when attempts have failed.
    fault: str | None = None
    fault_since: str | None = None


def load_export_statuses(
    config: Config, reader: sqlite3.Connection | None, current: Release | None
) -> list[ExportStatus]:
    """Return the state of each configured export."""
    if reader is None:
        return [_never_written(export) for export in config.exports.values()]
    rows, records = load_export_states(reader), load_export_records(reader)
    attempts = load_export_attempts(reader)
    inputs = load_export_inputs(config, reader, current.number) if current else None
    return [
        _add_hot_zone(
            export,
            _compare(export, rows.get(name), records.get(name), attempts.get(name), inputs),
            records.get(export.as_hot().name),
        )
        for name, export in config.exports.items()
    ]


def _never_written(export: Export, attempt: ExportAttempt | None = None) -> ExportStatus:
    path = str(export.path)
    if attempt is None:
        return ExportStatus(export.name, path, None, None, export.path.exists())
    return ExportStatus(
        export.name, path, None, None, export.path.exists(),
        fault=attempt.fault, fault_since=attempt.fault_since,
    )  # fmt: skip


def _compare(
    export: Export,
    row: ExportRow | None,
    record: ExportRecord | None,
    attempt: ExportAttempt | None,
    inputs: ExportInputs | None,
) -> ExportStatus:
    """Return the state of an export, from what is stored of it."""
    path = str(export.path)
    if attempt and attempt.path != path:
        attempt = None
    if row is None or record is None or row["path"] != path:
        return _never_written(export, attempt)
    confirmed, number = attempt.release if attempt else None, inputs.release if inputs else None
    exists = export.path.exists()
    return ExportStatus(
        name=export.name,
        path=path,
        release=int(row["release"] or 0),
        written=str(row["written"]),
        exists=exists,
        confirmed_release=confirmed,
        is_behind=None not in (confirmed, number) and confirmed != number,
        is_changed=exists and record.file_fingerprint != file_fingerprint(export.path),
        is_outdated=inputs is not None and _is_outdated(export, record, inputs),
        fault=attempt.fault if attempt else None,
        fault_since=attempt.fault_since if attempt else None,
    )


def _add_hot_zone(
    export: Export, status: ExportStatus, record: ExportRecord | None
) -> ExportStatus:
    """Return the state of an export with that of its hot zone, if it has one."""
    if not export.hot or record is None or status.written is None:
        return status
    path = export.as_hot().path
    if not path.exists():
        return replace(status, path=str(path), exists=False)
    if record.file_fingerprint != file_fingerprint(path):
        return replace(status, path=str(path), is_changed=True)
    return status


def _is_outdated(export: Export, record: ExportRecord, inputs: ExportInputs) -> bool:
    """Compare what decided on a file; before a base zone, the hot zone has what changed since."""
    release = record.content_release if export.hot else inputs.release
    return record.inputs_digest != replace(inputs, release=release).digest_for(export)


def check_exports(exports: list[ExportStatus], current: Release | None) -> Iterator[Finding]:
    """Find exports that were undone or never written, and files that are missing or changed."""
    for export in exports:
        if current is None:
            text = "there is no release yet"
            yield warning(text, export.path, "blocklist run", subject=export.name)
        else:
            yield _describe_export(export, current)


def _describe_export(export: ExportStatus, current: Release) -> Finding:
    name, write = export.name, f"blocklist export {export.name}"
    if export.fault:
        old = ", so the old file is in place" if export.exists else ""
        what = f"failed for release {current.number}{old}: {export.fault}"
        remedy = f"do what the message says, then: {write}"
        return problem(what, export.path, remedy, subject=name, since=export.fault_since)
    if export.written is None:
        return problem("was never written there", export.path, write, subject=name)
    since = export.written
    if not export.exists:
        what = f"is missing; it was written at {since}"
        return problem(what, export.path, write, subject=name)
    if export.is_changed:
        what = f"was changed by somebody else since it was written at {since}"
        remedy = f"to write it again: {write}"
        return problem(what, export.path, remedy, subject=name)
    if export.is_behind:
        what = f"has release {export.confirmed_release}, and {current.number} is current"
        return problem(what, export.path, write, subject=name, since=current.created)
    if export.is_outdated:
        what = "settings, DNS facts or the program changed since it was written"
        return warning(what, export.path, write, subject=name)
    return fine(f"release {current.number}, written at {since}", export.path, subject=name)
