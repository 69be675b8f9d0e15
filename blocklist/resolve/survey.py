"""Survey: due names -> DNS facts, recorded in batches.

After the last answer of a batch, every resolver is asked for names that cannot exist; only then is
the batch recorded. A resolver that answers these is excluded, and lookups that used it are
dropped. If a survey is interrupted, only the current batch is lost.
"""

import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

import polars as pl

from blocklist.config.dns_servers import DnsServer
from blocklist.judge.guards import load_public_suffixes
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.dns.facts import DnsFact, load_facts, save_facts
from blocklist.resolve.dns.sockets import Question
from blocklist.resolve.dns.transport import DnsTransport, NoResolverAnswers, Reply
from blocklist.resolve.dns.upstream import QueryLimits
from blocklist.resolve.domain_lookup import DomainLookup
from blocklist.resolve.facts import derive_facts
from blocklist.resolve.liveness import DeadDomainRule
from blocklist.resolve.resolver_check import BatchCheck, ResolverProbe

logger = logging.getLogger(__name__)

_BATCH_SIZE = 2_000
#: The survey pauses while more batches than this are unwritten.
_MAX_WAITING_BATCHES = 4
_SILENT_CAUSE = "no longer answers"


@dataclass(frozen=True, slots=True)
class SurveySettings:
    """The resolvers, the limits, and the rule for dead domains."""

    resolvers: list[DnsServer]
    limits: QueryLimits = field(default_factory=QueryLimits)
    rule: DeadDomainRule = field(default_factory=DeadDomainRule)
    #: Names that our own lists block; a resolver that blocks them has loaded one.
    canaries: tuple[str, ...] = ()


@dataclass(slots=True)
class SurveyReport:
    """The result of a survey; `causes` says why each excluded resolver was excluded."""

    names: int = 0
    recorded: int = 0
    seconds: float = 0.0
    states: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    #: Packets that were no answer to any question, by what was wrong with them.
    dropped: Counter[str] = field(default_factory=Counter)
    causes: dict[str, str] = field(default_factory=dict)
    #: The numbers of addresses that are blocked for their names, and that are not.
    addresses: Counter[str] = field(default_factory=Counter)

    @property
    def names_per_second(self) -> float:
        """The number of names looked up a second."""
        return self.recorded / self.seconds if self.seconds else 0.0


#: Domains, each with its names to look up.
_DomainChunk = list[tuple[str, list[str]]]
#: Called with the number of names recorded so far.
SurveyProgress = Callable[[int], None]


class Survey:
    """One survey. All access to the ledger happens in one thread beside the event loop."""

    def __init__(
        self, writer: LedgerWriter, settings: SurveySettings, on_progress: SurveyProgress
    ) -> None:
        self.report = SurveyReport()
        self._ledger = writer
        self._settings = settings
        self._report_progress = on_progress
        self._transport = DnsTransport(settings.resolvers, settings.limits)
        self._batch: list[DomainLookup] = []
        self._batch_names = 0
        self._lying_mask = 0
        self._writer = ThreadPoolExecutor(1)
        self._writes: deque[Future[None]] = deque()

    async def run(self, names: list[str]) -> SurveyReport:
        """Look up names, record the facts in the ledger, and return the report."""
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
        counts = (self.report.recorded, self.report.names, self.report.seconds)
        logger.info("survey: %d of %d names recorded in %.1f s", *counts)
        return self.report

    def _generate_questions(self, names: list[str]) -> Iterator[Question]:
        # The facts of a chunk are loaded while the one before it is looked up.
        loading: deque[tuple[_DomainChunk, Future[dict[str, DnsFact]]]] = deque()
        for chunk in _split_by_domain(names):
            loading.append((chunk, self._writer.submit(self._load_facts, chunk)))
            if len(loading) > 1:
                yield from self._start_lookups(*loading.popleft())
        for chunk, facts in loading:
            yield from self._start_lookups(chunk, facts)

    def _start_lookups(
        self, chunk: _DomainChunk, facts: Future[dict[str, DnsFact]]
    ) -> Iterator[Question]:
        for domain, members in chunk:
            lookup = DomainLookup(
                domain, members, facts.result(), has_second_resolver=self._has_second_resolver
            )
            yield from lookup.first_questions()
        self._wait_for_writes(at_most=_MAX_WAITING_BATCHES)

    def _load_facts(self, chunk: _DomainChunk) -> dict[str, DnsFact]:
        names = {name for domain, members in chunk for name in (domain, *members)}
        with read_transaction(self._ledger.database) as transaction:
            return load_facts(transaction.connection, names)

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
        questions = job.handle_reply(question, reply)
        self.report.answers[reply.outcome] += 1
        if job.is_done:
            self._batch.append(job)
            self._batch_names += len(job.names)
            if self._batch_names >= _BATCH_SIZE:
                return self._close_batch()
        return questions

    def _close_batch(self) -> list[Question]:
        """Close the batch, and return the questions whose answers show whether it is valid."""
        batch, self._batch, self._batch_names = self._batch, [], 0
        return self._make_check(batch).build_questions() if batch else []

    def _make_check(self, batch: list[DomainLookup]) -> BatchCheck:
        usable = [
            upstream.resolver_index
            for upstream in self._transport.upstreams
            if upstream.exclusion_cause is None
        ]
        canaries = () if batch else self._settings.canaries
        return BatchCheck({index: ResolverProbe(index, canaries) for index in usable}, batch)

    def _apply_check(self, check: BatchCheck) -> None:
        for index, probe in check.probes.items():
            cause = probe.find_lie()
            if cause is not None:
                self._lying_mask |= 1 << index
            elif not check.batch:
                cause = probe.find_failure()
            if cause is not None:
                self._transport.exclude_resolver(index, cause)
                resolver = str(self._settings.resolvers[index])
                self.report.causes[resolver] = cause
                logger.warning("resolver %s: excluded, %s", resolver, cause)
        accepted = [lookup for lookup in check.batch if not lookup.resolver_mask & self._lying_mask]
        counts = (len(accepted), len(check.batch))
        logger.debug("resolver check: %d of %d looked-up domains are recorded", *counts)
        if accepted:
            self._writes.append(self._writer.submit(self._record_batch, accepted))

    def _record_batch(self, batch: list[DomainLookup]) -> None:
        now = datetime.now(UTC)
        facts: list[DnsFact] = []
        for lookup in batch:
            names = set(lookup.names)
            lookup_facts = list(derive_facts(lookup, now, self._settings.rule))
            facts += lookup_facts
            self.report.states.update(fact.state for fact in lookup_facts if fact.name in names)
            self.report.recorded += len(names)
        save_facts(self._ledger, facts)
        self._report_progress(self.report.recorded)

    def _wait_for_writes(self, at_most: int) -> None:
        """Wait until at most so many batches are unwritten; raise the error of a failed one."""
        while len(self._writes) > at_most:
            self._writes.popleft().result()


def _split_by_domain(names: list[str]) -> Iterator[_DomainChunk]:
    """Yield names grouped by domain, a batch at a time, in the given order."""
    frame = pl.DataFrame({"name": names}, schema={"name": pl.String})
    frame = frame.with_columns(
        domain=load_public_suffixes().registrable_domains(frame["name"]).fill_null(frame["name"])
    )
    domains = frame.group_by("domain", maintain_order=True).agg("name")
    for part in domains.iter_slices(_BATCH_SIZE):
        yield list(part.iter_rows())
