"""Survey: due names -> DNS facts, recorded in batches.

After the last answer of a batch, every resolver is asked for names that cannot exist; only then is
the batch recorded. A resolver that answers these is excluded, and lookups that used it are
dropped. If a survey is interrupted, only the current batch is lost.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

import polars as pl

from blocklist.judge.guards import load_public_suffixes
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.dns.facts import DnsFact, load_facts, save_facts
from blocklist.resolve.dns.servers import ResolverAddress
from blocklist.resolve.dns.sockets import Question
from blocklist.resolve.dns.transport import DnsTransport, NoResolverAnswers, Reply
from blocklist.resolve.dns.upstream import QueryLimits
from blocklist.resolve.domain_lookup import DomainLookup
from blocklist.resolve.facts import derive_facts
from blocklist.resolve.liveness import DeadDomainRule
from blocklist.resolve.resolver_check import BatchCheck, ResolverProbe

_BATCH_SIZE = 2_000
#: How many batches may wait to be written before no more is asked.
_MAX_WAITING_BATCHES = 4
_SILENT_CAUSE = "does not answer any more"


@dataclass(frozen=True, slots=True)
class SurveySettings:
    """Who is asked, how much, and what makes a domain dead."""

    resolvers: list[ResolverAddress]
    limits: QueryLimits = field(default_factory=QueryLimits)
    rule: DeadDomainRule = field(default_factory=DeadDomainRule)
    #: Names that our own lists block, by which a resolver shows that it has loaded one.
    canaries: tuple[str, ...] = ()


@dataclass(slots=True)
class SurveyReport:
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
    def names_per_second(self) -> float:
        """How many names a second were looked at."""
        return self.recorded / self.seconds if self.seconds else 0.0


#: Domains, each with the names in it that are looked at.
_DomainChunk = list[tuple[str, list[str]]]
#: Told of how many names are recorded.
SurveyProgress = Callable[[int], None]


class Survey:
    """One survey; all that touches the ledger happens in one thread beside the event loop."""

    def __init__(self, book: LedgerWriter, settings: SurveySettings, told: SurveyProgress) -> None:
        self.report = SurveyReport()
        self._book = book
        self._settings = settings
        self._report_progress = told
        self._transport = DnsTransport(settings.resolvers, settings.limits)
        self._batch: list[DomainLookup] = []
        self._batch_names = 0
        self._lying_mask = 0
        self._writer = ThreadPoolExecutor(1)
        self._writes: deque[Future[None]] = deque()

    async def run(self, names: list[str]) -> SurveyReport:
        """Look at names and return what came of it; the ledger has what was seen."""
        start = time.monotonic()
        self.report.names = len(names)
        try:
            await self._transport.ask_all(
                self._make_check([]).build_questions(), self._handle_reply
            )
            await self._transport.ask_all(self._generate_questions(names), self._handle_reply)
            await self._transport.ask_all(self._close_batch(), self._handle_reply)
        except NoResolverAnswers:
            for upstream in self._transport.upstreams:
                self.report.causes.setdefault(
                    str(upstream.server), upstream.exclusion_cause or _SILENT_CAUSE
                )
        finally:
            self._transport.close()
            self._writer.shutdown()
        self._wait_for_writes(at_most=0)
        self.report.seconds = time.monotonic() - start
        for upstream in self._transport.upstreams:
            self.report.dropped.update(upstream.dropped)
        return self.report

    def _generate_questions(self, names: list[str]) -> Iterator[Question]:
        # What is known of a chunk is read while the one before it is asked for.
        ahead: deque[tuple[_DomainChunk, Future[dict[str, DnsFact]]]] = deque()
        for chunk in _split_by_domain(names):
            ahead.append((chunk, self._writer.submit(self._load_facts, chunk)))
            if len(ahead) > 1:
                yield from self._start_lookups(*ahead.popleft())
        for chunk, known in ahead:
            yield from self._start_lookups(chunk, known)

    def _start_lookups(
        self, chunk: _DomainChunk, known: Future[dict[str, DnsFact]]
    ) -> Iterator[Question]:
        for domain, members in chunk:
            family = DomainLookup(
                domain, members, known.result(), has_second_resolver=self._has_second_resolver
            )
            yield from family.first_questions()
        self._wait_for_writes(at_most=_MAX_WAITING_BATCHES)

    def _load_facts(self, chunk: _DomainChunk) -> dict[str, DnsFact]:
        wanted = {name for domain, members in chunk for name in (domain, *members)}
        with read_transaction(self._book.database) as transaction:
            return load_facts(transaction.connection, wanted)

    @property
    def _has_second_resolver(self) -> bool:
        return sum(upstream.exclusion_cause is None for upstream in self._transport.upstreams) > 1

    def _handle_reply(self, question: Question, reply: Reply) -> Iterable[Question]:
        job = question.job
        if isinstance(job, BatchCheck):
            job.handle_reply(question, reply)
            if not job.open_count:
                self._apply_check(job)
            return ()
        assert isinstance(job, DomainLookup)
        more = job.handle_reply(question, reply)
        self.report.answers[reply.outcome] += 1
        if job.is_done:
            self._batch.append(job)
            self._batch_names += len(job.names)
            if self._batch_names >= _BATCH_SIZE:
                return self._close_batch()
        return more

    def _close_batch(self) -> list[Question]:
        """Close the batch, and return the questions whose answers tell what it is worth."""
        batch, self._batch, self._batch_names = self._batch, [], 0
        return self._make_check(batch).build_questions() if batch else []

    def _make_check(self, batch: list[DomainLookup]) -> BatchCheck:
        usable = [
            up.resolver_index for up in self._transport.upstreams if up.exclusion_cause is None
        ]
        canaries = () if batch else self._settings.canaries
        return BatchCheck({place: ResolverProbe(place, canaries) for place in usable}, batch)

    def _apply_check(self, check: BatchCheck) -> None:
        for place, probe in check.probes.items():
            cause = probe.find_lie()
            if cause is not None:
                self._lying_mask |= 1 << place
            elif not check.batch:
                cause = probe.find_failure()
            if cause is not None:
                self._transport.exclude_resolver(place, cause)
                self.report.causes[str(self._settings.resolvers[place])] = cause
        believed = [family for family in check.batch if not family.resolver_mask & self._lying_mask]
        if believed:
            self._writes.append(self._writer.submit(self._record_batch, believed))

    def _record_batch(self, batch: list[DomainLookup]) -> None:
        now = datetime.now(UTC)
        found: list[DnsFact] = []
        for family in batch:
            asked = set(family.names)
            every = list(derive_facts(family, now, self._settings.rule))
            found += every
            self.report.states.update(fact.state for fact in every if fact.name in asked)
            self.report.recorded += len(asked)
        save_facts(self._book, found)
        self._report_progress(self.report.recorded)

    def _wait_for_writes(self, at_most: int) -> None:
        """Wait until few batches wait to be written, and raise what went wrong with any."""
        while len(self._writes) > at_most:
            self._writes.popleft().result()


def _split_by_domain(names: list[str]) -> Iterator[_DomainChunk]:
    """Yield names with their domains, a batch at a time, in the order given."""
    frame = pl.DataFrame({"name": names}, schema={"name": pl.String})
    frame = frame.with_columns(
        domain=load_public_suffixes().registrable_domains(frame["name"]).fill_null(frame["name"])
    )
    families = frame.group_by("domain", maintain_order=True).agg("name")
    for part in families.iter_slices(_BATCH_SIZE):
        yield list(part.iter_rows())
