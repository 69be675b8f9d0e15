"""Look at one DNS server: server and canaries -> whether it has loaded the list, and what it lacks.

An answer counts as blocked if it is a blocking answer *and* differs from the server's answer for
the control, a name beside the canaries that is never listed.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from itertools import count

from blocklist.config.dns_servers import DnsServer
from blocklist.install.change import Canaries

_TIMEOUT_SECONDS = 2.0
_MAX_PARALLEL = 32
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
    FAILURE = "a server failure"
    NO_ANSWER = "no answer"


#: The fault of a server that is down or cannot be reached.
NO_ANSWER_FAULT = "gives no answer"
_BLOCKING_ANSWERS = (ProbeAnswer.NULL_ADDRESS, ProbeAnswer.NO_ADDRESS)


@dataclass(frozen=True, slots=True)
class ServerLook:
    """What one look at a server shows. The texts follow the name of the server."""

    #: What the server lacks; None if it has loaded the list and resolves its names.
    fault: str | None
    #: The name that it resolved before and blocks now.
    harm: str | None = None

    @property
    def is_answering(self) -> bool:
        """Whether the server gave an answer at all."""
        return self.fault != NO_ANSWER_FAULT


def look_at_server(
    server: DnsServer, canaries: Canaries, must_resolve: Iterable[str] = ()
) -> ServerLook:
    """Query a server for the canaries and for names that it must resolve.

    A server that is down costs one time limit, not one for each name.
    """
    answers = dict(probe_names(server, (canaries.release_name, canaries.fixed_name)))
    if set(answers.values()) == {ProbeAnswer.NO_ANSWER}:
        return ServerLook(NO_ANSWER_FAULT)
    control = probe_server(server, canaries.control_name)
    faults = [
        f"does not show that the list is loaded: for the canary {name} it has {answer}, for a name "
        f"beside it that is not listed {control}"
        for name, answer in answers.items()
        if not _is_list_answer(answer, control)
    ]
    unresolved = {
        name: answer
        for name, answer in probe_names(server, must_resolve)
        if answer is not ProbeAnswer.RESOLVES
    }
    faults += [f"resolved {name} before, and now has {it}" for name, it in unresolved.items()]
    harms = (name for name, answer in unresolved.items() if answer in _BLOCKING_ANSWERS)
    return ServerLook(faults[0] if faults else None, next(harms, None))


def find_load_fault(server: DnsServer, canaries: Canaries) -> str | None:
    """Return what shows that a server has not loaded a list, or None if it has."""
    return look_at_server(server, canaries).fault


def probe_names(server: DnsServer, names: Iterable[str]) -> list[tuple[str, ProbeAnswer]]:
    """Query a server for names, all at once, and return each with its answer."""
    names = list(names)
    if not names:
        return []
    with ThreadPoolExecutor(min(len(names), _MAX_PARALLEL)) as pool:
        answers = pool.map(lambda name: probe_server(server, name), names)
        return list(zip(names, answers, strict=True))


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
        return ProbeAnswer.FAILURE
    addresses = {
        item.address for rrset in reply.answer if rrset.rdtype == dns.rdatatype.A for item in rrset
    }
    if not addresses:
        return ProbeAnswer.NO_ADDRESS
    return ProbeAnswer.NULL_ADDRESS if addresses <= _NULL_ADDRESSES else ProbeAnswer.RESOLVES


def _is_list_answer(answer: ProbeAnswer, control: ProbeAnswer) -> bool:
    """Return whether only a loaded list explains an answer, given the answer for the control."""
    if answer is ProbeAnswer.NULL_ADDRESS:
        return control is not ProbeAnswer.NULL_ADDRESS
    return answer is ProbeAnswer.NO_ADDRESS and control is ProbeAnswer.RESOLVES
