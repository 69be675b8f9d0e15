"""Questions to which the answer is known, that show what a resolver's word is worth."""

import secrets
import string
from collections.abc import Iterator
from dataclasses import dataclass, field

from blocklist.resolve.family import Family
from blocklist.resolve.port import Question
from blocklist.resolve.transport import Reply
from blocklist.resolve.wire import Outcome, Type

#: Zones in which no random name exists; a resolver that invents answers does so in all of them.
_ZONES = ("com", "net", "org")
_LETTERS = 24
_CONTROL = "control"


@dataclass(slots=True)
class Probe:
    """What one resolver says of names that cannot exist, and of the canaries of our own lists."""

    place: int
    canaries: tuple[str, ...] = ()
    #: Names that cannot exist, and what was said of them.
    random: dict[str, Reply] = field(default_factory=dict)
    #: Canaries and the names beside them that are never listed.
    listed: dict[str, Reply] = field(default_factory=dict)
    #: What was said of the zones themselves, which do exist.
    zones: dict[str, Reply] = field(default_factory=dict)

    def questions(self, job: object) -> Iterator[Question]:
        """Yield what is to be asked of the resolver, on behalf of `job`."""
        for zone in _ZONES:
            yield Question(zone, Type.A, job, 1 << self.place)
            label = "".join(secrets.choice(string.ascii_lowercase) for _ in range(_LETTERS))
            yield Question(f"{label}.{zone}", Type.A, job, 1 << self.place)
        for canary in self.canaries:
            for name in (canary, f"{_CONTROL}.{canary}"):
                yield Question(name, Type.A, job, 1 << self.place)

    def answered(self, question: Question, reply: Reply) -> None:
        """Take a reply in."""
        if question.name in _ZONES:
            self.zones[question.name] = reply
            return
        canary = question.name.removeprefix(f"{_CONTROL}.") in self.canaries
        (self.listed if canary else self.random)[question.name] = reply

    def lie(self) -> str | None:
        """Return how the resolver's answers are not those of the DNS, or none."""
        for reply in self.random.values():
            if reply.outcome is Outcome.ANSWER:
                return f"answers for names that do not exist, with {reply.data[0]}; not used"
        # Cut off from the DNS, it would have every name dead.
        if all(reply.outcome is Outcome.NXDOMAIN for reply in self.zones.values()):
            return f"says that {', '.join(_ZONES)} do not exist; not used"
        for canary in self.canaries:
            said = [self.listed[name] for name in (canary, f"{_CONTROL}.{canary}")]
            heard = all(reply.outcome.says for reply in said)
            if heard and len({(reply.outcome, reply.data) for reply in said}) > 1:
                return f"blocks what is listed here (such as {canary}); ask one that does not"
        return None

    def failure(self) -> str | None:
        """Return why the resolver is of no use, or none."""
        if any(reply.outcome.says for reply in self.random.values()):
            return None
        failed = {reply.outcome for reply in self.random.values()} - {Outcome.TIMEOUT}
        if not failed:
            return "does not answer"
        return f"answers nothing but {', '.join(sorted(failed))}"


@dataclass(slots=True)
class Check:
    """Probes of several resolvers, behind which a batch of families waits to be believed."""

    probes: dict[int, Probe]
    batch: list[Family]
    open: int = 0

    def questions(self) -> list[Question]:
        """Return what is to be asked of the resolvers."""
        found = [one for probe in self.probes.values() for one in probe.questions(self)]
        self.open = len(found)
        return found

    def answered(self, question: Question, reply: Reply) -> None:
        """Take a reply in."""
        self.open -= 1
        self.probes[question.where.bit_length() - 1].answered(question, reply)
