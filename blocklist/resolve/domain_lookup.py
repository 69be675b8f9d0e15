"""Look up one domain and its listed names: questions and replies -> observations."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from blocklist.ledger.dns.facts import DnsFact
from blocklist.resolve.dns.sockets import Question
from blocklist.resolve.dns.transport import Reply
from blocklist.resolve.dns.wire import DnsOutcome, RecordType
from blocklist.resolve.liveness import LookResult


@dataclass(slots=True)
class Observation:
    """What was seen of one name; `outcome` is none until an answer says something of it."""

    outcome: DnsOutcome | None = None
    addresses: tuple[str, ...] = ()


@dataclass(slots=True)
class DomainLookup:
    """A domain with its names. Done when nothing is open any more.

    A name that one resolver finds gone is asked for at a second one, for a single resolver may
    filter, lie or be cut off. Name servers are asked for where the addresses are news.
    """

    domain: str
    names: list[str]
    earlier_facts: dict[str, DnsFact]
    #: Whether there is a second resolver to ask.
    has_second_resolver: bool
    observations: dict[str, Observation] = field(default_factory=dict)
    name_servers: tuple[str, ...] | None = None
    #: The places of the resolvers that said something, as bits.
    resolver_mask: int = 0
    _open_count: int = 0
    _has_asked_servers: bool = False
    _gone_once: set[str] = field(default_factory=set)

    def first_questions(self) -> Iterator[Question]:
        """Yield the first questions."""
        wanted = dict.fromkeys([*self.names, self.domain])
        self.observations = {name: Observation() for name in wanted}
        self._open_count = len(wanted)
        for name in wanted:
            yield Question(name, RecordType.A, self)

    @property
    def is_done(self) -> bool:
        """Whether every question has its reply."""
        return not self._open_count

    def handle_reply(self, question: Question, reply: Reply) -> Iterable[Question]:
        """Take a reply in, and return what is to be asked because of it."""
        if reply.outcome.is_conclusive:
            self.resolver_mask |= 1 << reply.resolver_index
        if question.record_type == RecordType.NS:
            more = self._handle_ns_reply(reply)
        elif question.record_type == RecordType.AAAA:
            more = self._handle_aaaa_reply(question.name, reply)
        else:
            more = self._handle_a_reply(question, reply)
        self._open_count += len(more) - 1
        return more

    def _handle_a_reply(self, question: Question, reply: Reply) -> list[Question]:
        seen = self.observations[question.name]
        if reply.outcome is DnsOutcome.NXDOMAIN:
            if question.name in self._gone_once:
                seen.outcome = DnsOutcome.NXDOMAIN
            elif self.has_second_resolver:
                self._gone_once.add(question.name)
                return [Question(question.name, RecordType.A, self, ~(1 << reply.resolver_index))]
        elif reply.outcome.is_conclusive:
            seen.outcome, seen.addresses = reply.outcome, reply.data
            return [Question(question.name, RecordType.AAAA, self)]
        return []

    def _handle_aaaa_reply(self, name: str, reply: Reply) -> list[Question]:
        seen = self.observations[name]
        if reply.outcome is DnsOutcome.ANSWER:
            seen.outcome = DnsOutcome.ANSWER
            seen.addresses += reply.data
        before = self.earlier_facts.get(name)
        news = before is None or before.addresses != seen.addresses or before.servers is None
        if self._has_asked_servers or not news:
            return []
        self._has_asked_servers = True
        return [Question(self.domain, RecordType.NS, self)]

    def _handle_ns_reply(self, reply: Reply) -> list[Question]:
        if reply.outcome in (DnsOutcome.ANSWER, DnsOutcome.NODATA):
            self.name_servers = reply.data
        return []

    @property
    def look_result(self) -> LookResult:
        """What the look found of the domain: any name in it that is there proves that it is."""
        if any(
            seen.outcome in (DnsOutcome.ANSWER, DnsOutcome.NODATA)
            for seen in self.observations.values()
        ):
            return LookResult.EXISTS
        if self.observations[self.domain].outcome is DnsOutcome.NXDOMAIN:
            return LookResult.GONE
        return LookResult.UNANSWERED
