"""DNS transport: questions -> replies, from several resolvers at once, over UDP or TCP.

An answer is accepted if it comes from the resolver of the socket, has the number of the query and
repeats the question in the same random case. Others are counted and dropped. A question without a
usable answer goes to another resolver.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from blocklist.resolve.dns.message import parse_name_servers
from blocklist.resolve.dns.servers import ResolverAddress
from blocklist.resolve.dns.sockets import PendingQuery, Question, UdpSocket, exchange_over_tcp
from blocklist.resolve.dns.upstream import QueryLimits, Upstream
from blocklist.resolve.dns.wire import (
    QUESTION_OFFSET,
    DnsOutcome,
    MalformedMessage,
    RandomNumbers,
    RecordType,
    TruncatedAnswer,
    is_response,
    pack_name,
    pack_query,
    pack_question,
    parse_answer,
)

#: How often losses are looked for, in seconds.
_TICK_SECONDS = 0.01
#: How many answers are read from a socket before others have their turn.
_MAX_READS = 128
#: An answer to a query without EDNS has at most 512 octets; one that is cut here is malformed.
_MAX_OCTETS = 4096
_MAX_TCP_STREAMS = 20


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a question; `server` is the place of who answered last, -1 for nobody."""

    outcome: DnsOutcome
    data: tuple[str, ...] = ()
    resolver_index: int = -1


class NoResolverAnswers(Exception):
    """No resolver answers any more."""


ReplyHandler = Callable[[Question, Reply], Iterable[Question]]


