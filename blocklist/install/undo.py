"""Undo an install: backup and cause -> the old file restored and loaded, and the error to raise."""

import logging
from contextlib import suppress

from blocklist.errors import ExportFailed
from blocklist.install.backup import FileBackup
from blocklist.install.canary_probe import NO_ANSWER_FAULT
from blocklist.install.change import InstallChange
from blocklist.install.hooks import run_after_hook, run_hook
from blocklist.install.interruption import interrupt_with
from blocklist.install.loading import load_file
from blocklist.install.quorum import ListNotLoaded, ServerBefore, ServerLoad, ServersFailed

logger = logging.getLogger(__name__)

_OLD_FILE_RESTORED = "The previous list is back in place"
_NEW_FILE_REMOVED = "There was no previous list, so the new one was removed"


class InstallUndone(ServersFailed):
    """A file was installed and then not confirmed; the message says which file is there now."""


def restore_after_interruption(
    change: InstallChange, backup: FileBackup, *, may_be_loaded: bool
) -> None:
    """Restore the old file and reload the server, without waiting for it."""
    with interrupt_with(None):
        backup.restore()
        if may_be_loaded:
            with suppress(ExportFailed):
                run_hook("reload", change)


def find_servers_to_undo(error: ExportFailed, before: list[ServerBefore]) -> list[ServerBefore]:
    """Return the servers, with those as answering that answered last; none must resolve a name."""
    if not isinstance(error, ListNotLoaded):
        return [ServerBefore(one.server, one.is_answering) for one in before]
    return [ServerBefore(load.server, load.is_answering) for load in error.loads]


def undo_install(
    change: InstallChange, backup: FileBackup, cause: str, servers: list[ServerBefore] | None
) -> InstallUndone:
    """Restore the old file, load it if `servers` are given, and return the error to raise."""
    loads: tuple[ServerLoad, ...] = ()
    try:
        had_old_file = backup.restore()
        result = f"{_OLD_FILE_RESTORED if had_old_file else _NEW_FILE_REMOVED}."
        if servers is not None and had_old_file:
            result, loads = _reload_old_file(change, servers)
        elif servers is not None:
            result = _reload_without_file(change)
    except ExportFailed as error:
        result = str(error)
    logger.info(
        "export %s: undid release %d: %s; %s", change.export.name, change.release, cause, result
    )
    output = run_after_hook(change, "undone", cause)
    end = "" if cause.endswith("?") else "."
    return InstallUndone(
        "\n".join([f"undone. {cause}{end}", result, *output]), loads, change.release_before
    )


def _reload_old_file(
    change: InstallChange, servers: list[ServerBefore]
) -> tuple[str, tuple[ServerLoad, ...]]:
    """Have the old file loaded; return the message, and what each server shows if that is known.

    Only servers that answer are waited for.
    """
    is_waiting = change.old_canaries and any(one.is_answering for one in servers)
    try:
        loads = load_file(change, change.old_canaries, servers if is_waiting else []).servers
    except ListNotLoaded as error:
        loads = error.loads
    except ExportFailed as error:
        return f"{_OLD_FILE_RESTORED}, but not loaded again: {error}", ()
    if change.old_canaries is None or not servers:
        return f"{_OLD_FILE_RESTORED}.", ()
    if not loads:  # nobody was waited for
        loads = tuple(ServerLoad(one.server, NO_ANSWER_FAULT) for one in servers)
    return _describe_undo(loads), loads


def _describe_undo(loads: tuple[ServerLoad, ...]) -> str:
    loaded = [str(load.server) for load in loads if load.fault is None]
    others = [str(load.server) for load in loads if load.fault is not None]
    text = _OLD_FILE_RESTORED
    if loaded:
        text += (
            f", and {_join_names(loaded)} {'blocks' if len(loaded) == 1 else 'block'} its canary"
        )
    if others:
        text += f"; {_join_names(others)} {'has' if len(others) == 1 else 'have'} not confirmed it"
    return f"{text}."


def _reload_without_file(change: InstallChange) -> str:
    try:
        run_hook("reload", change)
    except ExportFailed as error:
        return f"{_NEW_FILE_REMOVED}; then: {error}"
    return f"{_NEW_FILE_REMOVED}."


def _join_names(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
