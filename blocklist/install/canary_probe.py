"""Probe DNS servers: servers and canaries -> whether each server has loaded the list.

An answer counts as blocked if it is a blocking answer *and* differs from the server's answer for
the control, a name beside the canaries that is never listed.
"""

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from itertools import count

from blocklist.config.dns_servers import DnsServer
from blocklist.errors import ExportFailed
from blocklist.install.change import Canaries

_TIMEOUT_SECONDS = 2.0
_MAX_PARALLEL = 8
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
_NULL_ADDRESSES = {"0.0.0.0", "::"}  # noqa: S104
# PowerDNS keeps whole answers to whole questions, also over a reload. A question that announces
# another size of answer is another one.
_QUERY_COUNTER = count()
_MIN_PAYLOAD, _PAYLOAD_SIZES = 1232, 1024


class ProbeAnswer(StrEnum):
    """What a server makes of a name."""

    RESOLVES = "an address"
    NULL_ADDRESS = "the null address"
    NO_ADDRESS = "no address"
    NO_ANSWER = "no answer"


def find_resolving_names(
    servers: Iterable[DnsServer], names: Iterable[str]
) -> list[tuple[DnsServer, str]]:
    """Return which servers resolve which of the names now."""
    pairs = [(server, name) for server in servers for name in names]
    with ThreadPoolExecutor(_MAX_PARALLEL) as pool:
        answers = pool.map(lambda pair: probe_server(*pair), pairs)
        told = zip(pairs, answers, strict=True)
        return [pair for pair, answer in told if answer is ProbeAnswer.RESOLVES]


def wait_until_loaded(
    servers: Iterable[DnsServer],
    canaries: Canaries,
    still: list[tuple[DnsServer, str]],
    seconds: float,
) -> None:
    """Return when all servers block the canaries and `still` resolve what they must.

    Raise `ExportFailed` with the last thing that was wrong when the time is over.
    """
    until, pause = time.monotonic() + seconds, _FIRST_PAUSE
    while fault := next(_iterate_faults(servers, canaries, still), None):
        if time.monotonic() + pause > until:
            raise ExportFailed(f"{fault}, {seconds:g} s after the reload; see probe_timeout")
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def find_load_fault(server: DnsServer, canaries: Canaries) -> str | None:
    """Return what shows that a server has not loaded a list, None when it has."""
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
    """Return what a server makes of a name's address."""
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
    found = {
        item.address for rrset in reply.answer if rrset.rdtype == dns.rdatatype.A for item in rrset
    }
    if not found:
        return ProbeAnswer.NO_ADDRESS
    return ProbeAnswer.NULL_ADDRESS if found <= _NULL_ADDRESSES else ProbeAnswer.RESOLVES


def _iterate_faults(
    servers: Iterable[DnsServer], canaries: Canaries, still: list[tuple[DnsServer, str]]
) -> Iterator[str]:
    yield from filter(None, (find_load_fault(server, canaries) for server in servers))
    for server, name in still:
        answer = probe_server(server, name)
        if answer is not ProbeAnswer.RESOLVES:
            yield f"{server} resolved {name} before, and now has {answer}"


def _is_list_answer(answer: ProbeAnswer, control: ProbeAnswer) -> bool:
    """Return whether an answer can only come from a list, given what an unlisted name gets."""
    if answer is ProbeAnswer.NULL_ADDRESS:
        return control is not ProbeAnswer.NULL_ADDRESS
    return answer is ProbeAnswer.NO_ADDRESS and control is ProbeAnswer.RESOLVES
