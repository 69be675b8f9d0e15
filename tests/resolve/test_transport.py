"""Bulk questions to resolvers with faults: accepted, dropped and repeated."""

import asyncio
import socket
import time
from collections.abc import Iterable

import pytest

from blocklist.config.dns_servers import DnsServer
from blocklist.resolve.dns.sockets import Question
from blocklist.resolve.dns.transport import DnsTransport, NoResolverAnswers, Reply
from blocklist.resolve.dns.upstream import QueryLimits
from blocklist.resolve.dns.wire import MAX_ADDRESSES, DnsOutcome, RecordType
from tests.support.resolver_server import (
    FakeResolver,
    Play,
    aliases,
    changed,
    flood,
    has,
    nxdomain,
    refused,
    resolvers,
    servfail,
    silent,
    truncated,
)

QUICK = QueryLimits(timeout=1.0, tries=2)
RIGHT = has("192.0.2.1")


def ask(
    servers: Iterable[DnsServer],
    *questions: tuple[str, RecordType],
    limits: QueryLimits = QUICK,
    where: int = -1,
) -> tuple[dict[str, Reply], DnsTransport]:
    replies: dict[str, Reply] = {}

    def answered(question: Question, reply: Reply) -> tuple[Question, ...]:
        replies[question.name] = reply
        return ()

    async def go() -> DnsTransport:
        transport = DnsTransport(list(servers), limits)
        try:
            asked = (Question(name, kind, None, where) for name, kind in questions)
            await transport.ask_all(asked, answered)
        finally:
            transport.close()
        return transport

    return replies, asyncio.run(go())


def flipped(message: bytes, place: int, bits: int) -> bytes:
    return message[:place] + bytes((message[place] ^ bits,)) + message[place + 1 :]


def loop(message: bytes) -> bytes:
    """A record whose name points to itself."""
    place = len(message) - 16
    return message[:place] + (0xC000 | place).to_bytes(2, "big") + message[place + 2 :]


FAULTS = [
    (RIGHT, DnsOutcome.ANSWER, None, "a good answer"),
    (has("2001:db8::1"), DnsOutcome.NODATA, None, "no address of the family asked for"),
    (nxdomain, DnsOutcome.NXDOMAIN, None, "no such name"),
    (servfail, DnsOutcome.SERVFAIL, None, "the resolver failed"),
    (refused, DnsOutcome.REFUSED, None, "the resolver will not"),
    (silent, DnsOutcome.TIMEOUT, None, "no answer"),
    (changed(RIGHT, lambda m: flipped(m, 1, 1)), DnsOutcome.TIMEOUT, "number", "another number"),
    (
        changed(RIGHT, lambda m: flipped(m, 1, 1), then_right=True),
        DnsOutcome.ANSWER,
        "number",
        "a forged answer before the right one",
    ),
    (changed(RIGHT, lambda m: flipped(m, 13, 1)), DnsOutcome.TIMEOUT, "question", "other question"),
    (
        changed(RIGHT, lambda m: flipped(m, 13, 0x20)),
        DnsOutcome.TIMEOUT,
        "case",
        "letters in a case",
    ),
    (changed(RIGHT, lambda m: flipped(m, 2, 0x80)), DnsOutcome.TIMEOUT, "response", "a query back"),
    (changed(RIGHT, lambda m: m[:14]), DnsOutcome.TIMEOUT, "short", "the question cut off"),
    (changed(RIGHT, lambda _: b""), DnsOutcome.TIMEOUT, "number", "an empty datagram"),
    (changed(RIGHT, lambda m: m[:-3]), DnsOutcome.BROKEN, "malformed", "the address cut off"),
    (changed(RIGHT, loop), DnsOutcome.BROKEN, "malformed", "a name that points to itself"),
    (changed(RIGHT, lambda m: flipped(m, 7, 2)), DnsOutcome.BROKEN, "malformed", "too few records"),
    (flood(400), DnsOutcome.BROKEN, "malformed", "6,400 octets in a datagram"),
    (truncated(RIGHT), DnsOutcome.ANSWER, None, "the answer is to be had over TCP"),
    (truncated(silent), DnsOutcome.BROKEN, None, "TCP without an answer"),
    (truncated(flood(4090)), DnsOutcome.ANSWER, None, "64 KB of addresses over TCP"),
    (
        truncated(changed(RIGHT, lambda m: flipped(m, 1, 1))),
        DnsOutcome.BROKEN,
        None,
        "another number over TCP",
    ),
    (aliases("b.example", "c.example", to="192.0.2.1"), DnsOutcome.ANSWER, None, "a chain"),
    (aliases("b.example"), DnsOutcome.NODATA, None, "an alias of nothing"),
    (aliases("b.example", "name.example"), DnsOutcome.BROKEN, "malformed", "a circle of aliases"),
    (
        aliases(*(f"n{n}.example" for n in range(20)), to="192.0.2.1"),
        DnsOutcome.BROKEN,
        "malformed",
        "a chain without end",
    ),
]


@pytest.fixture(scope="module")
def played() -> dict[str, tuple[Reply, set[str]]]:
    """Play all faults at the same time, each by its own resolver, because most end by a timeout."""

    async def one(server: DnsServer) -> tuple[Reply, set[str]]:
        replies: list[Reply] = []

        def answered(_: Question, reply: Reply) -> tuple[Question, ...]:
            replies.append(reply)
            return ()

        transport = DnsTransport([server], QUICK)
        await transport.ask_all([Question("name.example", RecordType.A)], answered)
        transport.close()
        return replies[0], set(transport.upstreams[0].dropped)

    async def every(servers: list[FakeResolver]) -> list[tuple[Reply, set[str]]]:
        return await asyncio.gather(*(one(server.server) for server in servers))

    with resolvers(*({"name.example": play} for play, *_ in FAULTS)) as servers:
        found = asyncio.run(every(servers))
    return dict(zip((why for *_, why in FAULTS), found, strict=True))


