"""Answers that are not read in place: name servers, with dnspython."""

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from blocklist.errors import Refused
from blocklist.names import canonical
from blocklist.resolve.wire import Malformed, Outcome, Truncated

_MOST_SERVERS = 16


def name_servers(answer: bytes, name: str) -> tuple[Outcome, tuple[str, ...]]:
    """Return the name servers that an answer gives for a name, in canonical form and sorted.

    Raise `Truncated`, or `Malformed` for a message that breaks the rules.
    """
    try:
        message = dns.message.from_wire(answer, raise_on_truncation=True)
    except dns.message.Truncated:
        raise Truncated from None
    except (dns.exception.DNSException, ValueError) as error:
        raise Malformed(str(error)) from None
    if message.rcode() == dns.rcode.NXDOMAIN:
        return Outcome.NXDOMAIN, ()
    if message.rcode() == dns.rcode.SERVFAIL:
        return Outcome.SERVFAIL, ()
    if message.rcode() != dns.rcode.NOERROR:
        return Outcome.REFUSED, ()
    found = message.get_rrset(
        message.answer, dns.name.from_text(name), dns.rdataclass.IN, dns.rdatatype.NS
    )
    names = sorted(filter(None, (_canonical(str(record.target)) for record in found or ())))
    return (Outcome.ANSWER if names else Outcome.NODATA), tuple(names[:_MOST_SERVERS])


def _canonical(text: str) -> str | None:
    try:
        return canonical(text)
    except Refused:
        return None
