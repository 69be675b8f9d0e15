"""Many questions to several resolvers at once, over UDP, and over TCP where an answer is too long.

An answer counts when it comes from the socket's resolver with the question's number, and repeats
the question letter by letter in the case it was asked in. Anything else is dropped, counted, and
waited past. A question that a resolver leaves or fails goes to another one.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from blocklist.resolve import message, wire
from blocklist.resolve.port import Flight, Port, Question
from blocklist.resolve.servers import Server
from blocklist.resolve.stream import exchanged
from blocklist.resolve.upstream import Limits, Upstream
from blocklist.resolve.wire import Dice, Malformed, Outcome, Truncated, Type

#: How often losses are looked for, in seconds.
_TICK = 0.01
#: How many answers are read from a socket before others have their turn.
_READ_AT_ONCE = 128
#: An answer to a query without EDNS has at most 512 octets; one that is cut here is malformed.
_MOST_OCTETS = 4096
_STREAMS_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a question; `server` is the place of who answered last, -1 for nobody."""

    outcome: Outcome
    data: tuple[str, ...] = ()
    server: int = -1


class Unreachable(Exception):
    """No resolver answers any more."""


Answered = Callable[[Question, Reply], Iterable[Question]]


class Transport:
    """Asks questions; `upstreams` tells how each resolver does."""

    def __init__(self, servers: list[Server], limits: Limits) -> None:
        self.upstreams = [Upstream(server, place, limits) for place, server in enumerate(servers)]
        self._limits = limits
        self._dice = Dice()
        self._new: Iterator[Question] = iter(())
        self._drained = True
        self._open = 0
        self._answered: Answered = lambda _question, _reply: ()
        self._streams: set[asyncio.Task[None]] = set()
        self._stream_gate = asyncio.Semaphore(_STREAMS_AT_ONCE)
        self._done = asyncio.Event()
        self._heard = 0.0
        self._failure: BaseException | None = None

    async def run(self, questions: Iterable[Question], answered: Answered) -> None:
        """Ask all questions, and those that `answered` returns when it is told of a reply.

        Questions are taken from the iterable no sooner than they can be asked. Raise `Unreachable`
        when no resolver answers any more, and whatever the iterable or `answered` raises.
        """
        self._new, self._drained, self._answered = iter(questions), False, answered
        self._done.clear()
        self._heard = time.monotonic()
        while True:
            self._expire()
            self._fill()
            if self._drained and not self._open:
                return
            self._require_someone()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._done.wait(), _TICK)
            if self._failure is not None:
                raise self._failure

    def exclude(self, place: int, cause: str) -> None:
        """Ask a resolver nothing more, and let others have its questions."""
        self.upstreams[place].cause = cause
        self._leave(self.upstreams[place])

    def close(self) -> None:
        """Give all sockets back."""
        for task in self._streams:
            task.cancel()
        for upstream in self.upstreams:
            upstream.close()

    def _require_someone(self) -> None:
        usable = [upstream for upstream in self.upstreams if upstream.cause is None]
        silent = time.monotonic() - self._heard > self._limits.patience
        if not usable or (silent and all(upstream.absent for upstream in usable)):
            raise Unreachable

    def _fill(self) -> None:
        """Send as much as the resolvers have room for."""
        now = time.monotonic()
        for upstream in self.upstreams:
            while upstream.room(now):
                flight = upstream.queue.popleft() if upstream.queue else self._next(upstream.place)
                if flight is None:
                    break
                self._send(upstream, flight, now)
        if self._drained and not self._open:
            self._done.set()

    def _next(self, place: int) -> Flight | None:
        """Return a new question that a resolver may be asked, or none."""
        while not self._drained:
            question = next(self._new, None)
            if question is None:
                self._drained = True
                break
            self._open += 1
            flight = Flight(question, wire.packed_name(question.name))
            if question.where >> place & 1:
                return flight
            self._queue(flight, Reply(Outcome.TIMEOUT))
        return None

    def _send(self, upstream: Upstream, flight: Flight, now: float) -> None:
        try:
            port = upstream.port(self._readable)
        except OSError as error:
            upstream.cause = f"cannot be reached from here: {error.strerror or error}"
            self._leave(upstream, flight)
            return
        flight.tried |= 1 << upstream.place
        flight.identity = port.identity(self._dice)
        flight.section = wire.question(flight.packed, flight.question.kind, self._dice)
        flight.port, flight.sent = port, now
        port.pending[flight.identity] = flight
        upstream.asked(flight, now)
        # A full socket, or a network that is down: the question counts as lost, in time.
        with suppress(OSError):
            port.socket.send(wire.query(flight.identity, flight.section))

    def _leave(self, upstream: Upstream, *flights: Flight) -> None:
        """Give a resolver's questions to others, for it takes no part any more."""
        left = [*flights, *upstream.queue]
        upstream.queue.clear()
        for flight in left:
            self._queue(flight, Reply(Outcome.TIMEOUT))

    def _queue(self, flight: Flight, otherwise: Reply) -> None:
        """Queue a question at the resolver that fits best; where none does, the reply stands."""
        fit = [
            (up.absent, flight.tried >> up.place & 1, len(up.queue), up.place)
            for up in self.upstreams
            if up.cause is None and flight.question.where >> up.place & 1
        ]
        nobody = not fit or (min(fit)[0] and not all(up.absent for up in self.upstreams))
        if nobody:
            self._finish(flight, otherwise)
        else:
            self.upstreams[min(fit)[-1]].queue.append(flight)

    def _finish(self, flight: Flight, reply: Reply) -> None:
        self._open -= 1
        for question in self._answered(flight.question, reply):
            self._open += 1
            packed = flight.packed
            if question.name != flight.question.name:
                packed = wire.packed_name(question.name)
            self._queue(Flight(question, packed), Reply(Outcome.TIMEOUT))

    def _expire(self) -> None:
        now = time.monotonic()
        for upstream in self.upstreams:
            self._lost(upstream, upstream.late(now))
            if upstream.absent and upstream.queue:
                self._leave(upstream)

    def _lost(self, upstream: Upstream, flights: list[Flight], *, refused: bool = False) -> None:
        now = time.monotonic()
        for flight in flights:
            assert flight.port is not None
            flight.port.landed(flight)
            upstream.lost(now, refused=refused)
            self._again(flight, Reply(Outcome.TIMEOUT))

    def _again(self, flight: Flight, reply: Reply) -> None:
        """Ask once more, or let the reply stand when there were enough tries."""
        flight.tries += 1
        if flight.tries < self._limits.tries:
            self._queue(flight, reply)
        else:
            self._finish(flight, reply)

    def _readable(self, port: Port) -> None:
        try:
            self._read(port)
            self._fill()
        except Exception as error:  # the event loop would log it, and go on
            self._failure = error
            self._done.set()

    def _read(self, port: Port) -> None:
        upstream = self.upstreams[port.place]
        receive = port.socket.recv
        try:
            for _ in range(_READ_AT_ONCE):
                self._take(upstream, port, receive(_MOST_OCTETS))
        except BlockingIOError:
            pass
        except ConnectionRefusedError:  # nobody listens there
            self._lost(upstream, list(port.pending.values()), refused=True)
        except OSError:
            pass  # the last answer to a retired socket closes it

    def _take(self, upstream: Upstream, port: Port, answer: bytes) -> None:
        """Take what a resolver sent for the answer to a question, or drop it."""
        flight = port.pending.get(int.from_bytes(answer[:2], "big"))
        if flight is None:
            # Forged, or too late; who is late is slow, but there.
            upstream.dropped["number"] += 1
            upstream.heard(time.monotonic())
            return
        wrong = _wrong(answer, flight.section)
        if wrong is not None:
            upstream.dropped[wrong] += 1
            return
        now = self._heard = time.monotonic()
        upstream.answered(now - flight.sent, now, first=not flight.tries)
        port.landed(flight)
        try:
            self._replied(upstream, flight, answer)
        except Truncated:
            task = asyncio.create_task(self._streamed(upstream, flight))
            self._streams.add(task)
            task.add_done_callback(self._stream_ended)

    def _replied(self, upstream: Upstream, flight: Flight, answer: bytes) -> None:
        kind = flight.question.kind
        try:
            if kind == Type.NS:
                outcome, data = message.name_servers(answer, flight.question.name)
            else:
                end = wire.QUESTION + len(flight.section)
                outcome, data = wire.outcome(answer, end, kind)
        except Malformed:
            upstream.dropped["malformed"] += 1
            outcome, data = Outcome.BROKEN, ()
        reply = Reply(outcome, data, upstream.place)
        if outcome.says or not self._another(flight):
            self._finish(flight, reply)
        else:
            self._again(flight, reply)

    def _another(self, flight: Flight) -> bool:
        """Whether there is a resolver that was not asked yet; the same one would fail again."""
        return any(
            up.cause is None
            and not up.absent
            and flight.question.where >> up.place & 1
            and not flight.tried >> up.place & 1
            for up in self.upstreams
        )

    def _stream_ended(self, task: asyncio.Task[None]) -> None:
        self._streams.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failure = task.exception()
            self._done.set()

    async def _streamed(self, upstream: Upstream, flight: Flight) -> None:
        section = wire.question(flight.packed, flight.question.kind, self._dice)
        identity = self._dice.number(2)
        query = wire.query(identity, section)
        try:
            async with self._stream_gate:
                answer = await exchanged(upstream.server, query, self._limits.timeout)
            if answer[:2] != query[:2] or _wrong(answer, section) is not None:
                raise ConnectionError("another answer")
            flight.section = section
            self._replied(upstream, flight, answer)
        except (OSError, TimeoutError, Truncated):
            self._again(flight, Reply(Outcome.BROKEN, (), upstream.place))
        self._fill()


def _wrong(answer: bytes, section: bytes) -> str | None:
    """Return what keeps a message with a question's number from being its answer, or none."""
    if len(answer) < wire.QUESTION + len(section):
        return "short"
    if answer[wire.QUESTION : wire.QUESTION + len(section)] != section:
        same = answer[wire.QUESTION : wire.QUESTION + len(section)].lower() == section.lower()
        return "case" if same else "question"
    return None if wire.is_response(answer) and answer[4:6] == b"\0\1" else "response"