@pytest.mark.parametrize(("play", "outcome", "dropped", "why"), FAULTS, ids=[f[3] for f in FAULTS])
def test_what_is_believed(
    play: Play,
    outcome: DnsOutcome,
    dropped: str | None,
    why: str,
    played: dict[str, tuple[Reply, set[str]]],
) -> None:
    del play
    reply, what = played[why]
    assert reply.outcome is outcome
    assert what == ({dropped} if dropped else set())


def test_addresses_are_those_at_the_end_of_the_chain_each_once_and_not_too_many() -> None:
    plays = {
        "chain.example": aliases("b.example", to="192.0.2.7"),
        "twice.example": has("192.0.2.2", "192.0.2.1", "192.0.2.2"),
        "many.example": truncated(flood(4090)),
        "six.example": has("2001:db8::2", "2001:db8::1"),
        "served.example": has(servers=("NS2.Example", "ns1.example")),
    }
    kinds = {"six.example": RecordType.AAAA, "served.example": RecordType.NS}
    with FakeResolver(plays) as resolver:
        replies, _ = ask([resolver.server], *((n, kinds.get(n, RecordType.A)) for n in plays))
    assert replies["chain.example"].data == ("192.0.2.7",)
    assert replies["twice.example"].data == ("192.0.2.1", "192.0.2.2")
    assert len(replies["many.example"].data) == MAX_ADDRESSES
    assert replies["six.example"].data == ("2001:db8::1", "2001:db8::2")
    assert replies["served.example"].data == ("ns1.example", "ns2.example")


@pytest.mark.parametrize(
    "bad",
    [silent, servfail, refused, changed(RIGHT, lambda m: m[:-3])],
    ids=["silent", "failing", "refusing", "broken"],
)
def test_what_one_resolver_leaves_another_is_asked_for(bad: Play) -> None:
    with resolvers({"name.example": bad}, {"name.example": RIGHT}) as (first, second):
        replies, _ = ask([first.server, second.server], ("name.example", RecordType.A))
    assert replies["name.example"] == Reply(DnsOutcome.ANSWER, ("192.0.2.1",), 1)


def test_a_question_goes_only_where_it_may() -> None:
    with resolvers({}, {"name.example": RIGHT}) as (first, second):
        servers = [first.server, second.server]
        replies, _ = ask(servers, ("name.example", RecordType.A), where=2)
        assert replies["name.example"].resolver_index == 1
        assert not first.asked
        replies, _ = ask(servers, ("name.example", RecordType.A), where=4)
    assert replies["name.example"].outcome is DnsOutcome.TIMEOUT


def test_questions_of_questions_are_asked() -> None:
    asked: list[str] = []

    def answered(question: Question, _: Reply) -> tuple[Question, ...]:
        asked.append(question.name)
        return (Question(f"a{question.name}", RecordType.A),) if len(asked) < 5 else ()

    async def go(server: DnsServer) -> None:
        transport = DnsTransport([server], QUICK)
        await transport.ask_all([Question("name.example", RecordType.A)], answered)
        transport.close()

    with FakeResolver() as resolver:
        asyncio.run(go(resolver.server))
    assert asked == ["a" * n + "name.example" for n in range(5)]


def test_one_of_three_is_dead_and_all_is_answered() -> None:
    names = [f"n{n}.example" for n in range(300)]
    plays = dict.fromkeys(names, RIGHT)
    with FakeResolver(plays) as first, FakeResolver(plays) as second:
        gone = DnsServer("127.0.0.1", closed_port())
        asked = ((name, RecordType.A) for name in names)
        patient = QueryLimits(timeout=10.0, patience=60.0)
        replies, transport = ask([first.server, gone, second.server], *asked, limits=patient)
    assert {reply.outcome for reply in replies.values()} == {DnsOutcome.ANSWER}
    assert transport.upstreams[1].answer_count == 0
    assert first.asked
    assert second.asked


def test_nobody_is_there() -> None:
    names = ((f"n{n}.example", RecordType.A) for n in range(200))
    with pytest.raises(NoResolverAnswers):
        ask(
            [DnsServer("127.0.0.1", closed_port())],
            *names,
            limits=QueryLimits(timeout=0.2, patience=0.4),
        )


def test_what_the_asker_raises_ends_the_questions() -> None:
    def answered(_: Question, __: Reply) -> tuple[Question, ...]:
        raise RuntimeError("the disk is full")

    async def go(server: DnsServer) -> None:
        transport = DnsTransport([server], QUICK)
        with pytest.raises(RuntimeError, match="the disk is full"):
            await transport.ask_all([Question("name.example", RecordType.A)], answered)
        transport.close()

    with FakeResolver() as resolver:
        asyncio.run(go(resolver.server))


def test_only_ipv6() -> None:
    with FakeResolver({"name.example": RIGHT}, address="::1") as resolver:
        replies, _ = ask([resolver.server], ("name.example", RecordType.A))
    assert replies["name.example"].outcome is DnsOutcome.ANSWER


def test_no_faster_than_allowed() -> None:
    names = [f"n{n}.example" for n in range(60)]
    with FakeResolver(dict.fromkeys(names, RIGHT)) as resolver:
        start = time.monotonic()
        asked = ((name, RecordType.A) for name in names)
        replies, _ = ask([resolver.server], *asked, limits=QueryLimits(rate=300.0))
    assert len(replies) == 60
    assert time.monotonic() - start > 0.15  # 60 at 300 a second


def closed_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
