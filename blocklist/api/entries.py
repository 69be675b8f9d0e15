"""The operator's entries: names to allow or block -> entries, added, removed and listed."""

import logging
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from blocklist.api.arguments import (
    Expiry,
    format_expiry,
    format_note,
    parse_indicators,
    parse_word,
)
from blocklist.api.entry_consent import require_consent
from blocklist.api.entry_targets import find_entry_targets, host_of_link
from blocklist.api.workspace import Workspace
from blocklist.check.near_names import describe_needless_allows
from blocklist.errors import BlocklistError, NotFoundError, join_mistakes
from blocklist.ledger.db.connection import open_read_only
from blocklist.ledger.db.writer import current_author, open_decision_writer
from blocklist.ledger.lookup import LedgerLookup
from blocklist.ledger.operator.entries import (
    active_entries,
    add_entries,
    describe_replaced,
    end_expired_entries,
    find_replaced_entries,
    has_expired_entry,
    remove_entries,
)
from blocklist.ledger.operator.entry_notes import annotate_entries
from blocklist.ledger.operator.pending import find_pending_changes
from blocklist.ledger.releases.pins import Pin, find_release_pin
from blocklist.model import Entry, Indicator, Scope, Verdict
from blocklist.pipeline.events import ProgressCallback, ignore_progress

if TYPE_CHECKING:
    from blocklist.pipeline.reports import PublishReport

#: Sorts before every time that the ledger writes: so entries whose time is over are found, too.
_BEFORE_ALL_TIME = "0"
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


@dataclass(frozen=True, slots=True)
class NotedEntry:
    """An entry in force and a remark on it, which is often empty."""

    entry: Entry
    note: str


class EntryList:
    """The entries of one action: those that allow, or those that block."""

    def __init__(self, workspace: Workspace, action: Verdict) -> None:
        self._workspace = workspace
        self._action = action

    def add(  # noqa: PLR0913 (an option each)
        self,
        names: str | Iterable[str],
        *,
        reason: str | None = "",
        expires: Expiry = None,
        scope: Scope | str = Scope.SUBTREE,
        author: str | None = None,
        public_suffix: bool = False,
        anyway: bool = False,
        now: bool = False,
        progress: ProgressCallback = ignore_progress,
    ) -> EntryChange:
        """Add an entry for each name, address, network or URL: all of them, or none.

        An allow of a link is on its host, unless the link alone is listed; `notes` of the result
        say so. An entry takes the place of an earlier one on the same thing and scope. `expires` is
        a time, a date (its end) or a duration. `scope` counts for domain names only. `author` is
        the user of the process unless given. With `now`, the entries are published and exported at
        once, without fetching, also while a run works. Raise `InvalidNames` for all that are no
        names.
        Raise `ConsentNeeded` unless `anyway` is set: for a public suffix with all below it (unless
        `public_suffix` is set), and for a block of own, protected, popular, shared or wide names
        and networks.
        """
        self._workspace.require_config()
        database, scope = self._workspace.database, parse_word(Scope, scope, "scope")
        targets = find_entry_targets(database, self._action, names, scope)
        end, why = format_expiry(expires), format_note(reason, "reason")
        who = format_note(author, "author") or format_note(current_author(), "author")
        entries = tuple(
            Entry(
                one.indicator.kind, one.indicator.value, one.scope, self._action, why, "", end, who,
            )
            for one in targets
        )  # fmt: skip
        if not anyway:
            require_consent(self._workspace, entries, public_suffix=public_suffix)
        command, notes = f"{self._action} add", [one.remark for one in targets if one.remark]
        if self._action is Verdict.ALLOW:
            notes += _describe_allows(database, [target.indicator for target in targets])
        change = write_entries(database, command, entries)
        change = replace(change, notes=(*notes, *change.notes))
        return publish_now(self._workspace, command, change, progress) if now else change

    def remove(
        self,
        names: str | Iterable[str],
        *,
        now: bool = False,
        progress: ProgressCallback = ignore_progress,
    ) -> EntryChange:
        """End the entries on each name, address, network or URL, of any scope.

        Without an entry on a URL, those on its host are ended. With `now`, that is published and
        exported at once, without fetching. Raise `NotFoundError` that names all without an entry;
        then all entries stay.
        """
        indicators = parse_indicators(names)
        self._workspace.require_config()
        database, command = self._workspace.database, f"{self._action} remove"
        with open_decision_writer(database, command) as writer:
            unended = [
                entry
                for entry in active_entries(writer.whole.connection, _BEFORE_ALL_TIME)
                if entry.action is self._action
            ]
            existing = {entry.value for entry in unended}
            indicators = [one if one.value in existing else host_of_link(one) for one in indicators]
            values = {indicator.value for indicator in indicators}
            ended = [entry for entry in unended if entry.value in values]
            missing = [one.value for one in indicators if one.value not in existing]
            if missing:
                action = self._action
                raise NotFoundError(
                    join_mistakes(f"{value}: no {action} entry" for value in dict.fromkeys(missing))
                    + f"; see: blocklist {action} list"
                )
            for indicator in indicators:
                remove_entries(writer, indicator, self._action)
        for entry in ended:
            logger.info("%s entry removed: %s (%s)", self._action, entry.value, entry.scope)
        change = EntryChange(tuple(ended), 0, _find_pin(database))
        return publish_now(self._workspace, command, change, progress) if now else change

    def list(self) -> tuple[NotedEntry, ...]:
        """Return the entries in force, oldest first, each with a remark."""
        with open_read_only(self._workspace.database) as reader:
            if reader is None:
                return ()
            entries = [one for one in active_entries(reader) if one.action is self._action]
            return tuple(NotedEntry(*noted) for noted in annotate_entries(reader, entries))