class DnsTransport:
    """Asks questions; `upstreams` tells how each resolver does."""

    def __init__(self, servers: list[ResolverAddress], limits: QueryLimits) -> None:
        self.upstreams = [Upstream(server, place, limits) for place, server in enumerate(servers)]
        self._limits = limits
        self._dice = RandomNumbers()
        self._new_questions: Iterator[Question] = iter(())
        self._is_drained = True
        self._open_count = 0
        self._reply_handler: ReplyHandler = lambda _question, _reply: ()
        self._tcp_tasks: set[asyncio.Task[None]] = set()
        self._tcp_limit = asyncio.Semaphore(_MAX_TCP_STREAMS)
        self._wakeup = asyncio.Event()
        self._last_answer_at = 0.0
        self._failure: BaseException | None = None

    async def ask_all(self, questions: Iterable[Question], answered: ReplyHandler) -> None:
        """Ask all questions, and those that `answered` returns when it is told of a reply.

        Questions are taken from the iterable no sooner than they can be asked. Raise `Unreachable`
        when no resolver answers any more, and whatever the iterable or `answered` raises.
        """
        self._new_questions, self._is_drained, self._reply_handler = (
            iter(questions),
            False,
            answered,
        )
        self._wakeup.clear()
        self._last_answer_at = time.monotonic()
        while True:
            self._expire_queries()
            self._send_queries()
            if self._is_drained and not self._open_count:
                return
            self._require_usable_resolver()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wakeup.wait(), _TICK_SECONDS)
            if self._failure is not None:
                raise self._failure

    def exclude_resolver(self, place: int, cause: str) -> None:
        """Ask a resolver nothing more, and let others have its questions."""
        self.upstreams[place].exclusion_cause = cause
        self._reassign_queries(self.upstreams[place])

    def close(self) -> None:
        """Give all sockets back."""
        for task in self._tcp_tasks:
            task.cancel()
        for upstream in self.upstreams:
            upstream.close()

    def _require_usable_resolver(self) -> None:
        usable = [upstream for upstream in self.upstreams if upstream.exclusion_cause is None]
        silent = time.monotonic() - self._last_answer_at > self._limits.patience
        if not usable or (silent and all(upstream.is_absent for upstream in usable)):
            raise NoResolverAnswers

    def _send_queries(self) -> None:
        """Send as much as the resolvers have room for."""
        now = time.monotonic()
        for upstream in self.upstreams:
            while upstream.has_room(now):
                flight = (
                    upstream.queue.popleft()
                    if upstream.queue
                    else self._take_next_query(upstream.resolver_index)
                )
                if flight is None:
                    break
                self._send_query(upstream, flight, now)
        if self._is_drained and not self._open_count:
            self._wakeup.set()

    def _take_next_query(self, place: int) -> PendingQuery | None:
        """Return a new question that a resolver may be asked, or none."""
        while not self._is_drained:
            question = next(self._new_questions, None)
            if question is None:
                self._is_drained = True
                break
            self._open_count += 1
            flight = PendingQuery(question, pack_name(question.name))
            if question.resolver_mask >> place & 1:
                return flight
            self._queue_query(flight, Reply(DnsOutcome.TIMEOUT))
        return None

    def _send_query(self, upstream: Upstream, flight: PendingQuery, now: float) -> None:
        try:
            port = upstream.take_socket(self._handle_readable)
        except OSError as error:
            upstream.exclusion_cause = f"cannot be reached from here: {error.strerror or error}"
            self._reassign_queries(upstream, flight)
            return
        flight.tried_mask |= 1 << upstream.resolver_index
        flight.message_id = port.draw_message_id(self._dice)
        flight.question_section = pack_question(
            flight.packed_name, flight.question.record_type, self._dice
        )
        flight.udp_socket, flight.sent_at = port, now
        port.pending[flight.message_id] = flight
        upstream.count_query(flight, now)
        # A full socket, or a network that is down: the question counts as lost, in time.
        with suppress(OSError):
            port.socket.send(pack_query(flight.message_id, flight.question_section))

    def _reassign_queries(self, upstream: Upstream, *flights: PendingQuery) -> None:
        """Give a resolver's questions to others, for it takes no part any more."""
        left = [*flights, *upstream.queue]
        upstream.queue.clear()
        for flight in left:
            self._queue_query(flight, Reply(DnsOutcome.TIMEOUT))

    def _queue_query(self, flight: PendingQuery, otherwise: Reply) -> None:
        """Queue a question at the resolver that fits best; where none does, the reply stands."""
        fit = [
            (
                up.is_absent,
                flight.tried_mask >> up.resolver_index & 1,
                len(up.queue),
                up.resolver_index,
            )
            for up in self.upstreams
            if up.exclusion_cause is None and flight.question.resolver_mask >> up.resolver_index & 1
        ]
        nobody = not fit or (min(fit)[0] and not all(up.is_absent for up in self.upstreams))
        if nobody:
            self._finish_query(flight, otherwise)
        else:
            self.upstreams[min(fit)[-1]].queue.append(flight)

    def _finish_query(self, flight: PendingQuery, reply: Reply) -> None:
        self._open_count -= 1
        for question in self._reply_handler(flight.question, reply):
            self._open_count += 1
            packed = flight.packed_name
            if question.name != flight.question.name:
                packed = pack_name(question.name)
            self._queue_query(PendingQuery(question, packed), Reply(DnsOutcome.TIMEOUT))

    def _expire_queries(self) -> None:
        now = time.monotonic()
        for upstream in self.upstreams:
            self._handle_losses(upstream, upstream.pop_expired(now))
            if upstream.is_absent and upstream.queue:
                self._reassign_queries(upstream)

    def _handle_losses(
        self, upstream: Upstream, flights: list[PendingQuery], *, refused: bool = False
    ) -> None:
        now = time.monotonic()
        for flight in flights:
            assert flight.udp_socket is not None
            flight.udp_socket.remove_pending(flight)
            upstream.count_loss(now, refused=refused)
            self._retry_or_finish(flight, Reply(DnsOutcome.TIMEOUT))

    def _retry_or_finish(self, flight: PendingQuery, reply: Reply) -> None:
        """Ask once more, or let the reply stand when there were enough tries."""
        flight.tries += 1
        if flight.tries < self._limits.tries:
            self._queue_query(flight, reply)
        else:
            self._finish_query(flight, reply)

    def _handle_readable(self, port: UdpSocket) -> None:
        try:
            self._read_answers(port)
            self._send_queries()
        except Exception as error:  # the event loop would log it, and go on
            self._failure = error
            self._wakeup.set()

    def _read_answers(self, port: UdpSocket) -> None:
        upstream = self.upstreams[port.resolver_index]
        receive = port.socket.recv
        try:
            for _ in range(_MAX_READS):
                self._match_answer(upstream, port, receive(_MAX_OCTETS))
        except BlockingIOError:
            pass
        except ConnectionRefusedError:  # nobody listens there
            self._handle_losses(upstream, list(port.pending.values()), refused=True)
        except OSError:
            pass  # the last answer to a retired socket closes it

    def _match_answer(self, upstream: Upstream, port: UdpSocket, answer: bytes) -> None:
        """Take what a resolver sent for the answer to a question, or drop it."""
        flight = port.pending.get(int.from_bytes(answer[:2], "big"))
        if flight is None:
            # Forged, or too late; who is late is slow, but there.
            upstream.dropped["number"] += 1
            upstream.mark_present(time.monotonic())
            return
        wrong = _find_mismatch(answer, flight.question_section)
        if wrong is not None:
            upstream.dropped[wrong] += 1
            return
        now = self._last_answer_at = time.monotonic()
        upstream.count_answer(now - flight.sent_at, now, first=not flight.tries)
        port.remove_pending(flight)
        try:
            self._handle_answer(upstream, flight, answer)
        except TruncatedAnswer:
            task = asyncio.create_task(self._retry_over_tcp(upstream, flight))
            self._tcp_tasks.add(task)
            task.add_done_callback(self._handle_tcp_end)

    def _handle_answer(self, upstream: Upstream, flight: PendingQuery, answer: bytes) -> None:
        kind = flight.question.record_type
        try:
            if kind == RecordType.NS:
                outcome, data = parse_name_servers(answer, flight.question.name)
            else:
                end = QUESTION_OFFSET + len(flight.question_section)
                outcome, data = parse_answer(answer, end, kind)
        except MalformedMessage:
            upstream.dropped["malformed"] += 1
            outcome, data = DnsOutcome.BROKEN, ()
        reply = Reply(outcome, data, upstream.resolver_index)
        if outcome.is_conclusive or not self._has_untried_resolver(flight):
            self._finish_query(flight, reply)
        else:
            self._retry_or_finish(flight, reply)

    def _has_untried_resolver(self, flight: PendingQuery) -> bool:
        """Whether there is a resolver that was not asked yet; the same one would fail again."""
        return any(
            up.exclusion_cause is None
            and not up.is_absent
            and flight.question.resolver_mask >> up.resolver_index & 1
            and not flight.tried_mask >> up.resolver_index & 1
            for up in self.upstreams
        )

    def _handle_tcp_end(self, task: asyncio.Task[None]) -> None:
        self._tcp_tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failure = task.exception()
            self._wakeup.set()

    async def _retry_over_tcp(self, upstream: Upstream, flight: PendingQuery) -> None:
        section = pack_question(flight.packed_name, flight.question.record_type, self._dice)
        identity = self._dice.draw_number(2)
        query = pack_query(identity, section)
        try:
            async with self._tcp_limit:
                answer = await exchange_over_tcp(upstream.server, query, self._limits.timeout)
            if answer[:2] != query[:2] or _find_mismatch(answer, section) is not None:
                raise ConnectionError("another answer")
            flight.question_section = section
            self._handle_answer(upstream, flight, answer)
        except (OSError, TimeoutError, TruncatedAnswer):
            self._retry_or_finish(flight, Reply(DnsOutcome.BROKEN, (), upstream.resolver_index))
        self._send_queries()


def _find_mismatch(answer: bytes, section: bytes) -> str | None:
    """Return what keeps a message with a question's number from being its answer, or none."""
    if len(answer) < QUESTION_OFFSET + len(section):
        return "short"
    if answer[QUESTION_OFFSET : QUESTION_OFFSET + len(section)] != section:
        same = answer[QUESTION_OFFSET : QUESTION_OFFSET + len(section)].lower() == section.lower()
        return "case" if same else "question"
    return None if is_response(answer) and answer[4:6] == b"\0\1" else "response"
