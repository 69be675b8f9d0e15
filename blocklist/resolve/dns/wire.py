"""DNS messages as bytes (RFC 1035, 4): pack questions, parse addresses in place.

This is the hot path; `resolve.dns.message` parses everything else with dnspython. The name in a
question has random case (draft-vixie-dnsext-dns0x20), which an answer must repeat.
"""

import os
import socket
import struct
from enum import IntEnum, StrEnum

from blocklist.indicators.names import MAX_NAME_LENGTH

#: Where the question stands: behind the header.
QUESTION_OFFSET = 12
#: More addresses of one name than these are no news.
MAX_ADDRESSES = 64
_MAX_ALIASES = 16
#: A name has at most 127 labels, so more pointers than these lead to nothing but pointers.
_MAX_POINTERS = 127
_POINTER_BITS = 0xC0
_QUESTION_POINTER = 0xC00C
_CLASS_IN = 1

_HEADER = struct.Struct("!HHHHHH")
_RECORD = struct.Struct("!HHHIH")
_RECORD_TAIL = struct.Struct("!HHIH")
_RECURSION_DESIRED = 0x0100
_RESPONSE, _OPCODE, _TRUNCATED, _RCODE = 0x8000, 0x7800, 0x0200, 0x000F

#: The bit that tells the cases of a letter apart, for each octet; none for what is no letter.
_CASE_BIT = bytes(0x20 if 0x61 <= octet <= 0x7A else 0 for octet in range(256))


class RecordType(IntEnum):
    """The types of records that are asked for or followed."""

    A = 1
    NS = 2
    CNAME = 5
    AAAA = 28


class DnsOutcome(StrEnum):
    """What became of a question (RFC 2308); only the first three say something of the name."""

    ANSWER = "answer"
    NODATA = "nodata"
    NXDOMAIN = "nxdomain"
    SERVFAIL = "servfail"
    REFUSED = "refused"
    BROKEN = "broken"
    TIMEOUT = "timeout"

    @property
    def is_conclusive(self) -> bool:
        """Whether it says something of the name, and not of who was asked."""
        return self in _CONCLUSIVE


_CONCLUSIVE = frozenset({DnsOutcome.ANSWER, DnsOutcome.NODATA, DnsOutcome.NXDOMAIN})
_ADDRESS_SIZE = {RecordType.A: 4, RecordType.AAAA: 16}
_SOCKET_FAMILY = {RecordType.A: socket.AF_INET, RecordType.AAAA: socket.AF_INET6}
_RCODE_OUTCOMES = {2: DnsOutcome.SERVFAIL, 3: DnsOutcome.NXDOMAIN}


class MalformedMessage(ValueError):
    """A message that breaks the rules of RFC 1035."""


class TruncatedAnswer(Exception):
    """The answer did not fit into a datagram."""


class RandomNumbers:
    """Unpredictable numbers from the kernel, taken from it in blocks."""

    _BLOCK_SIZE = 1 << 14

    def __init__(self) -> None:
        self._bytes = b""
        self._offset = 0

    def draw_number(self, octets: int) -> int:
        """Return a number of so many random octets."""
        if self._offset + octets > len(self._bytes):
            self._bytes = os.urandom(self._BLOCK_SIZE)
            self._offset = 0
        start = self._offset
        self._offset = start + octets
        return int.from_bytes(self._bytes[start : self._offset], "big")


def pack_name(name: str) -> bytes:
    """Return a canonical name as labels, each behind its length."""
    labels = name.encode("ascii").split(b".")
    return b"".join([bytes((len(label),)) + label for label in labels]) + b"\0"


def pack_question(name: bytes, kind: int, dice: RandomNumbers) -> bytes:
    """Return the question section for a packed name, its letters in random case."""
    size = len(name)
    flips = int.from_bytes(name.translate(_CASE_BIT), "big") & dice.draw_number(size)
    mixed = (int.from_bytes(name, "big") ^ flips).to_bytes(size, "big")
    return mixed + kind.to_bytes(2, "big") + b"\0\1"


def pack_query(identity: int, section: bytes) -> bytes:
    """Return a whole query for recursion around a question section.

    It offers no EDNS: an answer of more than 512 octets is rare, comes over TCP, and so no server
    can be made to send many octets for few.
    """
    return _HEADER.pack(identity, _RECURSION_DESIRED, 1, 0, 0, 0) + section


