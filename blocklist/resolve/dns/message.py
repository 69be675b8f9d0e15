"""Parse name servers with dnspython: an answer -> outcome and name servers."""

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from blocklist.errors import InvalidIndicator
from blocklist.indicators.names import canonicalize_name
from blocklist.resolve.dns.wire import DnsOutcome, MalformedMessage, TruncatedAnswer

_MAX_SERVERS = 16


def parse_name_servers(answer: bytes, name: str) -> tuple[DnsOutcome, tuple[str, ...]]:
    """Return the name servers that an answer gives for a name, in canonical form and sorted.

    Raise `TruncatedAnswer`, or `MalformedMessage` for a message that breaks the rules.
    """
    try:
        message = dns.message.from_wire(answer, raise_on_truncation=True)
    except dns.message.Truncated:
        raise TruncatedAnswer from None
    except (dns.exception.DNSException, ValueError) as error:
        raise MalformedMessage(str(error)) from None
    if message.rcode() == dns.rcode.NXDOMAIN:
        return DnsOutcome.NXDOMAIN, ()
    if message.rcode() == dns.rcode.SERVFAIL:
        return DnsOutcome.SERVFAIL, ()
    if message.rcode() != dns.rcode.NOERROR:
        return DnsOutcome.REFUSED, ()
    records = message.get_rrset(
        message.answer, dns.name.from_text(name), dns.rdataclass.IN, dns.rdatatype.NS
    )
    names = sorted(
        filter(None, (_canonical_or_none(str(record.target)) for record in records or ()))
    )
    return (DnsOutcome.ANSWER if names else DnsOutcome.NODATA), tuple(names[:_MAX_SERVERS])


def _canonical_or_none(text: str) -> str | None:
    try:
        return canonicalize_name(text)
    except InvalidIndicator:
        return None
