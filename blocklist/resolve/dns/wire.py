"""DNS messages as bytes (RFC 1035, 4): pack questions, parse addresses in place.

This is the hot path; `resolve.dns.message` parses everything else with dnspython. The name in a
question has random case (draft-vixie-dnsext-dns0x20), which an answer must repeat.
"""

import os
import socket
import struct
from enum import IntEnum, StrEnum

from blocklist.indicators.names import MAX_NAME_LENGTH

#: The offset of the question, after the header.
QUESTION_OFFSET = 12
#: Further addresses of one name are ignored.
MAX_ADDRESSES = 64
_MAX_ALIASES = 16
#: A name has at most 127 labels, so a name with more pointers is malformed.
_MAX_POINTERS = 127
_POINTER_BITS = 0xC0
_QUESTION_POINTER = 0xC00C
_CLASS_IN = 1

_HEADER = struct.Struct("!HHHHHH")
_RECORD = struct.Struct("!HHHIH")
_RECORD_TAIL = struct.Struct("!HHIH")
_RECURSION_DESIRED = 0x0100
_RESPONSE, _OPCODE, _TRUNCATED, _RCODE = 0x8000, 0x7800, 0x0200, 0x000F

#: The bit that distinguishes the cases of a letter, for each octet; 0 for octets that are not
#: letters.
_CASE_BIT = bytes(0x20 if 0x61 <= octet <= 0x7A else 0 for octet in range(256))


class RecordType(IntEnum):
    """The record types that are requested or followed."""

    A = 1
    NS = 2
    CNAME = 5
    AAAA = 28


class DnsOutcome(StrEnum):
    """The outcome of a question (RFC 2308); only the first three are about the name."""

    ANSWER = "answer"
    NODATA = "nodata"
    NXDOMAIN = "nxdomain"
    SERVFAIL = "servfail"
    REFUSED = "refused"
    BROKEN = "broken"
    TIMEOUT = "timeout"

    @property
    def is_conclusive(self) -> bool:
        """Whether the outcome is about the name, not about the resolver."""
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
    """Unpredictable numbers from the kernel, read in blocks."""

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
    """Return a canonical name as labels, each preceded by its length."""
    labels = name.encode("ascii").split(b".")
    return b"".join([bytes((len(label),)) + label for label in labels]) + b"\0"


def pack_question(name: bytes, record_type: int, random_numbers: RandomNumbers) -> bytes:
    """Return the question section for a packed name, its letters in random case."""
    size = len(name)
    flipped_bits = int.from_bytes(name.translate(_CASE_BIT), "big") & random_numbers.draw_number(
        size
    )
    mixed_case = (int.from_bytes(name, "big") ^ flipped_bits).to_bytes(size, "big")
    return mixed_case + record_type.to_bytes(2, "big") + b"\0\1"


def pack_query(message_id: int, question_section: bytes) -> bytes:
    """Return a complete query with recursion desired for a question section.

    It offers no EDNS: an answer of more than 512 octets is rare and comes over TCP, so no server
    can be made to send many octets for few.
    """
    return _HEADER.pack(message_id, _RECURSION_DESIRED, 1, 0, 0, 0) + question_section


def parse_answer(
    answer: bytes, question_end: int, record_type: int
) -> tuple[DnsOutcome, tuple[str, ...]]:
    """Return the outcome and the addresses of an answer, whose question ends at `question_end`.

    Raise `TruncatedAnswer`, or `MalformedMessage` for a message that breaks the rules.
    """
    _, flags, _, records, _, _ = _HEADER.unpack_from(answer)
    if flags & _OPCODE:
        raise MalformedMessage("another operation code")
    if flags & _TRUNCATED:
        raise TruncatedAnswer
    rcode = flags & _RCODE
    if rcode and (rcode != 3 or not records):
        return _RCODE_OUTCOMES.get(rcode, DnsOutcome.REFUSED), ()
    addresses, aliased = (
        _parse_addresses(answer, question_end, records, record_type) if records else ([], False)
    )
    if not addresses:
        # NXDOMAIN after an alias is about the alias' target (RFC 6604): the name itself exists.
        # Records of other names are no evidence about it.
        return DnsOutcome.NXDOMAIN if rcode and not aliased else DnsOutcome.NODATA, ()
    family = _SOCKET_FAMILY[RecordType(record_type)]
    if len(addresses) == 1:
        return DnsOutcome.ANSWER, (socket.inet_ntop(family, addresses[0]),)
    distinct = sorted(set(addresses))[:MAX_ADDRESSES]
    return DnsOutcome.ANSWER, tuple(socket.inet_ntop(family, address) for address in distinct)