def parse_answer(answer: bytes, end: int, kind: int) -> tuple[DnsOutcome, tuple[str, ...]]:
    """Return what an answer says, and the addresses in it; `end` is where its question ends.

    Raise `Truncated`, or `Malformed` for a message that breaks the rules.
    """
    _, flags, _, records, _, _ = _HEADER.unpack_from(answer)
    if flags & _OPCODE:
        raise MalformedMessage("another operation")
    if flags & _TRUNCATED:
        raise TruncatedAnswer
    rcode = flags & _RCODE
    if rcode and (rcode != 3 or not records):
        return _RCODE_OUTCOMES.get(rcode, DnsOutcome.REFUSED), ()
    found, aliased = _parse_addresses(answer, end, records, kind) if records else ([], False)
    if not found:
        # NXDOMAIN behind an alias is about the alias' target (RFC 6604): the name itself exists.
        # Records of other names say nothing of it.
        return DnsOutcome.NXDOMAIN if rcode and not aliased else DnsOutcome.NODATA, ()
    family = _SOCKET_FAMILY[RecordType(kind)]
    if len(found) == 1:
        return DnsOutcome.ANSWER, (socket.inet_ntop(family, found[0]),)
    kept = sorted(set(found))[:MAX_ADDRESSES]
    return DnsOutcome.ANSWER, tuple(socket.inet_ntop(family, address) for address in kept)


def is_response(answer: bytes) -> bool:
    """Whether a message, a header at least, is a response and no query."""
    return bool(answer[2] & 0x80)


def _parse_addresses(
    answer: bytes, place: int, records: int, kind: int
) -> tuple[list[bytes], bool]:
    """Return the addresses of the question's name, and whether they are those of an alias' target.

    They are read in place while nothing is unusual.
    """
    size = _ADDRESS_SIZE[RecordType(kind)]
    start, found = place, []
    try:
        for _ in range(records):
            owner, form, group, _, length = _RECORD.unpack_from(answer, place)
            place += _RECORD.size
            if owner != _QUESTION_POINTER or form != kind or group != _CLASS_IN or length != size:
                return _follow_aliases(answer, start, records, kind)
            found.append(answer[place : place + size])
            place += size
    except struct.error:
        raise MalformedMessage("cut off") from None
    if place > len(answer):
        raise MalformedMessage("cut off")
    return found, False


def _follow_aliases(answer: bytes, place: int, records: int, kind: int) -> tuple[list[bytes], bool]:
    """Return the addresses at the end of the chain of aliases that starts at the question.

    And whether there is a chain.
    """
    addresses: dict[bytes, list[bytes]] = {}
    aliases: dict[bytes, bytes] = {}
    for _ in range(records):
        owner, place = unpack_name(answer, place)
        try:
            form, group, _, length = _RECORD_TAIL.unpack_from(answer, place)
        except struct.error:
            raise MalformedMessage("cut off") from None
        place += _RECORD_TAIL.size
        end = place + length
        if end > len(answer):
            raise MalformedMessage("cut off")
        if group == _CLASS_IN and form == RecordType.CNAME:
            aliases[owner], read = unpack_name(answer, place)
            if read != end:
                raise MalformedMessage("an alias of another length")
        elif group == _CLASS_IN and form == kind and length == _ADDRESS_SIZE[RecordType(kind)]:
            addresses.setdefault(owner, []).append(answer[place:end])
        place = end
    name, _ = unpack_name(answer, QUESTION_OFFSET)
    for followed in range(_MAX_ALIASES):
        if name not in aliases:
            return addresses.get(name, []), followed > 0
        name = aliases[name]
    raise MalformedMessage("aliases in a circle")


def unpack_name(message: bytes, place: int) -> tuple[bytes, int]:
    """Return the name at a place, unpacked and in lower case, and where the message goes on.

    A pointer must lead back to before the labels that it ends (RFC 1035, 4.1.4: "a prior
    occurrence"), so that no circle can be written.
    """
    labels: list[bytes] = []
    size, pointers, before, follow = 0, 0, place, -1
    try:
        while octet := message[place]:
            if octet < 64:
                labels.append(message[place : place + 1 + octet])
                size += 1 + octet
                place += 1 + octet
            elif octet >= _POINTER_BITS:
                follow = place + 2 if follow < 0 else follow
                place = (octet & 0x3F) << 8 | message[place + 1]
                if not QUESTION_OFFSET <= place < before:
                    raise MalformedMessage("a pointer that leads not back")
                before = place
                pointers += 1
            else:
                raise MalformedMessage("a label of no known kind")
            if size > MAX_NAME_LENGTH + 1 or pointers > _MAX_POINTERS:
                raise MalformedMessage("a name too long")
    except IndexError:
        raise MalformedMessage("cut off") from None
    return b"".join(labels).lower() + b"\0", place + 1 if follow < 0 else follow
