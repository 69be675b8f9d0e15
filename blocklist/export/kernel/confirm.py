"""Confirm a list in the kernel: change and state -> what the kernel has, after a second load."""

import logging

from blocklist.config.exports import Export
from blocklist.export.kernel.look import is_in_kernel, look_at_kernel
from blocklist.export.render.state import ExportState
from blocklist.install.change import InstallChange
from blocklist.install.hooks import CommandOutput, run_hook
from blocklist.ledger.releases.export_health import ServerResult

logger = logging.getLogger(__name__)


def ensure_in_kernel(
    change: InstallChange, state: ExportState
) -> tuple[ServerResult | None, CommandOutput]:
    """Look for the list of a state, and load its whole file again if the kernel lacks it.

    Return what the last look showed (None if there is no kernel to look into), and what was done.
    Raise `ExportFailed` if `reload` fails.
    """
    export = change.export
    if not is_in_kernel(export):
        return None, ()
    first = look_at_kernel(export, state)
    if first.unseen:
        return first, (first.unseen,)
    if first.fault is None:
        return first, ()
    logger.info("export %s: loading the file again: %s", export.name, first.fault)
    output = (f"{first.fault}; the file is loaded again", *run_hook("reload", change))
    return look_at_kernel(export, state), output


def describe_missing(export: Export, result: ServerResult) -> str:
    """Return the message for a list that `reload` does not bring into the kernel."""
    key = f"exports.{export.name}.kernel"
    return (
        f"{result.fault}, although `reload` ended without an error; if it loads the list into "
        f"another machine, set {key} = false"
    )