def is_response(answer: bytes) -> bool:
    """Return whether a message of at least a header is a response."""
    return bool(answer[2] & 0x80)


def _parse_addresses(
    answer: bytes, offset: int, records: int, record_type: int
) -> tuple[list[bytes], bool]:
    """Return the addresses of the question's name, and whether an alias led to them.

    Records are read in place as long as they have the usual form.
    """
    size = _ADDRESS_SIZE[RecordType(record_type)]
    start, addresses = offset, []
    try:
        for _ in range(records):
            owner, type_code, class_code, _, length = _RECORD.unpack_from(answer, offset)
            offset += _RECORD.size
            if (
                owner != _QUESTION_POINTER
                or type_code != record_type
                or class_code != _CLASS_IN
                or length != size
            ):
                return _follow_aliases(answer, start, records, record_type)
            addresses.append(answer[offset : offset + size])
            offset += size
    except struct.error:
        raise MalformedMessage("cut off") from None
    if offset > len(answer):
        raise MalformedMessage("cut off")
    return addresses, False


def _follow_aliases(
    answer: bytes, offset: int, records: int, record_type: int
) -> tuple[list[bytes], bool]:
    """Return the addresses at the end of the chain of aliases from the question.

    Also return whether there is a chain.
    """
    addresses: dict[bytes, list[bytes]] = {}
    aliases: dict[bytes, bytes] = {}
    for _ in range(records):
        owner, offset = unpack_name(answer, offset)
        try:
            type_code, class_code, _, length = _RECORD_TAIL.unpack_from(answer, offset)
        except struct.error:
            raise MalformedMessage("cut off") from None
        offset += _RECORD_TAIL.size
        end = offset + length
        if end > len(answer):
            raise MalformedMessage("cut off")
        if class_code == _CLASS_IN and type_code == RecordType.CNAME:
            aliases[owner], alias_end = unpack_name(answer, offset)
            if alias_end != end:
                raise MalformedMessage("an alias of another length")
        elif (
            class_code == _CLASS_IN
            and type_code == record_type
            and length == _ADDRESS_SIZE[RecordType(record_type)]
        ):
            addresses.setdefault(owner, []).append(answer[offset:end])
        offset = end
    name, _ = unpack_name(answer, QUESTION_OFFSET)
    for count in range(_MAX_ALIASES):
        if name not in aliases:
            return addresses.get(name, []), count > 0
        name = aliases[name]
    raise MalformedMessage("aliases in a loop")


def unpack_name(message: bytes, offset: int) -> tuple[bytes, int]:
    """Return the name at an offset, unpacked and in lower case, and the offset after it.

    A pointer must lead to before the labels that it ends (RFC 1035, 4.1.4: "a prior occurrence"),
    so that no loop is possible.
    """
    labels: list[bytes] = []
    size, pointers, limit, end = 0, 0, offset, -1
    try:
        while octet := message[offset]:
            if octet < 64:
                labels.append(message[offset : offset + 1 + octet])
                size += 1 + octet
                offset += 1 + octet
            elif octet >= _POINTER_BITS:
                end = offset + 2 if end < 0 else end
                offset = (octet & 0x3F) << 8 | message[offset + 1]
                if not QUESTION_OFFSET <= offset < limit:
                    raise MalformedMessage("a pointer that does not lead back")
                limit = offset
                pointers += 1
            else:
                raise MalformedMessage("a label of an unknown kind")
            if size > MAX_NAME_LENGTH + 1 or pointers > _MAX_POINTERS:
                raise MalformedMessage("a name too long")
    except IndexError:
        raise MalformedMessage("cut off") from None
    return b"".join(labels).lower() + b"\0", offset + 1 if end < 0 else end
