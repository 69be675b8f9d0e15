"""State of one resolver: queries, answers and losses -> window, rate, timeout and presence."""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from blocklist.config.dns_servers import DnsServer
from blocklist.resolve.dns.sockets import PendingQuery, UdpSocket

_MAX_SOCKETS = 4
#: A socket is replaced by one on another port after so many queries.
_QUERIES_PER_SOCKET = 5_000
_FIRST_WINDOW, _MIN_WINDOW, _FAST_GROWTH_LIMIT = 64.0, 8.0, 256
#: A larger share of losses in a window is considered congestion.
_MAX_LOSS_SHARE, _SHRINK_FACTOR = 0.1, 0.7
#: So many losses in a row, and no answer for so many seconds, are considered absence. Losses alone
#: come in bursts, when this program or the resolver had to wait for a processor.
_ABSENT_LOSSES, _SILENCE_SECONDS = 40, 3.0
#: Seconds between two queries to an absent resolver.
_KNOCK_SECONDS = 1.0
_MIN_TIMEOUT, _FIRST_TIMEOUT = 0.5, 1.0
#: Queries for so many seconds may be sent at once.
_BURST_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """Limits for each resolver; a rate of 0 is unlimited. Times are in seconds."""

    window: int = 500
    rate: float = 0.0
    timeout: float = 5.0
    tries: int = 3
    #: The survey ends when no resolver answered for so long.
    patience: float = 10.0


@dataclass(slots=True)
class Upstream:
    """The state of one resolver. A loss is a query without an answer in time."""

    server: DnsServer
    resolver_index: int
    limits: QueryLimits
    queue: deque[PendingQuery] = field(default_factory=deque)
    #: Queries on their way, by try: deadline and query. Answered ones stay until their deadline.
    deadlines: dict[int, deque[tuple[float, PendingQuery]]] = field(default_factory=dict)
    in_flight: int = 0
    #: Packets that were no answer to a pending query, by what was wrong with them.
    dropped: Counter[str] = field(default_factory=Counter)
    answer_count: int = 0
    is_absent: bool = False
    #: Why the resolver is excluded, for a person; None while it is not.
    exclusion_cause: str | None = None
    _window: float = _FIRST_WINDOW
    _losses_in_a_row: int = 0
    _last_heard_at: float = 0.0
    _window_queries: int = 0
    _window_losses: int = 0
    _smoothed_rtt: float = 0.0
    _rtt_variation: float = 0.0
    _tokens: float = 1.0
    _tokens_filled_at: float = 0.0
    _next_knock_at: float = 0.0
    _sockets: list[UdpSocket] = field(default_factory=list)
    _socket_turn: int = 0

    def has_room(self, now: float) -> bool:
        """Return whether one more query may be sent to the resolver now."""
        if self.exclusion_cause is not None:
            return False
        if self.is_absent:
            return now >= self._next_knock_at
        if self.in_flight >= min(self._window, self.limits.window):
            return False
        rate = self.limits.rate
        if not rate:
            return True
        self._tokens = min(
            max(1.0, rate * _BURST_SECONDS), self._tokens + (now - self._tokens_filled_at) * rate
        )
        self._tokens_filled_at = now
        return self._tokens >= 1

    def take_socket(self, on_readable: Callable[[UdpSocket], None]) -> UdpSocket:
        """Return the socket for the next query: several take turns, and are replaced regularly."""
        self._socket_turn = (self._socket_turn + 1) % _MAX_SOCKETS
        if len(self._sockets) < _MAX_SOCKETS:
            self._sockets.append(UdpSocket(self.server, self.resolver_index, on_readable))
            return self._sockets[-1]
        udp_socket = self._sockets[self._socket_turn]
        if udp_socket.query_count >= _QUERIES_PER_SOCKET:
            udp_socket.retire()
            udp_socket = self._sockets[self._socket_turn] = UdpSocket(
                self.server, self.resolver_index, on_readable
            )
        udp_socket.query_count += 1
        return udp_socket

    def count_query(self, query: PendingQuery, now: float) -> None:
        """Count a query that is sent."""
        self.in_flight += 1
        self._last_heard_at = self._last_heard_at or now
        self._tokens -= 1
        self.deadlines.setdefault(query.tries, deque()).append(
            (now + self._compute_timeout(query), query)
        )
        if self.is_absent:
            self._next_knock_at = now + _KNOCK_SECONDS

    def _compute_timeout(self, query: PendingQuery) -> float:
        if query.tries + 1 >= self.limits.tries:  # the last try: a resolver may need the time
            return self.limits.timeout
        expected = (
            self._smoothed_rtt + 4 * self._rtt_variation if self._smoothed_rtt else _FIRST_TIMEOUT
        )  # RFC 6298
        return min(max(expected, _MIN_TIMEOUT) * (1 << query.tries), self.limits.timeout)

    def pop_expired(self, now: float) -> list[PendingQuery]:
        """Return the queries whose time is over, and drop those that are done."""
        expired = []
        for tries, waiting in self.deadlines.items():
            while waiting:
                deadline, query = waiting[0]
                # A query that was answered, or sent again since, is no longer waited for here.
                is_over = query.udp_socket is None or query.tries != tries
                if not is_over and deadline > now:
                    break
                waiting.popleft()
                if not is_over:
                    expired.append(query)
        return expired

    def count_answer(self, duration: float, now: float, *, first: bool) -> None:
        """Count an answer; only answers to first tries measure the round-trip time (Karn)."""
        self.in_flight -= 1
        self.answer_count += 1
        self.mark_present(now)
        self._window = min(
            self._window + (1 if self._window < _FAST_GROWTH_LIMIT else 0.25), self.limits.window
        )
        if first:
            self._rtt_variation += (abs(duration - self._smoothed_rtt) - self._rtt_variation) / 4
            self._smoothed_rtt += (
                (duration - self._smoothed_rtt) / 8 if self._smoothed_rtt else duration
            )
        self._adapt_window(lost=0)

    def mark_present(self, now: float) -> None:
        """Record that the resolver is present."""
        self._last_heard_at = now
        self._losses_in_a_row = 0
        self.is_absent = False

    def count_loss(self, now: float, *, refused: bool = False) -> None:
        """Count a query without an answer; `refused` if no program listens at the port."""
        self.in_flight -= 1
        self._losses_in_a_row += 1
        is_silent = refused or now - self._last_heard_at > _SILENCE_SECONDS
        if is_silent and self._losses_in_a_row >= _ABSENT_LOSSES and not self.is_absent:
            self.is_absent, self._next_knock_at, self._window = (
                True,
                now + _KNOCK_SECONDS,
                _MIN_WINDOW,
            )
        self._adapt_window(lost=1)

    def _adapt_window(self, lost: int) -> None:
        # Names whose own servers do not answer are losses too, so a few losses are no congestion.
        self._window_queries += 1
        self._window_losses += lost
        if self._window_queries >= self._window:
            if self._window_losses > self._window_queries * _MAX_LOSS_SHARE:
                self._window = max(_MIN_WINDOW, self._window * _SHRINK_FACTOR)
            self._window_queries = self._window_losses = 0

    def close(self) -> None:
        """Close the sockets."""
        for udp_socket in self._sockets:
            udp_socket.close()
        self._sockets.clear()
