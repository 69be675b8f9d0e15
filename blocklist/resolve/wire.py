"""DNS messages as bytes (RFC 1035, 4): questions are packed, and addresses read, in place.

This is the hot path; `resolve.message` reads everything else with dnspython. A question carries its
name in letters of random case (draft-vixie-dnsext-dns0x20), which an answer must repeat.
"""

import os
import socket
import struct
from enum import IntEnum, StrEnum

from blocklist.names import MAX_NAME

#: Where the question stands: behind the header.
QUESTION = 12
#: More addresses of one name than these are no news.
MOST_ADDRESSES = 64
_MOST_ALIASES = 16
#: A name has at most 127 labels, so more pointers than these lead to nothing but pointers.
_MOST_POINTERS = 127
_POINTER = 0xC0
_TO_QUESTION = 0xC00C
_IN = 1

_HEADER = struct.Struct("!HHHHHH")
_RECORD = struct.Struct("!HHHIH")
_TAIL = struct.Struct("!HHIH")
_RECURSE = 0x0100
_RESPONSE, _OPCODE, _TRUNCATED, _RCODE = 0x8000, 0x7800, 0x0200, 0x000F

#: The bit that tells the cases of a letter apart, for each octet; none for what is no letter.
_CASE_BIT = bytes(0x20 if 0x61 <= octet <= 0x7A else 0 for octet in range(256))


class Type(IntEnum):
    """The types of records that are asked for or followed."""

    A = 1
    NS = 2
    CNAME = 5
    AAAA = 28


class Outcome(StrEnum):
    """What became of a question (RFC 2308); only the first three say something of the name."""

    ANSWER = "answer"
    NODATA = "nodata"
    NXDOMAIN = "nxdomain"
    SERVFAIL = "servfail"
    REFUSED = "refused"
    BROKEN = "broken"
    TIMEOUT = "timeout"

    @property
    def says(self) -> bool:
        """Whether it says something of the name, and not of who was asked."""
        return self in _SAYS


_SAYS = frozenset({Outcome.ANSWER, Outcome.NODATA, Outcome.NXDOMAIN})
_SIZE = {Type.A: 4, Type.AAAA: 16}
_FAMILY = {Type.A: socket.AF_INET, Type.AAAA: socket.AF_INET6}
_RCODES = {2: Outcome.SERVFAIL, 3: Outcome.NXDOMAIN}


class Malformed(ValueError):
    """A message that breaks the rules of RFC 1035."""


class Truncated(Exception):
    """The answer did not fit into a datagram."""


class Dice:
    """Unpredictable numbers from the kernel, taken from it in blocks."""

    _BLOCK = 1 << 14

    def __init__(self) -> None:
        self._bytes = b""
        self._place = 0

    def number(self, octets: int) -> int:
        """Return a number of so many random octets."""
        if self._place + octets > len(self._bytes):
            self._bytes = os.urandom(self._BLOCK)
            self._place = 0
        start = self._place
        self._place = start + octets
        return int.from_bytes(self._bytes[start : self._place], "big")


def packed_name(name: str) -> bytes:
    """Return a canonical name as labels, each behind its length."""
    labels = name.encode("ascii").split(b".")
    return b"".join([bytes((len(label),)) + label for label in labels]) + b"\0"


def question(name: bytes, kind: int, dice: Dice) -> bytes:
    """Return the question section for a packed name, its letters in random case."""
    size = len(name)
    flips = int.from_bytes(name.translate(_CASE_BIT), "big") & dice.number(size)
    mixed = (int.from_bytes(name, "big") ^ flips).to_bytes(size, "big")
    return mixed + kind.to_bytes(2, "big") + b"\0\1"


def query(identity: int, section: bytes) -> bytes:
    """Return a whole query for recursion around a question section.

    It offers no EDNS: an answer of more than 512 octets is rare, comes over TCP, and so no server
    can be made to send many octets for few.
    """
    return _HEADER.pack(identity, _RECURSE, 1, 0, 0, 0) + section


