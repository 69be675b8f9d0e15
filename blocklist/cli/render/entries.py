"""Render changes of entries: what was decided, and when it takes effect."""

from collections.abc import Sequence
from dataclasses import asdict

import typer

from blocklist import Entry, EntryChange, EntryImport
from blocklist.cli.options import EXIT_EXPORT_FAILED
from blocklist.cli.output import show_json
from blocklist.cli.session import Session
from blocklist.cli.streams import warn

_EFFECT_NOTE = "takes effect with the next: blocklist run"
#: So many entries of one change are named.
_MAX_NAMED = 5


def show_entry_change(
    session: Session, text: str, change: EntryChange, *, as_json: bool = False
) -> None:
    """Show what was decided and when it takes effect; exit with 6 if an export failed.

    Raise the error that kept it from being published at once.
    """
    if as_json:
        show_json(change_to_dict(change))
    session.show_status(f"{text}; {describe_effect(change)}")
    finish_entry_change(change)


def finish_entry_change(change: EntryChange) -> None:
    """Show the notes of a change; exit with 6 if an export failed, and raise its error."""
    for note in change.notes:
        warn(note)
    if change.pin and not change.published:
        warn(f"release {change.pin.release} is pinned: only your own entries are published")
    if change.error:
        raise change.error
    if change.published and change.published.failed_exports:
        raise typer.Exit(EXIT_EXPORT_FAILED)


def change_to_dict(change: EntryChange) -> dict[str, object]:
    """Return the document of a command that adds or ends entries."""
    return {
        "entries": [asdict(entry) for entry in change.entries],
        "replaced": change.replaced,
        **publication_to_dict(change),
    }


def import_to_dict(report: EntryImport) -> dict[str, object]:
    """Return the document of a command that imports entries."""
    return {
        "added": [asdict(entry) for entry in report.added],
        "changed": [asdict(entry) for entry in report.changed],
        "removed": [asdict(entry) for entry in report.removed],
        "unchanged": report.unchanged,
        "ended": report.ended,
        "dry_run": report.dry_run,
        **publication_to_dict(report.change),
    }


def publication_to_dict(change: EntryChange) -> dict[str, object]:
    """Return the keys about the publication of a change, and its notes."""
    published = change.published
    return {
        "release": published and published.release,
        "exports": published.exports if published else (),
        "pin": change.pin,
        "notes": change.notes,
        "error": str(change.error) if change.error else None,
    }


def describe_entries(entries: Sequence[Entry]) -> str:
    """Return entries in words; of many, the first ones and how many more there are."""
    return _name_first([_describe_entry(entry) for entry in entries])


def describe_values(entries: Sequence[Entry]) -> str:
    """Return the values of entries, each once; of many, the first ones and how many more."""
    return _name_first(list(dict.fromkeys(entry.value for entry in entries)))


def _name_first(names: list[str]) -> str:
    named, more = ", ".join(names[:_MAX_NAMED]), len(names) - _MAX_NAMED
    return f"{named} and {more:,} more" if more > 0 else named


def _describe_entry(entry: Entry) -> str:
    end = f" until {entry.expires}" if entry.expires else ""
    return f"{entry.value} ({entry.scope}){end}"


def describe_effect(change: EntryChange) -> str:
    """Return when a change takes effect, or in which release it is in force."""
    if change.published is None:
        return _EFFECT_NOTE
    release = change.published.release.number
    failed = change.published.failed_exports
    if not failed:
        return f"in force with release {release}"
    names = ", ".join(outcome.name for outcome in failed)
    return f"in release {release}, but these exports failed: {names}"
