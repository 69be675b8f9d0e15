"""Install a file step by step: finish it, swap it in, reload the server, verify, or undo.

The order protects the working list. A server reads its file only after the file was finished,
verified, checked and synced to disk, so a broken file is never read (Unbound would empty the list).
If a later step fails, the old file is restored.
"""

import logging
from collections.abc import Callable
from pathlib import Path

from blocklist.atomic_files import is_mount_point, replace_atomically
from blocklist.errors import ExportFailed
from blocklist.install.backup import FileBackup
from blocklist.install.change import InstallChange
from blocklist.install.hooks import CommandOutput, run_after_hook, run_hook
from blocklist.install.interruption import raise_if_interrupted
from blocklist.install.loading import (
    LoadResult,
    find_servers_before,
    load_file,
    load_new_file,
    look_at_list,
    require_canaries,
)
from blocklist.install.quorum import (
    RELOAD_GRACE_SECONDS,
    ListNotLoaded,
)
from blocklist.install.undo import (
    find_servers_to_undo,
    restore_after_interruption,
    undo_install,
)

logger = logging.getLogger(__name__)


def install_file(change: InstallChange, finish: Callable[[Path], None]) -> LoadResult:
    """Install a new file and have it loaded; return the output of commands and the servers.

    `finish` writes and verifies the file at the temporary path that it gets. A failure before the
    swap leaves the old file as it was. After a later failure the old file is restored and loaded
    again if a server may have read the new one, and `InstallUndone` is raised.
    """
    backup = FileBackup(change.export.path)
    require_canaries(change)
    raise_if_interrupted()
    try:
        with replace_atomically(change.export.path) as temporary:
            finish(temporary)
            output = run_hook("before", change, BLOCKLIST_NEW_FILE=str(temporary))
            output += _explain_mount_point(change.export.path)
            before = find_servers_before(change)
            backup.create()
    except BaseException:
        backup.discard_if_new()
        raise
    may_be_loaded = False
    try:
        output += run_hook("check_server", change)
        may_be_loaded = True
        loaded = load_new_file(change, before)
    except ExportFailed as error:
        servers = find_servers_to_undo(error, before) if may_be_loaded else None
        raise undo_install(change, backup, str(error), servers) from None
    except BaseException:  # such as Ctrl-C
        restore_after_interruption(change, backup, may_be_loaded=may_be_loaded)
        raise
    backup.discard()
    logger.info("export %s: installed release %d", change.export.name, change.release)
    output += loaded.output + run_after_hook(change, "installed", "")
    return LoadResult(output, loaded.servers)


def _explain_mount_point(path: Path) -> CommandOutput:
    """Return a note for the user if a file has to be written in place."""
    if not is_mount_point(path):
        return ()
    return (
        f"{path} is a mount point and cannot be replaced, so it is written in place; mount its "
        "folder instead, so that no reader sees half a file",
    )


def ensure_loaded(change: InstallChange) -> LoadResult:
    """Query the servers for the canaries of a file that stays; reload for those that lack it.

    A server that is down is in the result, and no reason to reload the others. Return the faults
    and the output of commands, or no output if nothing was loaded again. Raise `ExportFailed` if
    too few servers show the list afterwards.
    """
    require_canaries(change)
    loads = look_at_list(change)
    faulty = [load for load in loads if load.fault is not None]
    lacking = [load for load in faulty if load.is_answering]
    if (not lacking and len(faulty) < len(loads)) or not faulty:
        return LoadResult((), tuple(loads))
    faults = tuple(f"{load.server} {load.fault}" for load in lacking or faulty)
    logger.info(
        "export %s: loading the unchanged file again: %s", change.export.name, "; ".join(faults)
    )
    before, grace = find_servers_before(change), RELOAD_GRACE_SECONDS
    try:
        result = load_file(change, change.new_canaries, before, grace)
    except ListNotLoaded as error:
        raise ListNotLoaded(str(error), error.loads, change.release) from None
    return LoadResult(faults + result.output, result.servers)
