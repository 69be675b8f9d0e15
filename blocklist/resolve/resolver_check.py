"""Check the resolvers: questions with known answers -> resolvers that lie or fail."""

import secrets
import string
from collections.abc import Iterator
from dataclasses import dataclass, field

from blocklist.resolve.dns.sockets import Question
from blocklist.resolve.dns.transport import Reply
from blocklist.resolve.dns.wire import DnsOutcome, RecordType
from blocklist.resolve.domain_lookup import DomainLookup

#: Zones in which no random name exists; a resolver that invents answers does so in all of them.
_ZONES = ("com", "net", "org")
_LABEL_LENGTH = 24
_CONTROL_LABEL = "control"


@dataclass(slots=True)
class ResolverProbe:
    """What one resolver says of names that cannot exist, and of the canaries of our own lists."""

    resolver_index: int
    canaries: tuple[str, ...] = ()
    #: Names that cannot exist, and what was said of them.
    random_replies: dict[str, Reply] = field(default_factory=dict)
    #: Canaries and the names beside them that are never listed.
    canary_replies: dict[str, Reply] = field(default_factory=dict)
    #: What was said of the zones themselves, which do exist.
    zone_replies: dict[str, Reply] = field(default_factory=dict)

    def build_questions(self, job: object) -> Iterator[Question]:
        """Yield what is to be asked of the resolver, on behalf of `job`."""
        for zone in _ZONES:
            yield Question(zone, RecordType.A, job, 1 << self.resolver_index)
            label = "".join(secrets.choice(string.ascii_lowercase) for _ in range(_LABEL_LENGTH))
            yield Question(f"{label}.{zone}", RecordType.A, job, 1 << self.resolver_index)
        for canary in self.canaries:
            for name in (canary, f"{_CONTROL_LABEL}.{canary}"):
                yield Question(name, RecordType.A, job, 1 << self.resolver_index)

    def handle_reply(self, question: Question, reply: Reply) -> None:
        """Take a reply in."""
        if question.name in _ZONES:
            self.zone_replies[question.name] = reply
            return
        canary = question.name.removeprefix(f"{_CONTROL_LABEL}.") in self.canaries
        (self.canary_replies if canary else self.random_replies)[question.name] = reply

    def find_lie(self) -> str | None:
        """Return how the resolver's answers are not those of the DNS, or none."""
        for reply in self.random_replies.values():
            if reply.outcome is DnsOutcome.ANSWER:
                return f"answers for names that do not exist, with {reply.data[0]}; not used"
        # Cut off from the DNS, it would have every name dead.
        if all(reply.outcome is DnsOutcome.NXDOMAIN for reply in self.zone_replies.values()):
            return f"says that {', '.join(_ZONES)} do not exist; not used"
        for canary in self.canaries:
            said = [self.canary_replies[name] for name in (canary, f"{_CONTROL_LABEL}.{canary}")]
            heard = all(reply.outcome.is_conclusive for reply in said)
            if heard and len({(reply.outcome, reply.data) for reply in said}) > 1:
                return f"blocks what is listed here (such as {canary}); ask one that does not"
        return None

    def find_failure(self) -> str | None:
        """Return why the resolver is of no use, or none."""
        if any(reply.outcome.is_conclusive for reply in self.random_replies.values()):
            return None
        failed = {reply.outcome for reply in self.random_replies.values()} - {DnsOutcome.TIMEOUT}
        if not failed:
            return "does not answer"
        return f"answers nothing but {', '.join(sorted(failed))}"


@dataclass(slots=True)
class BatchCheck:
    """Probes of several resolvers, behind which a batch of families waits to be believed."""

    probes: dict[int, ResolverProbe]
    batch: list[DomainLookup]
    open_count: int = 0

    def build_questions(self) -> list[Question]:
        """Return what is to be asked of the resolvers."""
        found = [one for probe in self.probes.values() for one in probe.build_questions(self)]
        self.open_count = len(found)
        return found

    def handle_reply(self, question: Question, reply: Reply) -> None:
        """Take a reply in."""
        self.open_count -= 1
        self.probes[question.resolver_mask.bit_length() - 1].handle_reply(question, reply)
