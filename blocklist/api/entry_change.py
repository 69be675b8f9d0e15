"""Store changes of entries and publish them: entries -> the change, with its release and notes."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from blocklist.api.workspace import Workspace
from blocklist.check.near_names import describe_needless_allows
from blocklist.errors import BlocklistError
from blocklist.ledger.db.connection import open_read_only
from blocklist.ledger.db.writer import open_decision_writer
from blocklist.ledger.lookup import LedgerLookup
from blocklist.ledger.operator.entries import (
    active_entries,
    add_entries,
    describe_replaced,
    find_replaced_entries,
)
from blocklist.ledger.releases.pins import Pin, find_release_pin
from blocklist.model import Entry, Indicator
from blocklist.pipeline.events import ProgressCallback

if TYPE_CHECKING:
    from blocklist.pipeline.reports import PublishReport

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EntryChange:
    """Entries that were added, removed or ended; they take effect with the next publication."""

    entries: tuple[Entry, ...]
    #: How many of them took the place of an earlier entry.
    replaced: int
    #: Set if a release is pinned; entries are published over a pin.
    pin: Pin | None
    #: The release and the exports, if they were published at once (`now`).
    published: "PublishReport | None" = None
    #: Why they could not be published at once; they are stored, and count from the next run on.
    error: BlocklistError | None = None
    #: What a person should know, such as how a link was understood.
    notes: tuple[str, ...] = ()


def write_entries(database: Path, command: str, entries: tuple[Entry, ...]) -> EntryChange:
    """Add entries to the ledger, all or none, in the name of a command."""
    with open_decision_writer(database, command) as writer:
        old = find_replaced_entries(writer.whole.connection, entries)
        replaced = add_entries(writer, entries)
    notes = describe_replacements(old)
    entries = add_times(database, entries)
    for entry in entries:
        logger.info("%s: %s (%s) by %s", command, entry.value, entry.scope, entry.author)
    return EntryChange(entries, replaced, find_pin(database), notes=notes)


def describe_replacements(old: Iterable[Entry]) -> tuple[str, ...]:
    """Return a sentence for each entry whose place another took."""
    return tuple(
        f"{entry.value}: replaced an earlier entry: {describe_replaced(entry)}" for entry in old
    )


def add_times(database: Path, entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Return entries with the times at which they were stored."""
    with open_read_only(database) as reader:
        stored = active_entries(reader) if reader else ()
        times = {(entry.value, entry.scope): entry.created for entry in stored}
    return tuple(
        replace(entry, created=times.get((entry.value, entry.scope), "")) for entry in entries
    )


def describe_allows(database: Path, indicators: Iterable[Indicator]) -> tuple[str, ...]:
    """Return a sentence for each of the first indicators that nothing blocks."""
    with open_read_only(database) as reader:
        return tuple(describe_needless_allows(LedgerLookup(reader), indicators)) if reader else ()


def publish_now(
    workspace: Workspace, command: str, change: EntryChange, progress: ProgressCallback
) -> EntryChange:
    """Publish stored entries; return the change with the release and exports, or the error."""
    from blocklist.pipeline.decisions import publish_decisions

    try:
        return replace(change, published=publish_decisions(workspace.config, command, progress))
    except BlocklistError as error:
        logger.error("%s: stored, but not published: %s", command, error)
        return replace(change, error=error)


def find_pin(database: Path) -> Pin | None:
    """Return the pin on the release; None if there is none."""
    with open_read_only(database) as reader:
        return find_release_pin(reader) if reader else None
