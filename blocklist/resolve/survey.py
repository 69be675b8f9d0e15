"""A survey: look at names that are due, and record in batches what was seen.

Every batch is recorded only after each resolver was asked, behind the batch's last answer, for
names that cannot exist. One that answers even those is left out, and with it all that it said. So
whatever ends a survey, what it loses is the batch in flight.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

import polars as pl

from blocklist.judge.guards import suffixes
from blocklist.ledger import facts as ledger
from blocklist.ledger.book import LedgerWriter
from blocklist.ledger.facts import DnsFact
from blocklist.resolve.facts import facts
from blocklist.resolve.family import Family
from blocklist.resolve.port import Question
from blocklist.resolve.probe import Check, Probe
from blocklist.resolve.servers import Server
from blocklist.resolve.states import Rule
from blocklist.resolve.transport import Reply, Transport, Unreachable
from blocklist.resolve.upstream import Limits

_BATCH = 2_000
#: How many batches may wait to be written before no more is asked.
_BEHIND = 4
_SILENT = "does not answer any more"


@dataclass(frozen=True, slots=True)
class Settings:
    """Who is asked, how much, and what makes a domain dead."""

    servers: list[Server]
    limits: Limits = field(default_factory=Limits)
    rule: Rule = field(default_factory=Rule)
    #: Names that our own lists block, by which a resolver shows that it has loaded one.
    canaries: tuple[str, ...] = ()


@dataclass(slots=True)
class Report:
    """What a survey did; `causes` says for each resolver that was left out why."""

    names: int = 0
    recorded: int = 0
    seconds: float = 0.0
    states: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    #: What arrived and was no answer to any question, by what was wrong with it.
    dropped: Counter[str] = field(default_factory=Counter)
    causes: dict[str, str] = field(default_factory=dict)
    #: How many addresses are blocked for the names on them, and how many are not.
    addresses: Counter[str] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        """How many names a second were looked at."""
        return self.recorded / self.seconds if self.seconds else 0.0


#: Domains, each with the names in it that are looked at.
_Chunk = list[tuple[str, list[str]]]
#: Told of how many names are recorded.
Told = Callable[[int], None]


class Survey:
    """One survey; all that touches the ledger happens in one thread beside the event loop."""

    def __init__(self, book: LedgerWriter, settings: Settings, told: Told) -> None:
        self.report = Report()
        self._book = book
        self._settings = settings
        self._told = told
        self._transport = Transport(settings.servers, settings.limits)
        self._batch: list[Family] = []
        self._waiting = 0
        self._liars = 0
        self._writer = ThreadPoolExecutor(1)
        self._writes: deque[Future[None]] = deque()

    async def run(self, names: list[str]) -> Report:
        """Look at names and return what came of it; the ledger has what was seen."""
        start = time.monotonic()
        self.report.names = len(names)
        try:
            await self._transport.run(self._check([]).questions(), self._answered)
            await self._transport.run(self._questions(names), self._answered)
            await self._transport.run(self._closed(), self._answered)
        except Unreachable:
            for upstream in self._transport.upstreams:
                self.report.causes.setdefault(str(upstream.server), upstream.cause or _SILENT)
        finally:
            self._transport.close()
            self._writer.shutdown()
        self._written(at_most=0)
        self.report.seconds = time.monotonic() - start
        for upstream in self._transport.upstreams:
            self.report.dropped.update(upstream.dropped)
        return self.report

    def _questions(self, names: list[str]) -> Iterator[Question]:
        # What is known of a chunk is read while the one before it is asked for.
        ahead: deque[tuple[_Chunk, Future[dict[str, DnsFact]]]] = deque()
        for chunk in _chunks(names):
            ahead.append((chunk, self._writer.submit(self._known, chunk)))
            if len(ahead) > 1:
                yield from self._of_chunk(*ahead.popleft())
        for chunk, known in ahead:
            yield from self._of_chunk(chunk, known)

    def _of_chunk(self, chunk: _Chunk, known: Future[dict[str, DnsFact]]) -> Iterator[Question]:
        for domain, members in chunk:
            family = Family(domain, members, known.result(), doubted=self._doubted)
            yield from family.questions()
        self._written(at_most=_BEHIND)

    def _known(self, chunk: _Chunk) -> dict[str, DnsFact]:
        wanted = {name for domain, members in chunk for name in (domain, *members)}
        with self._book.open_database() as db:
            return ledger.load_facts(db.conn, wanted)

    @property
    def _doubted(self) -> bool:
        return sum(upstream.cause is None for upstream in self._transport.upstreams) > 1

    def _answered(self, question: Question, reply: Reply) -> Iterable[Question]:
        job = question.job
        if isinstance(job, Check):
            job.answered(question, reply)
            if not job.open:
                self._checked(job)
            return ()
        assert isinstance(job, Family)
        more = job.answered(question, reply)
        self.report.answers[reply.outcome] += 1
        if job.done:
            self._batch.append(job)
            self._waiting += len(job.names)
            if self._waiting >= _BATCH:
                return self._closed()
        return more

    def _closed(self) -> list[Question]:
        """Close the batch, and return the questions whose answers tell what it is worth."""
        batch, self._batch, self._waiting = self._batch, [], 0
        return self._check(batch).questions() if batch else []

    def _check(self, batch: list[Family]) -> Check:
        usable = [up.place for up in self._transport.upstreams if up.cause is None]
        canaries = () if batch else self._settings.canaries
        return Check({place: Probe(place, canaries) for place in usable}, batch)

    def _checked(self, check: Check) -> None:
        for place, probe in check.probes.items():
            cause = probe.lie()
            if cause is not None:
                self._liars |= 1 << place
            elif not check.batch:
                cause = probe.failure()
            if cause is not None:
                self._transport.exclude(place, cause)
                self.report.causes[str(self._settings.servers[place])] = cause
        believed = [family for family in check.batch if not family.heard & self._liars]
        if believed:
            self._writes.append(self._writer.submit(self._record, believed))

    def _record(self, batch: list[Family]) -> None:
        now = datetime.now(UTC)
        found: list[DnsFact] = []
        for family in batch:
            asked = set(family.names)
            every = list(facts(family, now, self._settings.rule))
            found += every
            self.report.states.update(fact.state for fact in every if fact.name in asked)
            self.report.recorded += len(asked)
        ledger.save_facts(self._book, found)
        self._told(self.report.recorded)

    def _written(self, at_most: int) -> None:
        """Wait until few batches wait to be written, and raise what went wrong with any."""
        while len(self._writes) > at_most:
            self._writes.popleft().result()


def _chunks(names: list[str]) -> Iterator[_Chunk]:
    """Yield names with their domains, a batch at a time, in the order given."""
    frame = pl.DataFrame({"name": names}, schema={"name": pl.String})
    frame = frame.with_columns(
        domain=suffixes().registrable(frame["name"]).fill_null(frame["name"])
    )
    families = frame.group_by("domain", maintain_order=True).agg("name")
    for part in families.iter_slices(_BATCH):
        yield list(part.iter_rows())
