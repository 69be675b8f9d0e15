"""The operator's entries: names to allow or block -> entries, added, removed and listed."""

import logging
import os
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from blocklist.api.arguments import (
    Expiry,
    format_expiry,
    format_note,
    parse_indicators,
    parse_word,
)
from blocklist.api.entry_change import (
    EntryChange,
    describe_allows,
    find_pin,
    publish_now,
    write_entries,
)
from blocklist.api.entry_consent import require_consent
from blocklist.api.entry_targets import find_entry_targets, host_of_link
from blocklist.api.workspace import Workspace
from blocklist.errors import NotFoundError, join_mistakes
from blocklist.ledger.db.connection import open_read_only
from blocklist.ledger.db.writer import current_author, open_decision_writer
from blocklist.ledger.operator.entries import (
    active_entries,
    end_expired_entries,
    has_expired_entry,
    remove_entries,
)
from blocklist.ledger.operator.entry_notes import annotate_entries
from blocklist.ledger.operator.pending import find_pending_changes
from blocklist.ledger.releases.pins import find_release_pin
from blocklist.model import Entry, Scope, Verdict
from blocklist.pipeline.events import ProgressCallback, ignore_progress

if TYPE_CHECKING:
    from blocklist.api.entry_files.content import EntryFormat
    from blocklist.api.entry_import import EntryImport

#: Sorts before every time that the ledger writes: so entries whose time is over are found, too.
_BEFORE_ALL_TIME = "0"
logger = logging.getLogger(__name__)


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
            notes += describe_allows(database, [target.indicator for target in targets])
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
        change = EntryChange(tuple(ended), 0, find_pin(database))
        return publish_now(self._workspace, command, change, progress) if now else change

    def list(self) -> tuple[NotedEntry, ...]:
        """Return the entries in force, oldest first, each with a remark."""
        with open_read_only(self._workspace.database) as reader:
            if reader is None:
                return ()
            entries = [one for one in active_entries(reader) if one.action is self._action]
            return tuple(NotedEntry(*noted) for noted in annotate_entries(reader, entries))

    def export_text(self, format: "EntryFormat | str" = "toml") -> str:
        """Return the entries in force as the text of a file, sorted by name.

        `format` is `toml` or `csv`. The columns are value, scope, reason, until, author and
        created; `import_file` reads them.
        """
        from blocklist.api.entry_files.content import EntryFormat, render_entries

        form = parse_word(EntryFormat, format, "format")
        return render_entries([noted.entry for noted in self.list()], form)

    def import_file(  # noqa: PLR0913 (an option each)
        self,
        path: str | os.PathLike[str],
        *,
        format: "EntryFormat | str | None" = None,
        prune: bool = False,
        dry_run: bool = False,
        anyway: bool = False,
        now: bool = False,
        progress: ProgressCallback = ignore_progress,
    ) -> "EntryImport":
        """Add and change entries so that all of a file are in force: all of them, or none.

        A file that is imported again changes nothing. With `prune`, entries that the file does not
        have are removed; with `dry_run`, the result is what would change. The format is that of the
        suffix unless given. Raise `ConfigError` with every mistake and its line, `StorageError`
        if the file cannot be read, and `ConsentNeeded` as `add` does, and for the removal of all.
        """
        from blocklist.api.entry_files.content import choose_format, read_entry_file

        form = choose_format(path, format)
        return self.import_content(
            read_entry_file(path), form, name=os.fspath(path), prune=prune, dry_run=dry_run,
            anyway=anyway, now=now, progress=progress,
        )  # fmt: skip

    def import_content(  # noqa: PLR0913 (an option each)
        self,
        content: str | bytes,
        format: "EntryFormat | str",
        *,
        name: str = "content",
        prune: bool = False,
        dry_run: bool = False,
        anyway: bool = False,
        now: bool = False,
        progress: ProgressCallback = ignore_progress,
    ) -> "EntryImport":
        """Do as `import_file` with the content of a file; `name` is its name in messages."""
        from blocklist.api.entry_files.content import EntryFormat, parse_entries
        from blocklist.api.entry_import import ImportOptions, import_rows

        self._workspace.require_config()
        form = parse_word(EntryFormat, format, "format")
        data = content.encode(errors="surrogateescape") if isinstance(content, str) else content
        rows = parse_entries(data, form, self._action, name)
        options = ImportOptions(prune, dry_run, anyway, now)
        return import_rows(self._workspace, self._action, rows, options, progress)


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
    change = EntryChange(ended, 0, find_pin(database))
    return publish_now(workspace, "expire", change, progress) if now and has_pending_end else change


def _has_pending_end(reader: sqlite3.Connection) -> bool:
    return any(not change.begins for change in find_pending_changes(reader))