def outcome(answer: bytes, end: int, kind: int) -> tuple[Outcome, tuple[str, ...]]:
    """Return what an answer says, and the addresses in it; `end` is where its question ends.

    Raise `Truncated`, or `Malformed` for a message that breaks the rules.
    """
    _, flags, _, records, _, _ = _HEADER.unpack_from(answer)
    if flags & _OPCODE:
        raise Malformed("another operation")
    if flags & _TRUNCATED:
        raise Truncated
    rcode = flags & _RCODE
    if rcode and (rcode != 3 or not records):
        return _RCODES.get(rcode, Outcome.REFUSED), ()
    found, aliased = _addresses(answer, end, records, kind) if records else ([], False)
    if not found:
        # NXDOMAIN behind an alias is about the alias' target (RFC 6604): the name itself exists.
        # Records of other names say nothing of it.
        return Outcome.NXDOMAIN if rcode and not aliased else Outcome.NODATA, ()
    family = _FAMILY[Type(kind)]
    if len(found) == 1:
        return Outcome.ANSWER, (socket.inet_ntop(family, found[0]),)
    kept = sorted(set(found))[:MOST_ADDRESSES]
    return Outcome.ANSWER, tuple(socket.inet_ntop(family, address) for address in kept)


def is_response(answer: bytes) -> bool:
    """Whether a message, a header at least, is a response and no query."""
    return bool(answer[2] & 0x80)


def _addresses(answer: bytes, place: int, records: int, kind: int) -> tuple[list[bytes], bool]:
    """Return the addresses of the question's name, and whether they are those of an alias' target.

    They are read in place while nothing is unusual.
    """
    size = _SIZE[Type(kind)]
    start, found = place, []
    try:
        for _ in range(records):
            owner, form, group, _, length = _RECORD.unpack_from(answer, place)
            place += _RECORD.size
            if owner != _TO_QUESTION or form != kind or group != _IN or length != size:
                return _through_aliases(answer, start, records, kind)
            found.append(answer[place : place + size])
            place += size
    except struct.error:
        raise Malformed("cut off") from None
    if place > len(answer):
        raise Malformed("cut off")
    return found, False


def _through_aliases(
    answer: bytes, place: int, records: int, kind: int
) -> tuple[list[bytes], bool]:
    """Return the addresses at the end of the chain of aliases that starts at the question.

    And whether there is a chain.
    """
    addresses: dict[bytes, list[bytes]] = {}
    aliases: dict[bytes, bytes] = {}
    for _ in range(records):
        owner, place = name_at(answer, place)
        try:
            form, group, _, length = _TAIL.unpack_from(answer, place)
        except struct.error:
            raise Malformed("cut off") from None
        place += _TAIL.size
        end = place + length
        if end > len(answer):
            raise Malformed("cut off")
        if group == _IN and form == Type.CNAME:
            aliases[owner], read = name_at(answer, place)
            if read != end:
                raise Malformed("an alias of another length")
        elif group == _IN and form == kind and length == _SIZE[Type(kind)]:
            addresses.setdefault(owner, []).append(answer[place:end])
        place = end
    name, _ = name_at(answer, QUESTION)
    for followed in range(_MOST_ALIASES):
        if name not in aliases:
            return addresses.get(name, []), followed > 0
        name = aliases[name]
    raise Malformed("aliases in a circle")


def name_at(message: bytes, place: int) -> tuple[bytes, int]:
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
            elif octet >= _POINTER:
                follow = place + 2 if follow < 0 else follow
                place = (octet & 0x3F) << 8 | message[place + 1]
                if not QUESTION <= place < before:
                    raise Malformed("a pointer that leads not back")
                before = place
                pointers += 1
            else:
                raise Malformed("a label of no known kind")
            if size > MAX_NAME + 1 or pointers > _MOST_POINTERS:
                raise Malformed("a name too long")
    except IndexError:
        raise Malformed("cut off") from None
    return b"".join(labels).lower() + b"\0", place + 1 if follow < 0 else follow
