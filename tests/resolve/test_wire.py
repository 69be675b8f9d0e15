"""Messages as bytes: packed and parsed as dnspython does."""

from contextlib import suppress

import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from blocklist.resolve.dns.message import parse_name_servers
from blocklist.resolve.dns.wire import (
    QUESTION_OFFSET,
    DnsOutcome,
    MalformedMessage,
    RandomNumbers,
    RecordType,
    TruncatedAnswer,
    pack_name,
    pack_query,
    pack_question,
    parse_answer,
    unpack_name,
)

LABELS = st.text("abcxyz019-_", min_size=1, max_size=63)
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(".".join).filter(lambda n: len(n) <= 253)
SHORT = st.sampled_from(["a.example", "b.a.example", "x.test", "example", "very-long-label.test"])
RECORDS = st.lists(
    st.one_of(
        st.tuples(SHORT, st.just("CNAME"), SHORT),
        st.tuples(SHORT, st.just("A"), st.ip_addresses(v=4).map(str)),
        st.tuples(SHORT, st.just("AAAA"), st.ip_addresses(v=6).map(str)),
    ),
    max_size=8,
)
CODES = st.sampled_from([dns.rcode.NOERROR, dns.rcode.NXDOMAIN, dns.rcode.SERVFAIL])


@given(
    NAMES, st.sampled_from([RecordType.A, RecordType.AAAA, RecordType.NS]), st.integers(0, 65535)
)
def test_a_query_is_what_dnspython_packs_but_for_the_case(
    name: str, kind: RecordType, number: int
) -> None:
    section = pack_question(pack_name(name), kind, RandomNumbers())
    theirs = dns.message.make_query(name, kind.name, id=number)
    assert pack_query(number, section).lower() == theirs.to_wire().lower()


def test_the_case_is_random_and_each_letter_has_both() -> None:
    packed, dice = pack_name("a1-b_c.example"), RandomNumbers()
    made = {pack_question(packed, RecordType.A, dice) for _ in range(200)}
    assert len(made) > 100
    for place in range(len(packed)):
        forms = {section[place] for section in made}
        assert len(forms) == (2 if chr(packed[place]).isalpha() else 1)


def test_numbers_of_the_dice_are_spread() -> None:
    dice = RandomNumbers()
    assert len({dice.draw_number(2) for _ in range(20_000)}) > 15_000


def plainly(records: list[tuple[str, str, str]], name: str, kind: str) -> set[str] | None:
    """Return the addresses at the end of the chain of aliases, or None if it is a loop."""
    aliases = {owner: target for owner, form, target in records if form == "CNAME"}
    seen = set()
    while name in aliases:
        if name in seen:
            return None
        seen.add(name)
        name = aliases[name]
    return {data for owner, form, data in records if owner == name and form == kind}


@given(RECORDS, st.sampled_from([RecordType.A, RecordType.AAAA]), CODES)
@example([("a.example", "A", "192.0.2.1"), ("a.example", "CNAME", "x.test")], RecordType.A, 0)
@example([("x.test", "A", "192.0.2.1")], RecordType.A, dns.rcode.NXDOMAIN)
@example([("a.example", "CNAME", "x.test")], RecordType.A, dns.rcode.NXDOMAIN)
def test_addresses_are_read_as_dnspython_reads_them(
    records: list[tuple[str, str, str]], kind: RecordType, code: dns.rcode.Rcode
) -> None:
    query = dns.message.make_query("a.example", kind.name)
    answer = dns.message.make_response(query)
    answer.set_rcode(code)
    for owner, form, data in records:
        target = f"{data}." if form == "CNAME" else data
        answer.answer.append(dns.rrset.from_text(f"{owner}.", 60, "IN", form, target))
    read = answer.to_wire(max_size=65535)
    end = QUESTION_OFFSET + len(pack_name("a.example")) + 4
    wanted = plainly(records, "a.example", kind.name)
    if code == dns.rcode.SERVFAIL:
        assert parse_answer(read, end, kind) == (DnsOutcome.SERVFAIL, ())
    elif wanted is None:
        with pytest.raises(MalformedMessage, match="loop"):
            parse_answer(read, end, kind)
    else:
        outcome, found = parse_answer(read, end, kind)
        assert set(found) == wanted
        aliased = any(owner == "a.example" and form == "CNAME" for owner, form, _ in records)
        nothing = DnsOutcome.NXDOMAIN if code and not aliased else DnsOutcome.NODATA
        assert outcome is (DnsOutcome.ANSWER if wanted else nothing)


@given(
    st.binary(min_size=31, max_size=600),
    st.sampled_from([RecordType.A, RecordType.AAAA]),
    st.data(),
)
def test_no_bytes_do_more_than_be_refused(
    noise: bytes, kind: RecordType, data: st.DataObject
) -> None:
    head = noise[:2] + b"\x81\x80\0\1" + data.draw(st.binary(min_size=2, max_size=2)) + b"\0" * 4
    answer = head + pack_name("a.example") + b"\0\1\0\1" + noise
    end = QUESTION_OFFSET + len(pack_name("a.example")) + 4
    for read in (
        lambda: parse_answer(answer, end, kind),
        lambda: unpack_name(answer, end),
    ):
        with suppress(MalformedMessage, TruncatedAnswer):
            read()
    with suppress(MalformedMessage, TruncatedAnswer):
        parse_name_servers(answer, "a.example")


PACKED = [
    (b"\xc0\x0c", "a pointer to itself"),
    (b"\1a\xc0\x0c", "a pointer back to its own start"),
    (b"\xc0\x0e\xc0\x0c", "two pointers in a circle"),
    (b"\xc0\x20", "a pointer ahead"),
    (b"\xc0\x00", "a pointer into the header"),
    (b"\x40a\0", "a label of a kind that never was"),
    (b"\x3fabc", "a label longer than the message"),
    (b"\xc0", "half a pointer"),
    (b"\1a" * 200 + b"\0", "more octets than a name has"),
]


@pytest.mark.parametrize(("name", "why"), PACKED, ids=[why for _, why in PACKED])
def test_names_that_cannot_be_unpacked(name: bytes, why: str) -> None:
    del why
    with pytest.raises(MalformedMessage):
        unpack_name(b"\0" * QUESTION_OFFSET + name, QUESTION_OFFSET)


def test_pointers_to_nothing_but_pointers_are_followed_only_so_far() -> None:
    first = QUESTION_OFFSET + 3
    chain = b"".join((0xC000 | place).to_bytes(2, "big") for place in range(first, first + 400, 2))
    message = (
        b"\0" * QUESTION_OFFSET + b"\1a\0" + (0xC000 | QUESTION_OFFSET).to_bytes(2, "big") + chain
    )
    for pointers in (1, 127):
        assert unpack_name(message, first + 2 * (pointers - 1))[0] == b"\1a\0"
    with pytest.raises(MalformedMessage):
        unpack_name(message, first + 2 * 127)
