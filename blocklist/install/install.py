"""Install a file step by step: finish it, swap it in, reload the server, verify, or undo.

The order protects the working list. A server reads its file only after the file was finished,
verified, checked and synced to disk, so a broken file is never read (Unbound would empty the list).
If a later step fails, the old file is restored.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from blocklist.atomic_files import is_mount_point, replace_atomically
from blocklist.config.dns_servers import DnsServer, parse_dns_servers
from blocklist.errors import ExportFailed
from blocklist.install import canary_probe
from blocklist.install.backup import FileBackup
from blocklist.install.canary_probe import ResolvingName
from blocklist.install.change import Canaries, InstallChange
from blocklist.install.command import fill_words, run_command, wrap_in_shell

logger = logging.getLogger(__name__)

#: The output of hooks and commands, line by line, for the user.
CommandOutput = tuple[str, ...]
_OLD_FILE_RESTORED = "the old file is back"
_NEW_FILE_REMOVED = "there was no old file, so the new one was taken away"


class InstallUndone(ExportFailed):
    """A file was installed and then not confirmed; the message says which file is there now."""


def install_file(change: InstallChange, finish: Callable[[Path], None]) -> CommandOutput:
    """Install a new file and have it loaded; return the output of commands.

    `finish` writes and verifies the file at the temporary path that it gets. A failure before the
    swap leaves the old file as it was. After a later failure the old file is restored and loaded
    again if the server may have read the new one, and `InstallUndone` is raised.
    """
    backup = FileBackup(change.export.path)
    _require_canaries(change)
    try:
        with replace_atomically(change.export.path) as temporary:
            finish(temporary)
            output = _run_hook("before", change, BLOCKLIST_NEW_FILE=str(temporary))
            output += _explain_mount_point(change.export.path)
            must_resolve = _find_resolving(change)
            backup.create()
    except BaseException:
        backup.discard_if_new()
        raise
    may_be_loaded = False
    try:
        output += _run_hook("check_server", change)
        may_be_loaded = True
        output += _reload_and_wait(change, change.new_canaries, must_resolve)
    except ExportFailed as error:
        raise _undo_install(change, backup, str(error), may_be_loaded=may_be_loaded) from None
    except BaseException:  # such as Ctrl-C
        backup.restore()
        if may_be_loaded:
            with suppress(ExportFailed):
                _run_hook("reload", change)
        raise
    backup.discard()
    logger.info("export %s: installed release %d", change.export.name, change.release)
    return output + _run_after_hook(change, "installed", "")


def _explain_mount_point(path: Path) -> CommandOutput:
    """Return a note for the user if a file has to be written in place."""
    if not is_mount_point(path):
        return ()
    return (
        f"{path} is a mount point and cannot be replaced, so it is written in place; mount its "
        "folder instead, so that no reader sees half a file",
    )


def ensure_loaded(change: InstallChange) -> CommandOutput:
    """Query the servers for the canaries of a file that stays; have them load it if they have not.

    Return the fault and the output of commands, or nothing if the file was loaded. Raise
    `ExportFailed` if the servers do not show that they have loaded it afterwards.
    """
    _require_canaries(change)
    faults = (
        canary_probe.find_load_fault(server, change.new_canaries)
        for server in _list_probe_servers(change)
        if change.new_canaries
    )
    fault = next(filter(None, faults), None)
    if fault is None:
        return ()
    logger.info("export %s: loading the unchanged file again: %s", change.export.name, fault)
    return (fault, *_load_file(change, change.new_canaries, _find_resolving(change)))


def _load_file(
    change: InstallChange, canaries: Canaries | None, must_resolve: list[ResolvingName]
) -> CommandOutput:
    """Have the installed file loaded, and wait until the servers show it."""
    return _run_hook("check_server", change) + _reload_and_wait(change, canaries, must_resolve)


def _reload_and_wait(
    change: InstallChange, canaries: Canaries | None, must_resolve: list[ResolvingName]
) -> CommandOutput:
    output = _run_hook("reload", change)
    if canaries and change.export.installation.probe:
        seconds = change.export.installation.probe_timeout
        canary_probe.wait_until_loaded(_list_probe_servers(change), canaries, must_resolve, seconds)
    return output


def _undo_install(
    change: InstallChange, backup: FileBackup, cause: str, *, may_be_loaded: bool
) -> InstallUndone:
    """Restore the old file, load it if needed, and return the error to raise."""
    try:
        had_old_file = backup.restore()
        result = _OLD_FILE_RESTORED if had_old_file else _NEW_FILE_REMOVED
        if may_be_loaded:
            result = _reload_old_file(change) if had_old_file else _reload_without_file(change)
    except ExportFailed as error:
        result = str(error)
    logger.info(
        "export %s: undid release %d: %s; %s", change.export.name, change.release, cause, result
    )
    output = _run_after_hook(change, "undone", cause)
    return InstallUndone("\n".join([f"{cause}; {result}", *output]))


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


def _run_hook(key: str, change: InstallChange, **variables: str) -> CommandOutput:
    """Run a command of the export, if it has one; return its output."""
    installation = change.export.installation
    words = getattr(installation, key)
    if not words:
        return ()
    fields = {"file": str(change.export.path), "zone": change.export.zone or ""}
    make_command = wrap_in_shell if installation.shell else fill_words
    limit_key = f"exports.{change.export.name}.timeout"
    environment = change.environment | variables
    result = run_command(make_command(words, fields), installation.timeout, environment, limit_key)
    if result.exit_code:
        raise ExportFailed(f"{key} failed: {words[0]}: {result.failure_text}")
    return tuple(f"{key}: {line}" for line in result.output_text.splitlines())


def _run_after_hook(change: InstallChange, outcome: str, cause: str) -> CommandOutput:
    """Run the hook `after`; if it fails, report that without any effect on the list."""
    try:
        return _run_hook("after", change, BLOCKLIST_OUTCOME=outcome, BLOCKLIST_CAUSE=cause)
    except ExportFailed as error:
        return (str(error),)


def _list_probe_servers(change: InstallChange) -> list[DnsServer]:
    return parse_dns_servers(change.export.installation.probe)


def _find_resolving(change: InstallChange) -> list[ResolvingName]:
    return canary_probe.find_resolving_names(
        _list_probe_servers(change), change.export.installation.must_resolve
    )


def _require_canaries(change: InstallChange) -> None:
    export = change.export
    if export.installation.probe and change.new_canaries is None:
        raise ExportFailed(
            f"exports.{export.name}.probe: there is no canary to query, because its name does not "
            "fit into the zone; set a shorter canary or zone"
        )
