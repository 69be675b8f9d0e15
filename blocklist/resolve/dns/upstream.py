"""State of one resolver: queries, answers and losses -> window, rate, timeout and presence."""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from blocklist.resolve.dns.servers import ResolverAddress
from blocklist.resolve.dns.sockets import PendingQuery, UdpSocket

_MAX_SOCKETS = 4
#: A socket makes room for one on another port after so many questions.
_QUERIES_PER_SOCKET = 5_000
_FIRST_WINDOW, _MIN_WINDOW, _FAST_GROWTH_LIMIT = 64.0, 8.0, 256
#: More losses than this share of a window's questions are taken for crowding.
_MAX_LOSS_SHARE, _SHRINK_FACTOR = 0.1, 0.7
#: So many losses in a row, and no answer for so many seconds, are taken for absence. Losses alone
#: come in bursts, when this program or the resolver had to wait for a processor.
_ABSENT_LOSSES, _SILENCE_SECONDS = 40, 3.0
#: How many seconds pass between two questions to who is absent.
_KNOCK_SECONDS = 1.0
_MIN_TIMEOUT, _FIRST_TIMEOUT = 0.5, 1.0
#: How many seconds' worth of questions may leave at once.
_BURST_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """How much is asked of each resolver; a rate of 0 is no limit. Times are in seconds."""

    window: int = 500
    rate: float = 0.0
    timeout: float = 5.0
    tries: int = 3
    #: When nobody answered for so long, nobody will.
    patience: float = 10.0


@dataclass(slots=True)
class Upstream:
    """A resolver, and how it does. A loss is a question that it left without an answer in time."""

    server: ResolverAddress
    resolver_index: int
    limits: QueryLimits
    queue: deque[PendingQuery] = field(default_factory=deque)
    #: What is on the way, by try: until when, and the question. Those answered stay until then.
    deadlines: dict[int, deque[tuple[float, PendingQuery]]] = field(default_factory=dict)
    in_flight: int = 0
    #: What arrived and was no answer to a question on the way, by what is wrong with it.
    dropped: Counter[str] = field(default_factory=Counter)
    answer_count: int = 0
    is_absent: bool = False
    #: Why it takes no part, for a person; None while it does.
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
        """Whether it may be asked one more question now."""
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

    def take_socket(self, readable: Callable[[UdpSocket], None]) -> UdpSocket:
        """Return the socket for the next question: several take turns, and are replaced."""
        self._socket_turn = (self._socket_turn + 1) % _MAX_SOCKETS
        if len(self._sockets) < _MAX_SOCKETS:
            self._sockets.append(UdpSocket(self.server, self.resolver_index, readable))
            return self._sockets[-1]
        port = self._sockets[self._socket_turn]
        if port.query_count >= _QUERIES_PER_SOCKET:
            port.retire()
            port = self._sockets[self._socket_turn] = UdpSocket(
                self.server, self.resolver_index, readable
            )
        port.query_count += 1
        return port

    def count_query(self, flight: PendingQuery, now: float) -> None:
        """Count a question that leaves."""
        self.in_flight += 1
        self._last_heard_at = self._last_heard_at or now
        self._tokens -= 1
        self.deadlines.setdefault(flight.tries, deque()).append(
            (now + self._compute_timeout(flight), flight)
        )
        if self.is_absent:
            self._next_knock_at = now + _KNOCK_SECONDS

    def _compute_timeout(self, flight: PendingQuery) -> float:
        if flight.tries + 1 >= self.limits.tries:  # the last: a resolver may be asking around
            return self.limits.timeout
        usual = (
            self._smoothed_rtt + 4 * self._rtt_variation if self._smoothed_rtt else _FIRST_TIMEOUT
        )  # RFC 6298
        return min(max(usual, _MIN_TIMEOUT) * (1 << flight.tries), self.limits.timeout)

    def pop_expired(self, now: float) -> list[PendingQuery]:
        """Return the questions whose time is over, and forget those that are done with."""
        found = []
        for tries, line in self.deadlines.items():
            while line:
                until, flight = line[0]
                # One that was answered, or is on its way anew, waits here no more.
                gone = flight.udp_socket is None or flight.tries != tries
                if not gone and until > now:
                    break
                line.popleft()
                if not gone:
                    found.append(flight)
        return found

    def count_answer(self, took: float, now: float, *, first: bool) -> None:
        """Count an answer; only one to a first try tells how long answers take (Karn)."""
        self.in_flight -= 1
        self.answer_count += 1
        self.mark_present(now)
        self._window = min(
            self._window + (1 if self._window < _FAST_GROWTH_LIMIT else 0.25), self.limits.window
        )
        if first:
            self._rtt_variation += (abs(took - self._smoothed_rtt) - self._rtt_variation) / 4
            self._smoothed_rtt += (took - self._smoothed_rtt) / 8 if self._smoothed_rtt else took
        self._adapt_window(lost=0)

    def mark_present(self, now: float) -> None:
        """Note that it is there."""
        self._last_heard_at = now
        self._losses_in_a_row = 0
        self.is_absent = False

    def count_loss(self, now: float, *, refused: bool = False) -> None:
        """Count a question without an answer; one is `refused` where nobody listens."""
        self.in_flight -= 1
        self._losses_in_a_row += 1
        silent = refused or now - self._last_heard_at > _SILENCE_SECONDS
        if silent and self._losses_in_a_row >= _ABSENT_LOSSES and not self.is_absent:
            self.is_absent, self._next_knock_at, self._window = (
                True,
                now + _KNOCK_SECONDS,
                _MIN_WINDOW,
            )
        self._adapt_window(lost=1)

    def _adapt_window(self, lost: int) -> None:
        # Names whose own servers are silent are lost too, so a few losses are no crowding.
        self._window_queries += 1
        self._window_losses += lost
        if self._window_queries >= self._window:
            if self._window_losses > self._window_queries * _MAX_LOSS_SHARE:
                self._window = max(_MIN_WINDOW, self._window * _SHRINK_FACTOR)
            self._window_queries = self._window_losses = 0

    def close(self) -> None:
        """Give the sockets back."""
        for port in self._sockets:
            port.close()
        self._sockets.clear()
