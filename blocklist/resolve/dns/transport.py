"""DNS transport: questions -> replies, from several resolvers at once, over UDP or TCP.

An answer is accepted if it comes from the resolver of the socket, has the ID of the query and
repeats the question in the same random case. Others are counted and dropped. A question without a
usable answer goes to another resolver.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from blocklist.config.dns_servers import DnsServer
from blocklist.resolve.dns.message import parse_name_servers
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

#: How often losses are detected, in seconds.
_TICK_SECONDS = 0.01
#: How many answers are read from a socket before the others are served.
_MAX_READS = 128
#: An answer to a query without EDNS has at most 512 octets; one that is cut here is malformed.
_MAX_OCTETS = 4096
_MAX_TCP_STREAMS = 20


@dataclass(frozen=True, slots=True)
class Reply:
    """The result of a question; `resolver_index` is the last resolver to answer, -1 for none."""

    outcome: DnsOutcome
    data: tuple[str, ...] = ()
    resolver_index: int = -1


class NoResolverAnswers(Exception):
    """No resolver answers any more."""


ReplyHandler = Callable[[Question, Reply], Iterable[Question]]


class DnsTransport:
    """Asks questions; `upstreams` has the state of each resolver."""

    def __init__(self, servers: list[DnsServer], limits: QueryLimits) -> None:
        self.upstreams = [Upstream(server, index, limits) for index, server in enumerate(servers)]
        self._limits = limits
        self._random_numbers = RandomNumbers()
        self._new_questions: Iterator[Question] = iter(())
        self._is_drained = True
        self._open_count = 0
        self._reply_handler: ReplyHandler = lambda _question, _reply: ()
        self._tcp_tasks: set[asyncio.Task[None]] = set()
        self._tcp_limit = asyncio.Semaphore(_MAX_TCP_STREAMS)
        self._wakeup = asyncio.Event()
        self._last_answer_at = 0.0
        self._failure: BaseException | None = None

    async def ask_all(self, questions: Iterable[Question], on_reply: ReplyHandler) -> None:
        """Ask all questions, and those that `on_reply` returns for a reply.

        Questions are taken from the iterable only when they can be sent. Raise `NoResolverAnswers`
        if no resolver answers any more, and any error of the iterable or of `on_reply`.
        """
        self._new_questions, self._is_drained, self._reply_handler = (
            iter(questions),
            False,
            on_reply,
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

    def exclude_resolver(self, index: int, cause: str) -> None:
        """Stop asking a resolver, and reassign its questions."""
        self.upstreams[index].exclusion_cause = cause
        self._reassign_queries(self.upstreams[index])

    def close(self) -> None:
        """Close all sockets."""
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
        """Send as many queries as the resolvers have room for."""
        now = time.monotonic()
        for upstream in self.upstreams:
            while upstream.has_room(now):
                query = (
                    upstream.queue.popleft()
                    if upstream.queue
                    else self._take_next_query(upstream.resolver_index)
                )
                if query is None:
                    break
                self._send_query(upstream, query, now)
        if self._is_drained and not self._open_count:
            self._wakeup.set()

    def _take_next_query(self, resolver_index: int) -> PendingQuery | None:
        """Return a new query that this resolver may be asked, or None."""
        while not self._is_drained:
            question = next(self._new_questions, None)
            if question is None:
                self._is_drained = True
                break
            self._open_count += 1
            query = PendingQuery(question, pack_name(question.name))
            if question.resolver_mask >> resolver_index & 1:
                return query
            self._queue_query(query, Reply(DnsOutcome.TIMEOUT))
        return None

    def _send_query(self, upstream: Upstream, query: PendingQuery, now: float) -> None:
        try:
            udp_socket = upstream.take_socket(self._handle_readable)
        except OSError as error:
            upstream.exclusion_cause = f"cannot be reached from here: {error.strerror or error}"
            self._reassign_queries(upstream, query)
            return
        query.tried_mask |= 1 << upstream.resolver_index
        query.message_id = udp_socket.draw_message_id(self._random_numbers)
        query.question_section = pack_question(
            query.packed_name, query.question.record_type, self._random_numbers
        )
        query.udp_socket, query.sent_at = udp_socket, now
        udp_socket.pending[query.message_id] = query
        upstream.count_query(query, now)
        # If the socket buffer is full or the network is down, the query times out as a loss.
        with suppress(OSError):
            udp_socket.socket.send(pack_query(query.message_id, query.question_section))

    def _reassign_queries(self, upstream: Upstream, *queries: PendingQuery) -> None:
        """Reassign the queries of a resolver that takes no part any more."""
        unassigned = [*queries, *upstream.queue]
        upstream.queue.clear()
        for query in unassigned:
            self._queue_query(query, Reply(DnsOutcome.TIMEOUT))

    def _queue_query(self, query: PendingQuery, fallback: Reply) -> None:
        """Queue a query at the most suitable resolver; without one, the fallback is the reply."""
        ranked = [
            (
                upstream.is_absent,
                query.tried_mask >> upstream.resolver_index & 1,
                len(upstream.queue),
                upstream.resolver_index,
            )
            for upstream in self.upstreams
            if upstream.exclusion_cause is None
            and query.question.resolver_mask >> upstream.resolver_index & 1
        ]
        is_unanswerable = not ranked or (
            min(ranked)[0] and not all(upstream.is_absent for upstream in self.upstreams)
        )
        if is_unanswerable:
            self._finish_query(query, fallback)
        else:
            self.upstreams[min(ranked)[-1]].queue.append(query)

    def _finish_query(self, query: PendingQuery, reply: Reply) -> None:
        self._open_count -= 1
        for question in self._reply_handler(query.question, reply):
            self._open_count += 1
            packed_name = query.packed_name
            if question.name != query.question.name:
                packed_name = pack_name(question.name)
            self._queue_query(PendingQuery(question, packed_name), Reply(DnsOutcome.TIMEOUT))

    def _expire_queries(self) -> None:
        now = time.monotonic()
        for upstream in self.upstreams:
            self._handle_losses(upstream, upstream.pop_expired(now))
            if upstream.is_absent and upstream.queue:
                self._reassign_queries(upstream)

    def _handle_losses(
        self, upstream: Upstream, queries: list[PendingQuery], *, refused: bool = False
    ) -> None:
        now = time.monotonic()
        for query in queries:
            assert query.udp_socket is not None
            query.udp_socket.remove_pending(query)
            upstream.count_loss(now, refused=refused)
            self._retry_or_finish(query, Reply(DnsOutcome.TIMEOUT))

    def _retry_or_finish(self, query: PendingQuery, reply: Reply) -> None:
        """Ask once more, or finish with the reply after enough tries."""
        query.tries += 1
        if query.tries < self._limits.tries:
            self._queue_query(query, reply)
        else:
            self._finish_query(query, reply)

    def _handle_readable(self, udp_socket: UdpSocket) -> None:
        try:
            self._read_answers(udp_socket)
            self._send_queries()
        except BaseException as error:  # the event loop would only log it
            self._failure = error
            self._wakeup.set()

    def _read_answers(self, udp_socket: UdpSocket) -> None:
        upstream = self.upstreams[udp_socket.resolver_index]
        receive = udp_socket.socket.recv
        try:
            for _ in range(_MAX_READS):
                self._match_answer(upstream, udp_socket, receive(_MAX_OCTETS))
        except BlockingIOError:
            pass
        except ConnectionRefusedError:  # no program listens there
            self._handle_losses(upstream, list(udp_socket.pending.values()), refused=True)
        except OSError:
            pass  # the last answer to a retired socket closes it

    def _match_answer(self, upstream: Upstream, udp_socket: UdpSocket, answer: bytes) -> None:
        """Match a packet of a resolver with a pending query, or drop it."""
        query = udp_socket.pending.get(int.from_bytes(answer[:2], "big"))
        if query is None:
            # Forged, or too late; a late answer shows that the resolver is slow but present.
            upstream.dropped["number"] += 1
            upstream.mark_present(time.monotonic())
            return
        mismatch = _find_mismatch(answer, query.question_section)
        if mismatch is not None:
            upstream.dropped[mismatch] += 1
            return
        now = self._last_answer_at = time.monotonic()
        upstream.count_answer(now - query.sent_at, now, first=not query.tries)
        udp_socket.remove_pending(query)
        try:
            self._handle_answer(upstream, query, answer)
        except TruncatedAnswer:
            task = asyncio.create_task(self._retry_over_tcp(upstream, query))
            self._tcp_tasks.add(task)
            task.add_done_callback(self._handle_tcp_end)

    def _handle_answer(self, upstream: Upstream, query: PendingQuery, answer: bytes) -> None:
        record_type = query.question.record_type
        try:
            if record_type == RecordType.NS:
                outcome, data = parse_name_servers(answer, query.question.name)
            else:
                end = QUESTION_OFFSET + len(query.question_section)
                outcome, data = parse_answer(answer, end, record_type)
        except MalformedMessage:
            upstream.dropped["malformed"] += 1
            outcome, data = DnsOutcome.BROKEN, ()
        reply = Reply(outcome, data, upstream.resolver_index)
        if outcome.is_conclusive or not self._has_untried_resolver(query):
            self._finish_query(query, reply)
        else:
            self._retry_or_finish(query, reply)

    def _has_untried_resolver(self, query: PendingQuery) -> bool:
        """Return whether another resolver is left; the same one would fail again."""
        return any(
            upstream.exclusion_cause is None
            and not upstream.is_absent
            and query.question.resolver_mask >> upstream.resolver_index & 1
            and not query.tried_mask >> upstream.resolver_index & 1
            for upstream in self.upstreams
        )

    def _handle_tcp_end(self, task: asyncio.Task[None]) -> None:
        self._tcp_tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failure = task.exception()
            self._wakeup.set()

    async def _retry_over_tcp(self, upstream: Upstream, query: PendingQuery) -> None:
        section = pack_question(query.packed_name, query.question.record_type, self._random_numbers)
        message_id = self._random_numbers.draw_number(2)
        packed_query = pack_query(message_id, section)
        try:
            async with self._tcp_limit:
                answer = await exchange_over_tcp(
                    upstream.server, packed_query, self._limits.timeout
                )
            if answer[:2] != packed_query[:2] or _find_mismatch(answer, section) is not None:
                raise ConnectionError("another answer")
            query.question_section = section
            self._handle_answer(upstream, query, answer)
        except (OSError, TimeoutError, TruncatedAnswer):
            self._retry_or_finish(query, Reply(DnsOutcome.BROKEN, (), upstream.resolver_index))
        self._send_queries()


def _find_mismatch(answer: bytes, section: bytes) -> str | None:
    """Return why a message with a query's ID is not its answer, or None."""
    if len(answer) < QUESTION_OFFSET + len(section):
        return "short"
    if answer[QUESTION_OFFSET : QUESTION_OFFSET + len(section)] != section:
        is_equal_without_case = (
            answer[QUESTION_OFFSET : QUESTION_OFFSET + len(section)].lower() == section.lower()
        )
        return "case" if is_equal_without_case else "question"
    return None if is_response(answer) and answer[4:6] == b"\0\1" else "response"