def write_entries(database: Path, command: str, entries: tuple[Entry, ...]) -> EntryChange:
    """Add entries to the ledger, all or none, in the name of a command."""
    with open_decision_writer(database, command) as writer:
        old = find_replaced_entries(writer.whole.connection, entries)
        replaced = add_entries(writer, entries)
    notes = tuple(
        f"{entry.value}: replaced an earlier entry: {describe_replaced(entry)}" for entry in old
    )
    entries = _add_times(database, entries)
    for entry in entries:
        logger.info("%s: %s (%s) by %s", command, entry.value, entry.scope, entry.author)
    return EntryChange(entries, replaced, _find_pin(database), notes=notes)


def _add_times(database: Path, entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Return entries with the times at which they were stored."""
    with open_read_only(database) as reader:
        stored = active_entries(reader) if reader else ()
        times = {(entry.value, entry.scope): entry.created for entry in stored}
    return tuple(
        replace(entry, created=times.get((entry.value, entry.scope), "")) for entry in entries
    )


def _describe_allows(database: Path, indicators: Iterable[Indicator]) -> tuple[str, ...]:
    with open_read_only(database) as reader:
        return tuple(describe_needless_allows(LedgerLookup(reader), indicators)) if reader else ()


def end_expired(
    workspace: Workspace, *, now: bool, progress: ProgressCallback = ignore_progress
) -> EntryChange:
    """End the entries whose time is over; with `now`, publish and export that at once.

    Ends that were not published yet are published, too; entries that begin wait for a run, or for a
    decision with `now`.
    """
    database = workspace.database
    with open_read_only(database) as reader:
        if reader is None or not (has_expired_entry(reader) or _has_pending_end(reader)):
            return EntryChange((), 0, find_release_pin(reader) if reader else None)
    with open_decision_writer(database, "expire") as writer:
        ended = tuple(end_expired_entries(writer))
        has_pending_end = _has_pending_end(writer.whole.connection)
    for entry in ended:
        logger.info("entry ended: %s %s (%s)", entry.action, entry.value, entry.scope)
    change = EntryChange(ended, 0, _find_pin(database))
    return publish_now(workspace, "expire", change, progress) if now and has_pending_end else change


def _has_pending_end(reader: sqlite3.Connection) -> bool:
    return any(not change.begins for change in find_pending_changes(reader))


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


def _find_pin(database: Path) -> Pin | None:
    with open_read_only(database) as reader:
        return find_release_pin(reader) if reader else None
