"""Probe DNS servers: servers and canaries -> whether each server has loaded the list.

An answer counts as blocked if it is a blocking answer *and* differs from the server's answer for
the control, a name beside the canaries that is never listed.
"""

import logging
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from itertools import count

from blocklist.config.dns_servers import DnsServer
from blocklist.errors import ExportFailed
from blocklist.install.change import Canaries

logger = logging.getLogger(__name__)

#: A name and a server that resolved it before an install.
ResolvingName = tuple[DnsServer, str]

_TIMEOUT_SECONDS = 2.0
_MAX_PARALLEL = 8
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
_NULL_ADDRESSES = {"0.0.0.0", "::"}  # noqa: S104
# PowerDNS caches whole packets, also over a reload. A query with another payload size is another
# packet, so each query gets its own size.
_QUERY_COUNTER = count()
_MIN_PAYLOAD, _PAYLOAD_SIZES = 1232, 1024


class ProbeAnswer(StrEnum):
    """The answer of a server for the address of a name."""

    RESOLVES = "an address"
    NULL_ADDRESS = "the null address"
    NO_ADDRESS = "no address"
    NO_ANSWER = "no answer"


def find_resolving_names(servers: Iterable[DnsServer], names: Iterable[str]) -> list[ResolvingName]:
    """Return the pairs of server and name where the server resolves the name now."""
    pairs = [(server, name) for server in servers for name in names]
    with ThreadPoolExecutor(_MAX_PARALLEL) as pool:
        answers = pool.map(lambda pair: probe_server(*pair), pairs)
        answered = zip(pairs, answers, strict=True)
        return [pair for pair, answer in answered if answer is ProbeAnswer.RESOLVES]


def wait_until_loaded(
    servers: Iterable[DnsServer],
    canaries: Canaries,
    must_resolve: list[ResolvingName],
    seconds: float,
) -> None:
    """Wait until all servers block the canaries and resolve the names that they must resolve.

    Raise `ExportFailed` with the last fault when the time is over.
    """
    start, pause = time.monotonic(), _FIRST_PAUSE
    while fault := next(_iterate_faults(servers, canaries, must_resolve), None):
        if time.monotonic() + pause > start + seconds:
            raise ExportFailed(f"{fault}, {seconds:g} s after the reload; see probe_timeout")
        logger.debug("%s; next probe in %g s", fault, pause)
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
    elapsed = time.monotonic() - start
    for server in servers:
        logger.info("%s blocks the canary %s after %.1f s", server, canaries.release_name, elapsed)


def find_load_fault(server: DnsServer, canaries: Canaries) -> str | None:
    """Return what shows that a server has not loaded a list, or None if it has."""
    answers = {
        name: probe_server(server, name) for name in (canaries.release_name, canaries.fixed_name)
    }
    control = probe_server(server, canaries.control_name)
    for name, answer in answers.items():
        if not _is_list_answer(answer, control):
            return (
                f"{server} does not show that the list is loaded: for the canary {name} it has "
                f"{answer}, for a name beside it that is not listed {control}"
            )
    return None


def probe_server(server: DnsServer, name: str) -> ProbeAnswer:
    """Query a server for the IPv4 address of a name, and return what kind of answer it gives."""
    import dns.exception
    import dns.message
    import dns.query
    import dns.rcode
    import dns.rdatatype

    size = _MIN_PAYLOAD + next(_QUERY_COUNTER) % _PAYLOAD_SIZES
    query = dns.message.make_query(f"{name}.", dns.rdatatype.A, use_edns=0, payload=size)
    try:
        reply = dns.query.udp(query, server.address, timeout=_TIMEOUT_SECONDS, port=server.port)
    except (dns.exception.DNSException, OSError):
        return ProbeAnswer.NO_ANSWER
    if reply.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN, dns.rcode.REFUSED):
        return ProbeAnswer.NO_ANSWER
    addresses = {
        item.address for rrset in reply.answer if rrset.rdtype == dns.rdatatype.A for item in rrset
    }
    if not addresses:
        return ProbeAnswer.NO_ADDRESS
    return ProbeAnswer.NULL_ADDRESS if addresses <= _NULL_ADDRESSES else ProbeAnswer.RESOLVES


def _iterate_faults(
    servers: Iterable[DnsServer], canaries: Canaries, must_resolve: list[ResolvingName]
) -> Iterator[str]:
    yield from filter(None, (find_load_fault(server, canaries) for server in servers))
    for server, name in must_resolve:
        answer = probe_server(server, name)
        if answer is not ProbeAnswer.RESOLVES:
            yield f"{server} resolved {name} before, and now has {answer}"


def _is_list_answer(answer: ProbeAnswer, control: ProbeAnswer) -> bool:
    """Return whether only a loaded list explains an answer, given the answer for the control."""
    if answer is ProbeAnswer.NULL_ADDRESS:
        return control is not ProbeAnswer.NULL_ADDRESS
    return answer is ProbeAnswer.NO_ADDRESS and control is ProbeAnswer.RESOLVES
