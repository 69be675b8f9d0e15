"""Look into the kernel: export and state -> whether its table has the list.

The mark shows the content, and a sample of networks from the file shows that the sets were not
emptied since. So the time does not grow with the list. Only messages that a target declares mean
that something is absent: after any other failure nothing is known.
"""

import logging
import os
import sys
from collections.abc import Iterable, Iterator

from blocklist.config.exports import Export
from blocklist.errors import ExportFailed
from blocklist.export.kernel.sample import first_address, sample_networks
from blocklist.export.render.mark_address import derive_mark
from blocklist.export.render.state import ExportState
from blocklist.install.command import fill_words, run_command
from blocklist.ledger.releases.export_health import ServerResult

logger = logging.getLogger(__name__)

#: The name of this machine's kernel among the servers of an export.
KERNEL = "kernel"
_LIMIT_SECONDS = 10.0
_MANY = "{values}"


class _NotKnown(Exception):
    """A command failed for another reason than absence."""


def is_in_kernel(export: Export) -> bool:
    """Return whether an export loads its list into this machine's kernel, where it shows."""
    installation = export.installation
    return bool(installation.kernel and installation.reload and export.target.look_mark)


def look_at_kernel(export: Export, state: ExportState) -> ServerResult:
    """Return whether the kernel has the list of a state, whose file is in place.

    If a command cannot look, `unseen` says why, and nothing is known.
    """
    try:
        fault = next(_iterate_faults(export, state), None)
    except _NotKnown as error:
        message = f"cannot look into the kernel as this user: {error}"
        logger.info("export %s: %s", export.name, message)
        return ServerResult(KERNEL, None, None, message)
    return ServerResult(KERNEL, None if fault else state.release, fault)


def _iterate_faults(export: Export, state: ExportState) -> Iterator[str]:
    target = export.target
    if not _shows(export, target.look_mark, derive_mark(state.digest)):
        yield f"the kernel does not have the list of release {state.release}"
    sample = sample_networks(export.path, target.comment)
    for words, networks in ((target.look_ip, sample.ipv4), (target.look_ip6, sample.ipv6)):
        for text in _group_networks(words, networks):
            if not _shows(export, words, text):
                yield f"the list in the kernel lacks {_describe(text)}"


def _group_networks(words: tuple[str, ...], networks: tuple[str, ...]) -> Iterable[str]:
    """Return what each command asks for: all networks at once, or each one."""
    if not words or not networks:
        return ()
    return (", ".join(networks),) if any(_MANY in word for word in words) else networks


def _describe(text: str) -> str:
    return f"one of {text}" if "," in text else text


def _shows(export: Export, words: tuple[str, ...], value: str) -> bool:
    """Run a command that looks; raise `_NotKnown` if it neither finds nor misses the value."""
    fields = {"value": value, "values": value, "address": first_address(value)}
    fields["python"] = sys.executable
    command = [*export.installation.look_with, *fill_words(words, fields)]
    try:
        result = run_command(command, _LIMIT_SECONDS, os.environ, "the time for a look")
    except ExportFailed as error:
        raise _NotKnown(str(error)) from None
    if result.exit_code == 0:
        return True
    if any(message in result.output_text for message in export.target.look_absent):
        return False
    raise _NotKnown(result.failure_text.splitlines()[0])
