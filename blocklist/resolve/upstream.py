"""One resolver as it is asked: how much at once, how fast, how long to wait, and is it there."""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from blocklist.resolve.port import Flight, Port
from blocklist.resolve.servers import Server

_SOCKETS = 4
#: A socket makes room for one on another port after so many questions.
_QUESTIONS = 5_000
_FIRST_WINDOW, _LEAST_WINDOW, _QUICK = 64.0, 8.0, 256
#: More losses than this share of a window's questions are taken for crowding.
_CROWDED, _SHRINK = 0.1, 0.7
#: So many losses in a row, and no answer for so many seconds, are taken for absence. Losses alone
#: come in bursts, when this program or the resolver had to wait for a processor.
_ABSENT, _SILENCE = 40, 3.0
#: How many seconds pass between two questions to who is absent.
_KNOCK = 1.0
_LEAST_WAIT, _FIRST_WAIT = 0.5, 1.0
#: How many seconds' worth of questions may leave at once.
_BURST = 0.02


@dataclass(frozen=True, slots=True)
class Limits:
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

    server: Server
    place: int
    limits: Limits
    queue: deque[Flight] = field(default_factory=deque)
    #: What is on the way, by try: until when, and the question. Those answered stay until then.
    waiting: dict[int, deque[tuple[float, Flight]]] = field(default_factory=dict)
    flying: int = 0
    #: What arrived and was no answer to a question on the way, by what is wrong with it.
    dropped: Counter[str] = field(default_factory=Counter)
    answers: int = 0
    absent: bool = False
    #: Why it takes no part, for a person; None while it does.
    cause: str | None = None
    _window: float = _FIRST_WINDOW
    _losses_in_a_row: int = 0
    _heard_at: float = 0.0
    _counted: int = 0
    _lost: int = 0
    _smooth: float = 0.0
    _swing: float = 0.0
    _tokens: float = 1.0
    _filled: float = 0.0
    _knock: float = 0.0
    _ports: list[Port] = field(default_factory=list)
    _turn: int = 0

    def room(self, now: float) -> bool:
        """Whether it may be asked one more question now."""
        if self.cause is not None:
            return False
        if self.absent:
            return now >= self._knock
        if self.flying >= min(self._window, self.limits.window):
            return False
        rate = self.limits.rate
        if not rate:
            return True
        self._tokens = min(max(1.0, rate * _BURST), self._tokens + (now - self._filled) * rate)
        self._filled = now
        return self._tokens >= 1

    def port(self, readable: Callable[[Port], None]) -> Port:
        """Return the socket for the next question: several take turns, and are replaced."""
        self._turn = (self._turn + 1) % _SOCKETS
        if len(self._ports) < _SOCKETS:
            self._ports.append(Port(self.server, self.place, readable))
            return self._ports[-1]
        port = self._ports[self._turn]
        if port.asked >= _QUESTIONS:
            port.retire()
            port = self._ports[self._turn] = Port(self.server, self.place, readable)
        port.asked += 1
        return port

    def asked(self, flight: Flight, now: float) -> None:
        """Count a question that leaves."""
        self.flying += 1
        self._heard_at = self._heard_at or now
        self._tokens -= 1
        self.waiting.setdefault(flight.tries, deque()).append((now + self._wait(flight), flight))
        if self.absent:
            self._knock = now + _KNOCK

    def _wait(self, flight: Flight) -> float:
        if flight.tries + 1 >= self.limits.tries:  # the last: a resolver may be asking around
            return self.limits.timeout
        usual = self._smooth + 4 * self._swing if self._smooth else _FIRST_WAIT  # RFC 6298
        return min(max(usual, _LEAST_WAIT) * (1 << flight.tries), self.limits.timeout)

    def late(self, now: float) -> list[Flight]:
        """Return the questions whose time is over, and forget those that are done with."""
        found = []
        for tries, line in self.waiting.items():
            while line:
                until, flight = line[0]
                # One that was answered, or is on its way anew, waits here no more.
                gone = flight.port is None or flight.tries != tries
                if not gone and until > now:
                    break
                line.popleft()
                if not gone:
                    found.append(flight)
        return found

    def answered(self, took: float, now: float, *, first: bool) -> None:
        """Count an answer; only one to a first try tells how long answers take (Karn)."""
        self.flying -= 1
        self.answers += 1
        self.heard(now)
        self._window = min(
            self._window + (1 if self._window < _QUICK else 0.25), self.limits.window
        )
        if first:
            self._swing += (abs(took - self._smooth) - self._swing) / 4
            self._smooth += (took - self._smooth) / 8 if self._smooth else took
        self._judge(lost=0)

    def heard(self, now: float) -> None:
        """Note that it is there."""
        self._heard_at = now
        self._losses_in_a_row = 0
        self.absent = False

    def lost(self, now: float, *, refused: bool = False) -> None:
        """Count a question without an answer; one is `refused` where nobody listens."""
        self.flying -= 1
        self._losses_in_a_row += 1
        silent = refused or now - self._heard_at > _SILENCE
        if silent and self._losses_in_a_row >= _ABSENT and not self.absent:
            self.absent, self._knock, self._window = True, now + _KNOCK, _LEAST_WINDOW
        self._judge(lost=1)

    def _judge(self, lost: int) -> None:
        # Names whose own servers are silent are lost too, so a few losses are no crowding.
        self._counted += 1
        self._lost += lost
        if self._counted >= self._window:
            if self._lost > self._counted * _CROWDED:
                self._window = max(_LEAST_WINDOW, self._window * _SHRINK)
            self._counted = self._lost = 0

    def close(self) -> None:
        """Give the sockets back."""
        for port in self._ports:
            port.close()
        self._ports.clear()
