"""Import entries from a file: bytes -> entries added, changed and removed, all of them or none."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path

from blocklist.api.arguments import format_note
from blocklist.api.entry_change import (
    EntryChange,
    add_times,
    describe_allows,
    describe_replacements,
    find_pin,
    publish_now,
)
from blocklist.api.entry_consent import require_consent
from blocklist.api.entry_files.plan import ImportPlan, plan_import
from blocklist.api.entry_files.rows import EntryRow
from blocklist.api.workspace import Workspace
from blocklist.errors import ConsentNeeded
from blocklist.ledger.db.connection import open_read_only
from blocklist.ledger.db.writer import current_author, open_decision_writer
from blocklist.ledger.operator.entries import (
    active_entries,
    add_entries,
    end_entries,
    find_replaced_entries,
)
from blocklist.ledger.operator.pending import find_pending_changes
from blocklist.model import Entry, Indicator, Verdict
from blocklist.pipeline.events import ProgressCallback

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EntryImport:
    """What an import changed, or would change if it was a dry run."""

    added: tuple[Entry, ...]
    #: Entries that took the place of one with another reason, end, author or time.
    changed: tuple[Entry, ...]
    removed: tuple[Entry, ...]
    #: How many entries were as in the file already.
    unchanged: int
    #: How many entries of the file have an end that is over; they were left out.
    ended: int
    dry_run: bool
    #: All changed entries, and their publication.
    change: EntryChange


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How an import is done; see `EntryList.import_file`."""

    prune: bool = False
    dry_run: bool = False
    anyway: bool = False
    now: bool = False


def import_rows(
    workspace: Workspace,
    action: Verdict,
    rows: list[EntryRow],
    options: ImportOptions,
    progress: ProgressCallback,
) -> EntryImport:
    """Store what rows change in the entries of an action; raise `ConsentNeeded`.

    Without a change nothing is written to the ledger.
    """
    importer = format_note(current_author(), "author")
    with open_read_only(workspace.database) as reader:
        active = list(active_entries(reader)) if reader else []
    plan = plan_import(rows, active, action, importer, prune=options.prune)
    notes = _check_consent(workspace, action, plan, options)
    command = f"{action} import"
    if options.dry_run or not plan.changes:
        change = EntryChange(plan.changes, 0, find_pin(workspace.database), notes=notes)
    else:
        plan, change = _write_plan(workspace.database, command, rows, action, importer, options)
        change = replace(change, notes=(*notes, *change.notes))
    if options.now and not options.dry_run and _has_pending(workspace.database):
        change = publish_now(workspace, command, change, progress)
    counts = (len(plan.unchanged), plan.ended)
    return EntryImport(plan.added, plan.changed, plan.removed, *counts, options.dry_run, change)


def _check_consent(
    workspace: Workspace, action: Verdict, plan: ImportPlan, options: ImportOptions
) -> tuple[str, ...]:
    """Return notes on the new entries; raise `ConsentNeeded` for what they or removals hit.

    The risks of a dry run are notes.
    """
    notes: tuple[str, ...] = ()
    if action is Verdict.ALLOW:
        indicators = [Indicator(entry.kind, entry.value) for entry in plan.added]
        notes = describe_allows(workspace.database, indicators)
    if options.anyway:
        return notes
    try:
        if plan.empties:
            raise ConsentNeeded(
                (f"all {len(plan.removed):,} {action} entries would be removed",),
                "to remove them all the same: --anyway (in Python: anyway=True)",
            )
        if plan.added:
            require_consent(workspace, plan.added, public_suffix=False)
    except ConsentNeeded as needed:
        if not options.dry_run:
            raise
        return (*notes, *needed.risks)
    return notes


def _write_plan(
    database: Path,
    command: str,
    rows: list[EntryRow],
    action: Verdict,
    importer: str,
    options: ImportOptions,
) -> tuple[ImportPlan, EntryChange]:
    """Store what rows change in the entries as they are now, in one transaction."""
    with open_decision_writer(database, command) as writer:
        active = list(active_entries(writer.whole.connection))
        plan = plan_import(rows, active, action, importer, prune=options.prune)
        old = find_replaced_entries(writer.whole.connection, plan.added)
        add_entries(writer, (*plan.added, *plan.changed))
        end_entries(writer, plan.removed)
    plan = replace(
        plan, added=add_times(database, plan.added), changed=add_times(database, plan.changed)
    )
    _log_plan(command, plan)
    change = EntryChange(
        plan.changes, len(old) + len(plan.changed), find_pin(database),
        notes=describe_replacements(old),
    )  # fmt: skip
    return plan, change


def _log_plan(command: str, plan: ImportPlan) -> None:
    parts = {"added": plan.added, "changed": plan.changed, "removed": plan.removed}
    for verb, entries in parts.items():
        for entry in entries:
            logger.info(
                "%s: %s: %s (%s) by %s", command, verb, entry.value, entry.scope, entry.author
            )


def _has_pending(database: Path) -> bool:
    with open_read_only(database) as reader:
        return reader is not None and bool(find_pending_changes(reader))
