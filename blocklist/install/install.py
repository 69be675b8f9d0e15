"""Install a file step by step: finish it, swap it in, reload the server, verify, or undo.

The order protects the working list. A server reads its file only after the file was finished,
verified, checked and synced to disk, so a broken file is never read (Unbound would empty the list).
If a later step fails, the old file is restored.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from blocklist.atomic_files import replace_atomically
from blocklist.config.dns_servers import DnsServer, parse_dns_servers
from blocklist.errors import ExportFailed
from blocklist.install import canary_probe
from blocklist.install.backup import FileBackup
from blocklist.install.change import Canaries, InstallChange
from blocklist.install.command import fill_words, run_command, wrap_in_shell

#: What commands said, a line each, for a person.
CommandOutput = tuple[str, ...]
_OLD_FILE_RESTORED = "the old file is back"
_NEW_FILE_REMOVED = "there was no old file, so the new one was taken away"


class InstallUndone(ExportFailed):
    """A file was in its place and did not prove itself there; the message says what is now."""


def install_file(change: InstallChange, finish: Callable[[Path], None]) -> CommandOutput:
    """Put a new file in place and have it loaded; return what commands said.

    `finish` writes and proves the file under the name it is given. What fails before the file is in
    place leaves the old one as it was. What fails later brings it back, has it loaded again if the
    server may have read the new one, and raises `Undone`.
    """
    kept = FileBackup(change.export.path)
    _require_canaries(change)
    try:
        with replace_atomically(change.export.path) as beside:
            finish(beside)
            said = _run_hook("before", change, BLOCKLIST_NEW_FILE=str(beside))
            still = _find_resolving(change)
            kept.create()
    except BaseException:
        kept.discard_if_new()
        raise
    read = False
    try:
        said += _run_hook("check_server", change)
        read = True
        said += _reload_and_wait(change, change.new_canaries, still)
    except ExportFailed as error:
        raise _undo_install(change, kept, str(error), read=read) from None
    except BaseException:  # the person who waits for it has had enough
        kept.restore()
        if read:
            with suppress(ExportFailed):
                _run_hook("reload", change)
        raise
    kept.discard()
    return said + _run_after_hook(change, "installed", "")


def ensure_loaded(change: InstallChange) -> CommandOutput:
    """Ask the servers for the canaries of a file that stays; have them load it if they have not.

    Raise `ExportFailed` when they do not show that they have loaded it then.
    """
    _require_canaries(change)
    found = (
        canary_probe.find_load_fault(server, change.new_canaries)
        for server in _list_probe_servers(change)
        if change.new_canaries
    )
    fault = next(filter(None, found), None)
    if fault is None:
        return ()
    return (fault, *_load_file(change, change.new_canaries, _find_resolving(change)))


def _load_file(
    change: InstallChange, canaries: Canaries | None, still: list[tuple[DnsServer, str]]
) -> CommandOutput:
    """Have the file that is in place loaded, and wait until the servers show it."""
    return _run_hook("check_server", change) + _reload_and_wait(change, canaries, still)


def _reload_and_wait(
    change: InstallChange, canaries: Canaries | None, still: list[tuple[DnsServer, str]]
) -> CommandOutput:
    said = _run_hook("reload", change)
    if canaries and change.export.installation.probe:
        seconds = change.export.installation.probe_timeout
        canary_probe.wait_until_loaded(_list_probe_servers(change), canaries, still, seconds)
    return said


def _undo_install(
    change: InstallChange, kept: FileBackup, cause: str, *, read: bool
) -> InstallUndone:
    try:
        there_was_one = kept.restore()
        now = _OLD_FILE_RESTORED if there_was_one else _NEW_FILE_REMOVED
        if read:
            now = _reload_old_file(change) if there_was_one else _reload_without_file(change)
    except ExportFailed as error:
        now = str(error)
    heard = _run_after_hook(change, "undone", cause)
    return InstallUndone("\n".join([f"{cause}; {now}", *heard]))


def _reload_old_file(change: InstallChange) -> str:
    try:
        _load_file(change, change.old_canaries, [])
    except ExportFailed as error:
        return f"{_OLD_FILE_RESTORED}, but not loaded again: {error}"
    if change.old_canaries and change.export.installation.probe:
        return f"{_OLD_FILE_RESTORED}, and the server blocks its canary"
    return _OLD_FILE_RESTORED


def _reload_without_file(change: InstallChange) -> str:
    try:
        _run_hook("reload", change)
    except ExportFailed as error:
        return f"{_NEW_FILE_REMOVED}; then: {error}"
    return _NEW_FILE_REMOVED


def _run_hook(key: str, change: InstallChange, **more: str) -> CommandOutput:
    """Run a command of the export, if it has it; return what it said."""
    told = change.export.installation
    words = getattr(told, key)
    if not words:
        return ()
    where = f"exports.{change.export.name}"
    fields = {"file": str(change.export.path), "zone": change.export.zone or ""}
    form = wrap_in_shell if told.shell else fill_words
    environment = change.environment | more
    ended = run_command(form(words, fields), told.timeout, environment, f"{where}.timeout")
    if ended.exit_code:
        raise ExportFailed(f"{key} failed: {words[0]}: {ended.failure_text}")
    return tuple(f"{key}: {line}" for line in ended.output_text.splitlines())


def _run_after_hook(change: InstallChange, outcome: str, cause: str) -> CommandOutput:
    """Run the hook after; a failing one changes nothing about the list, and is said."""
    try:
        return _run_hook("after", change, BLOCKLIST_OUTCOME=outcome, BLOCKLIST_CAUSE=cause)
    except ExportFailed as error:
        return (str(error),)


def _list_probe_servers(change: InstallChange) -> list[DnsServer]:
    return parse_dns_servers(change.export.installation.probe)


def _find_resolving(change: InstallChange) -> list[tuple[DnsServer, str]]:
    return canary_probe.find_resolving_names(
        _list_probe_servers(change), change.export.installation.must_resolve
    )


def _require_canaries(change: InstallChange) -> None:
    export = change.export
    if export.installation.probe and change.new_canaries is None:
        raise ExportFailed(
            f"exports.{export.name}.probe: there is no canary to ask for, because its name does "
            "not fit into the zone; set a shorter canary or zone"
        )
