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
    """The answers for one name; `outcome` is None until a conclusive answer arrives."""

    outcome: DnsOutcome | None = None
    addresses: tuple[str, ...] = ()


@dataclass(slots=True)
class DomainLookup:
    """The lookup of a domain with its names, done when no question is open.

    If one resolver reports that a name does not exist, a second one is asked, because a single
    resolver may filter, lie or be cut off. Name servers are requested if the addresses are new.
    """

    domain: str
    names: list[str]
    earlier_facts: dict[str, DnsFact]
    #: Whether there is a second resolver to ask.
    has_second_resolver: bool
    observations: dict[str, Observation] = field(default_factory=dict)
    name_servers: tuple[str, ...] | None = None
    #: The indexes of the resolvers with a conclusive answer, as bits.
    resolver_mask: int = 0
    _open_count: int = 0
    _has_asked_servers: bool = False
    _gone_once: set[str] = field(default_factory=set)

    def first_questions(self) -> Iterator[Question]:
        """Yield the first questions."""
        names = dict.fromkeys([*self.names, self.domain])
        self.observations = {name: Observation() for name in names}
        self._open_count = len(names)
        for name in names:
            yield Question(name, RecordType.A, self)

    @property
    def is_done(self) -> bool:
        """Whether every question has its reply."""
        return not self._open_count

    def handle_reply(self, question: Question, reply: Reply) -> Iterable[Question]:
        """Process a reply, and return the questions that follow from it."""
        if reply.outcome.is_conclusive:
            self.resolver_mask |= 1 << reply.resolver_index
        if question.record_type == RecordType.NS:
            questions = self._handle_ns_reply(reply)
        elif question.record_type == RecordType.AAAA:
            questions = self._handle_aaaa_reply(question.name, reply)
        else:
            questions = self._handle_a_reply(question, reply)
        self._open_count += len(questions) - 1
        return questions

    def _handle_a_reply(self, question: Question, reply: Reply) -> list[Question]:
        observation = self.observations[question.name]
        if reply.outcome is DnsOutcome.NXDOMAIN:
            if question.name in self._gone_once:
                observation.outcome = DnsOutcome.NXDOMAIN
            elif self.has_second_resolver:
                self._gone_once.add(question.name)
                return [Question(question.name, RecordType.A, self, ~(1 << reply.resolver_index))]
        elif reply.outcome.is_conclusive:
            observation.outcome, observation.addresses = reply.outcome, reply.data
            return [Question(question.name, RecordType.AAAA, self)]
        return []

    def _handle_aaaa_reply(self, name: str, reply: Reply) -> list[Question]:
        observation = self.observations[name]
        if reply.outcome is DnsOutcome.ANSWER:
            observation.outcome = DnsOutcome.ANSWER
            observation.addresses += reply.data
        earlier = self.earlier_facts.get(name)
        is_new = (
            earlier is None or earlier.addresses != observation.addresses or earlier.servers is None
        )
        if self._has_asked_servers or not is_new:
            return []
        self._has_asked_servers = True
        return [Question(self.domain, RecordType.NS, self)]

    def _handle_ns_reply(self, reply: Reply) -> list[Question]:
        if reply.outcome in (DnsOutcome.ANSWER, DnsOutcome.NODATA):
            self.name_servers = reply.data
        return []

    @property
    def look_result(self) -> LookResult:
        """The result for the domain: it exists if any name in it exists."""
        if any(
            observation.outcome in (DnsOutcome.ANSWER, DnsOutcome.NODATA)
            for observation in self.observations.values()
        ):
            return LookResult.EXISTS
        if self.observations[self.domain].outcome is DnsOutcome.NXDOMAIN:
            return LookResult.GONE
        return LookResult.UNANSWERED
