"""Wait for several DNS servers: servers and canaries -> which loaded the list, and what is wrong.

Servers are asked in parallel, each in a thread of its own, so one that is down delays no other. A
server that gave no answer before the install is not counted, unless all gave none. The list counts
as loaded when a quorum of the counted servers shows it.
"""

import logging
import math
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from blocklist.config.dns_servers import DnsServer
from blocklist.errors import ExportFailed
from blocklist.install.canary_probe import (
    NO_ANSWER_FAULT,
    ProbeAnswer,
    look_at_server,
    probe_names,
)
from blocklist.install.change import Canaries
from blocklist.install.server_watch import ServerWatch, watch_servers

logger = logging.getLogger(__name__)

#: How many servers must show the list: a number, a share, or None for more than half.
Quorum = int | float | None

#: After the quorum, the other servers get as long again as the quorum needed, and at least this:
#: servers load the same file about equally fast, and five seconds is BIND's `min-update-interval`.
_GRACE_SECONDS = 5.0
#: An unchanged file is loaded again for the sake of one server: a million names need half a minute.
RELOAD_GRACE_SECONDS = 30.0

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class ServerBefore:
    """A server as it was before an install: whether it answered, and the names it resolved."""

    server: DnsServer
    is_answering: bool
    resolving: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServerLoad:
    """Whether a server has loaded a list: the fault is None, or what follows the server's name."""

    server: DnsServer
    fault: str | None

    @property
    def is_answering(self) -> bool:
        """Whether the server gave an answer at all."""
        return self.fault != NO_ANSWER_FAULT


class ServersFailed(ExportFailed):
    """A failure after a look at servers: what each shows, of the content of which release."""

    def __init__(
        self, message: str, loads: Sequence[ServerLoad] = (), release: int | None = None
    ) -> None:
        super().__init__(message)
        self.loads, self.release = tuple(loads), release


class ListNotLoaded(ServersFailed):
    """Too few servers show the list, or one was harmed by it."""


def count_needed(quorum: Quorum, count: int) -> int:
    """Return how many of `count` servers must show the list: at least one, at most all."""
    if quorum is None:
        return count // 2 + 1
    if isinstance(quorum, float):
        return max(1, math.ceil(round(quorum * count, 6)))
    return max(1, min(quorum, count))


def look_before(
    servers: Sequence[DnsServer], canaries: Canaries, must_resolve: Iterable[str]
) -> list[ServerBefore]:
    """Return which servers answer, and which of the names each resolves; one time limit in all."""
    # For a name that is on the list, a server without a way to the Internet has an answer, too. And
    # a single lost packet must not make a server one that is down.
    names = [canaries.control_name, canaries.fixed_name, *must_resolve]

    def look(server: DnsServer) -> ServerBefore:
        answers = probe_names(server, names)
        is_answering = any(answer is not ProbeAnswer.NO_ANSWER for _, answer in answers)
        resolving = (name for name, it in answers[2:] if it is ProbeAnswer.RESOLVES)
        return ServerBefore(server, is_answering, tuple(resolving))

    return _map_servers(look, servers)


def look_at_servers(servers: Sequence[DnsServer], canaries: Canaries) -> list[ServerLoad]:
    """Return for each server whether it has a list now.

    One that answers without it is asked again: a single packet may be lost.
    """

    def look(server: DnsServer) -> ServerLoad:
        first = look_at_server(server, canaries)
        is_sure = first.fault is None or not first.is_answering
        return ServerLoad(server, (first if is_sure else look_at_server(server, canaries)).fault)

    return _map_servers(look, servers)


def wait_until_loaded(
    before: Sequence[ServerBefore],
    canaries: Canaries,
    quorum: Quorum,
    seconds: float,
    grace: float = 0.0,
) -> list[ServerLoad]:
    """Wait until a quorum of the counted servers has loaded a list; return all servers.

    After the quorum the others get `grace` seconds, or more if the quorum needed more. Raise
    `ListNotLoaded` when `seconds` are over, or as soon as a server blocks a name that it resolved.
    """
    counted = [one for one in before if one.is_answering] or list(before)
    needed, start = count_needed(quorum, len(counted)), time.monotonic()
    watches = {one.server: ServerWatch(one.server, canaries, one.resolving) for one in counted}
    watch_servers(list(watches.values()), needed, seconds, max(grace, _GRACE_SECONDS))
    loads = [_summarize(one.server, watches.get(one.server)) for one in before]
    harmed = next((watch for watch in watches.values() if watch.harm), None)
    if harmed:
        message = f"{harmed.server} blocks {harmed.harm}, which it resolved before"
        raise ListNotLoaded(message, loads)
    _log_loads(loads, canaries, time.monotonic() - start)
    if sum(load.fault is None for load in loads) < needed:
        raise ListNotLoaded(_describe_faults(loads, len(counted), needed, seconds), loads)
    return loads


def _summarize(server: DnsServer, watch: ServerWatch | None) -> ServerLoad:
    """Return what the last look at a server showed; one without a look gives no answer."""
    look = watch.look if watch else None
    return ServerLoad(server, look.fault if look else NO_ANSWER_FAULT)


def _describe_faults(loads: Sequence[ServerLoad], counted: int, needed: int, seconds: float) -> str:
    faults = [_describe_fault(load, seconds) for load in loads if load.fault is not None]
    if len(loads) == 1:
        return faults[0]
    loaded = len(loads) - len(faults)
    head = (
        f"{loaded} of {counted} servers that count loaded the list, and {needed} must; see "
        "probe_quorum"
    )
    return " ".join(text if text.endswith("?") else f"{text}." for text in (head, *faults))


def _describe_fault(load: ServerLoad, seconds: float) -> str:
    if not load.is_answering:
        return f"{load.server} gave no answer for {seconds:g} s; is it running?"
    return f"{load.server} {load.fault}, {seconds:g} s after the reload; see probe_timeout"


def _log_loads(loads: Iterable[ServerLoad], canaries: Canaries, elapsed: float) -> None:
    for load in loads:
        if load.fault is None:
            name = canaries.release_name
            logger.info("%s blocks the canary %s after %.1f s", load.server, name, elapsed)


def _map_servers(work: Callable[[DnsServer], Result], servers: Sequence[DnsServer]) -> list[Result]:
    """Return the result of `work` for each server, all at once."""
    if not servers:
        return []
    with ThreadPoolExecutor(len(servers)) as pool:
        return list(pool.map(work, servers))
