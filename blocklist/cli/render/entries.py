"""Render changes of entries: what was decided, and when it takes effect."""

import typer

from blocklist import EntryChange
from blocklist.cli.options import EXIT_EXPORT_FAILED
from blocklist.cli.session import Session
from blocklist.cli.streams import warn

_EFFECT_NOTE = "takes effect with the next: blocklist run"


def show_entry_change(session: Session, text: str, change: EntryChange) -> None:
    """Show what was decided and when it takes effect; exit with 6 if an export failed.

    Raise the error that kept it from being published at once.
    """
    session.show_status(f"{text}; {_describe_effect(change)}")
    for note in change.notes:
        warn(note)
    if change.pin and not change.published:
        warn(f"release {change.pin.release} is pinned: only your own entries are published")
    if change.error:
        raise change.error
    if change.published and change.published.failed_exports:
        raise typer.Exit(EXIT_EXPORT_FAILED)


def _describe_effect(change: EntryChange) -> str:
    if change.published is None:
        return _EFFECT_NOTE
    release = change.published.release.number
    failed = change.published.failed_exports
    if not failed:
        return f"in force with release {release}"
    names = ", ".join(outcome.name for outcome in failed)
    return f"in release {release}, but these exports failed: {names}"
