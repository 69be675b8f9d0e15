"""One look at a registrable domain and the listed names below it: what is asked, what was seen."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from blocklist.ledger.facts import DnsFact
from blocklist.resolve.port import Question
from blocklist.resolve.states import Look
from blocklist.resolve.transport import Reply
from blocklist.resolve.wire import Outcome, Type


@dataclass(slots=True)
class Seen:
    """What was seen of one name; `outcome` is none until an answer says something of it."""

    outcome: Outcome | None = None
    addresses: tuple[str, ...] = ()


@dataclass(slots=True)
class Family:
    """A domain with its names. Done when nothing is open any more.

    A name that one resolver finds gone is asked for at a second one, for a single resolver may
    filter, lie or be cut off. Name servers are asked for where the addresses are news.
    """

    domain: str
    names: list[str]
    known: dict[str, DnsFact]
    #: Whether there is a second resolver to ask.
    doubted: bool
    seen: dict[str, Seen] = field(default_factory=dict)
    servers: tuple[str, ...] | None = None
    #: The places of the resolvers that said something, as bits.
    heard: int = 0
    _open: int = 0
    _asked_servers: bool = False
    _gone: set[str] = field(default_factory=set)

    def questions(self) -> Iterator[Question]:
        """Yield the first questions."""
        wanted = dict.fromkeys([*self.names, self.domain])
        self.seen = {name: Seen() for name in wanted}
        self._open = len(wanted)
        for name in wanted:
            yield Question(name, Type.A, self)

    @property
    def done(self) -> bool:
        """Whether every question has its reply."""
        return not self._open

    def answered(self, question: Question, reply: Reply) -> Iterable[Question]:
        """Take a reply in, and return what is to be asked because of it."""
        if reply.outcome.says:
            self.heard |= 1 << reply.server
        if question.kind == Type.NS:
            more = self._servers(reply)
        elif question.kind == Type.AAAA:
            more = self._address6(question.name, reply)
        else:
            more = self._address(question, reply)
        self._open += len(more) - 1
        return more

    def _address(self, question: Question, reply: Reply) -> list[Question]:
        seen = self.seen[question.name]
        if reply.outcome is Outcome.NXDOMAIN:
            if question.name in self._gone:
                seen.outcome = Outcome.NXDOMAIN
            elif self.doubted:
                self._gone.add(question.name)
                return [Question(question.name, Type.A, self, ~(1 << reply.server))]
        elif reply.outcome.says:
            seen.outcome, seen.addresses = reply.outcome, reply.data
            return [Question(question.name, Type.AAAA, self)]
        return []

    def _address6(self, name: str, reply: Reply) -> list[Question]:
        seen = self.seen[name]
        if reply.outcome is Outcome.ANSWER:
            seen.outcome = Outcome.ANSWER
            seen.addresses += reply.data
        before = self.known.get(name)
        news = before is None or before.addresses != seen.addresses or before.servers is None
        if self._asked_servers or not news:
            return []
        self._asked_servers = True
        return [Question(self.domain, Type.NS, self)]

    def _servers(self, reply: Reply) -> list[Question]:
        if reply.outcome in (Outcome.ANSWER, Outcome.NODATA):
            self.servers = reply.data
        return []

    @property
    def look(self) -> Look:
        """What the look found of the domain: any name in it that is there proves that it is."""
        if any(seen.outcome in (Outcome.ANSWER, Outcome.NODATA) for seen in self.seen.values()):
            return Look.THERE
        if self.seen[self.domain].outcome is Outcome.NXDOMAIN:
            return Look.GONE
        return Look.SILENT
