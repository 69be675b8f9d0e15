"""The steps of an install, in an order in which none can take a working list from a server.

A server reads its file only after the file was finished, proved, checked and put on the disk, so
that a broken one is never read: Unbound would empty the list over it. What fails later brings the
old file back.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from blocklist.errors import ExportFailed
from blocklist.files import replacing
from blocklist.install import command, probe
from blocklist.install.change import Canaries, Change
from blocklist.install.kept import Kept
from blocklist.installation import Server, servers

#: What commands said, a line each, for a person.
Said = tuple[str, ...]
_BACK = "the old file is back"
_GONE = "there was no old file, so the new one was taken away"


class Undone(ExportFailed):
    """A file was in its place and did not prove itself there; the message says what is now."""


def install(change: Change, finish: Callable[[Path], None]) -> Said:
    """Put a new file in place and have it loaded; return what commands said.

    `finish` writes and proves the file under the name it is given. What fails before the file is in
    place leaves the old one as it was. What fails later brings it back, has it loaded again if the
    server may have read the new one, and raises `Undone`.
    """
    kept = Kept(change.export.path)
    _require_canaries(change)
    try:
        with replacing(change.export.path) as beside:
            finish(beside)
            said = _run("before", change, BLOCKLIST_NEW_FILE=str(beside))
            still = _resolving(change)
            kept.keep()
    except BaseException:
        kept.forget_what_stays()
        raise
    read = False
    try:
        said += _run("check_server", change)
        read = True
        said += _reloaded(change, change.new, still)
    except ExportFailed as error:
        raise _undone(change, kept, str(error), read=read) from None
    except BaseException:  # the person who waits for it has had enough
        kept.put_back()
        if read:
            with suppress(ExportFailed):
                _run("reload", change)
        raise
    kept.forget()
    return said + _told(change, "installed", "")


def look_after(change: Change) -> Said:
    """Ask the servers for the canaries of a file that stays; have them load it if they have not.

    Raise `ExportFailed` when they do not show that they have loaded it then.
    """
    _require_canaries(change)
    found = (probe.fault_of(server, change.new) for server in _servers(change) if change.new)
    fault = next(filter(None, found), None)
    if fault is None:
        return ()
    return (fault, *_loaded(change, change.new, _resolving(change)))


def _loaded(change: Change, canaries: Canaries | None, still: list[tuple[Server, str]]) -> Said:
    """Have the file that is in place loaded, and wait until the servers show it."""
    return _run("check_server", change) + _reloaded(change, canaries, still)


def _reloaded(change: Change, canaries: Canaries | None, still: list[tuple[Server, str]]) -> Said:
    said = _run("reload", change)
    if canaries and change.export.installation.probe:
        seconds = change.export.installation.probe_timeout
        probe.wait_until_loaded(_servers(change), canaries, still, seconds)
    return said


def _undone(change: Change, kept: Kept, cause: str, *, read: bool) -> Undone:
    try:
        there_was_one = kept.put_back()
        now = _BACK if there_was_one else _GONE
        if read:
            now = _again(change) if there_was_one else _without(change)
    except ExportFailed as error:
        now = str(error)
    heard = _told(change, "undone", cause)
    return Undone("\n".join([f"{cause}; {now}", *heard]))


def _again(change: Change) -> str:
    try:
        _loaded(change, change.old, [])
    except ExportFailed as error:
        return f"{_BACK}, but not loaded again: {error}"
    if change.old and change.export.installation.probe:
        return f"{_BACK}, and the server blocks its canary"
    return _BACK


def _without(change: Change) -> str:
    try:
        _run("reload", change)
    except ExportFailed as error:
        return f"{_GONE}; then: {error}"
    return _GONE


def _run(key: str, change: Change, **more: str) -> Said:
    """Run a command of the export, if it has it; return what it said."""
    told = change.export.installation
    words = getattr(told, key)
    if not words:
        return ()
    where = f"exports.{change.export.name}"
    fields = {"file": str(change.export.path), "zone": change.export.zone or ""}
    form = command.in_shell if told.shell else command.filled
    environment = change.environment | more
    ended = command.run(form(words, fields), told.timeout, environment, f"{where}.timeout")
    if ended.code:
        raise ExportFailed(f"{key} failed: {words[0]}: {ended.shown}")
    return tuple(f"{key}: {line}" for line in ended.said.splitlines())


def _told(change: Change, outcome: str, cause: str) -> Said:
    """Run the hook after; a failing one changes nothing about the list, and is said."""
    try:
        return _run("after", change, BLOCKLIST_OUTCOME=outcome, BLOCKLIST_CAUSE=cause)
    except ExportFailed as error:
        return (str(error),)


def _servers(change: Change) -> list[Server]:
    return servers(change.export.installation.probe)


def _resolving(change: Change) -> list[tuple[Server, str]]:
    return probe.resolving(_servers(change), change.export.installation.must_resolve)


def _require_canaries(change: Change) -> None:
    export = change.export
    if export.installation.probe and change.new is None:
        raise ExportFailed(
            f"exports.{export.name}.probe: there is no canary to ask for, because its name does "
            "not fit into the zone; set a shorter canary or zone"
        )
