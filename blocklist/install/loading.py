"""Have an installed file loaded: commands of the export, servers -> what each server shows."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from blocklist.config.dns_servers import parse_dns_servers
from blocklist.errors import ExportFailed
from blocklist.install.change import Canaries, InstallChange
from blocklist.install.hooks import CommandOutput, run_hook
from blocklist.install.quorum import (
    ServerBefore,
    ServerLoad,
    look_at_servers,
    look_before,
    wait_until_loaded,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadResult:
    """The output of commands, and each server of the export with what it lacks."""

    output: CommandOutput = ()
    servers: tuple[ServerLoad, ...] = ()


def require_canaries(change: InstallChange) -> None:
    """Raise `ExportFailed` if servers are to be asked for a list that has no canary."""
    export = change.export
    if export.installation.probe and change.new_canaries is None:
        raise ExportFailed(
            f"exports.{export.name}.probe: there is no canary to query, because its name does not "
            "fit into the zone; set a shorter canary or zone"
        )


def look_at_list(change: InstallChange) -> list[ServerLoad]:
    """Return for each server of an export whether it has the list of the file in place."""
    if change.new_canaries is None:
        return []
    return look_at_servers(parse_dns_servers(change.export.installation.probe), change.new_canaries)


def find_servers_before(change: InstallChange) -> list[ServerBefore]:
    """Return the servers of an export, as they are before the file is loaded."""
    installation, canaries = change.export.installation, change.new_canaries
    if canaries is None:
        return []
    servers = parse_dns_servers(installation.probe)
    return look_before(servers, canaries, installation.must_resolve)


def load_file(
    change: InstallChange,
    canaries: Canaries | None,
    before: Sequence[ServerBefore],
    grace: float = 0.0,
) -> LoadResult:
    """Have the file in place loaded, and wait until a quorum of the servers shows it.

    Raise `ExportFailed` if a command fails, and `ListNotLoaded` if too few servers show the list.
    """
    output = run_hook("check_server", change) + run_hook("reload", change)
    return _wait_for_servers(change, canaries, before, grace, output)


def load_new_file(change: InstallChange, before: Sequence[ServerBefore]) -> LoadResult:
    """Load the difference to the loaded content, or else the whole file; wait as `load_file`."""
    output = _load_difference(change)
    if output is None:
        output = run_hook("reload", change)
    return _wait_for_servers(change, change.new_canaries, before, 0.0, output)


def _load_difference(change: InstallChange) -> CommandOutput | None:
    """Load only the difference to the loaded content; None if the whole file must be loaded."""
    if not change.difference:
        return None
    try:
        output = run_hook("reload_change", change)
    except ExportFailed as error:
        logger.info("export %s: loading the whole file: %s", change.export.name, error)
        return None
    logger.info("export %s: loaded the difference to the release before", change.export.name)
    return output


def _wait_for_servers(
    change: InstallChange,
    canaries: Canaries | None,
    before: Sequence[ServerBefore],
    grace: float,
    output: CommandOutput,
) -> LoadResult:
    """Wait until a quorum shows the list; return the output of the commands with the servers."""
    installation = change.export.installation
    if canaries is None or not before:
        return LoadResult(output)
    quorum, seconds = installation.probe_quorum, installation.probe_timeout
    return LoadResult(output, tuple(wait_until_loaded(before, canaries, quorum, seconds, grace)))
