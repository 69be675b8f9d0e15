"""Check the resolvers: questions with known answers -> resolvers that lie or fail."""

import secrets
import string
from collections.abc import Iterator
from dataclasses import dataclass, field

from blocklist.resolve.dns.sockets import Question
from blocklist.resolve.dns.transport import Reply
from blocklist.resolve.dns.wire import DnsOutcome, RecordType
from blocklist.resolve.domain_lookup import DomainLookup

#: Zones in which no random name exists; a resolver that invents answers invents them in all.
_ZONES = ("com", "net", "org")
_LABEL_LENGTH = 24
_CONTROL_LABEL = "control"


@dataclass(slots=True)
class ResolverProbe:
    """Replies of one resolver about names that cannot exist and about canaries of our own lists."""

    resolver_index: int
    canaries: tuple[str, ...] = ()
    #: Replies about names that cannot exist.
    random_replies: dict[str, Reply] = field(default_factory=dict)
    #: Replies about canaries and about the control names below them, which are never listed.
    canary_replies: dict[str, Reply] = field(default_factory=dict)
    #: Replies about the zones themselves, which exist.
    zone_replies: dict[str, Reply] = field(default_factory=dict)

    def build_questions(self, job: object) -> Iterator[Question]:
        """Yield the questions for the resolver, on behalf of `job`."""
        for zone in _ZONES:
            yield Question(zone, RecordType.A, job, 1 << self.resolver_index)
            label = "".join(secrets.choice(string.ascii_lowercase) for _ in range(_LABEL_LENGTH))
            yield Question(f"{label}.{zone}", RecordType.A, job, 1 << self.resolver_index)
        for canary in self.canaries:
            for name in (canary, f"{_CONTROL_LABEL}.{canary}"):
                yield Question(name, RecordType.A, job, 1 << self.resolver_index)

    def handle_reply(self, question: Question, reply: Reply) -> None:
        """Store a reply."""
        if question.name in _ZONES:
            self.zone_replies[question.name] = reply
            return
        is_canary = question.name.removeprefix(f"{_CONTROL_LABEL}.") in self.canaries
        (self.canary_replies if is_canary else self.random_replies)[question.name] = reply

    def find_lie(self) -> str | None:
        """Return how the resolver's answers differ from the DNS, or None."""
        for reply in self.random_replies.values():
            if reply.outcome is DnsOutcome.ANSWER:
                return f"answers for names that do not exist, with {reply.data[0]}; not used"
        # A resolver that is cut off from the DNS would make every name dead.
        if all(reply.outcome is DnsOutcome.NXDOMAIN for reply in self.zone_replies.values()):
            return f"answers that {', '.join(_ZONES)} do not exist; not used"
        for canary in self.canaries:
            replies = [self.canary_replies[name] for name in (canary, f"{_CONTROL_LABEL}.{canary}")]
            is_conclusive = all(reply.outcome.is_conclusive for reply in replies)
            if is_conclusive and len({(reply.outcome, reply.data) for reply in replies}) > 1:
                return f"blocks names of our lists (such as {canary}); use one that does not"
        return None

    def find_failure(self) -> str | None:
        """Return why the resolver is of no use, or None."""
        if any(reply.outcome.is_conclusive for reply in self.random_replies.values()):
            return None
        outcomes = {reply.outcome for reply in self.random_replies.values()} - {DnsOutcome.TIMEOUT}
        if not outcomes:
            return "does not answer"
        return f"answers nothing but {', '.join(sorted(outcomes))}"


@dataclass(slots=True)
class BatchCheck:
    """Probes of several resolvers, and the batch of lookups that is recorded if they pass."""

    probes: dict[int, ResolverProbe]
    batch: list[DomainLookup]
    open_count: int = 0

    def build_questions(self) -> list[Question]:
        """Return the questions for all resolvers."""
        questions = [
            question for probe in self.probes.values() for question in probe.build_questions(self)
        ]
        self.open_count = len(questions)
        return questions

    def handle_reply(self, question: Question, reply: Reply) -> None:
        """Pass a reply to the probe of its resolver."""
        self.open_count -= 1
        self.probes[question.resolver_mask.bit_length() - 1].handle_reply(question, reply)
