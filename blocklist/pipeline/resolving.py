"""The resolve stage: names, or those that are due -> DNS facts in the ledger and a report."""

import asyncio
from collections.abc import Sequence

from blocklist.config.loader import Config
from blocklist.errors import UsageError
from blocklist.ledger.db.writer import LedgerWriter, open_ledger_writer
from blocklist.pipeline.events import EventKind, ProgressCallback, ProgressEvent, Stage
from blocklist.release.resolved_addresses import refresh_resolved_addresses
from blocklist.resolve.plan import load_survey_settings, select_names_to_resolve
from blocklist.resolve.survey import Survey, SurveyReport, SurveySettings


def resolve_stage(
    config: Config,
    writer: LedgerWriter,
    progress: ProgressCallback,
    names: Sequence[str] | None = None,
    limit: int | None = None,
    servers: Sequence[str] | None = None,
) -> SurveyReport:
    """Look up names in the DNS and record what is found.

    Without `names`, those that are due are looked up, at most `limit`. `servers` take the place of
    the configured resolvers. Must not be called from a thread with a running event loop.
    """
    settings = load_survey_settings(config, list(servers or ()))
    if names is None:
        most = config.resolve.limit if limit is None else limit
        chosen = select_names_to_resolve(config, writer, most)
    else:
        chosen = list(names)
    _note(progress, _describe_start(settings, len(chosen)))

    def report_done(done: int) -> None:
        progress(ProgressEvent(Stage.RESOLVE, EventKind.ADVANCE, done=done, total=len(chosen)))

    progress(ProgressEvent(Stage.RESOLVE, EventKind.START, total=len(chosen)))
    report = asyncio.run(Survey(writer, settings, report_done).run(chosen))
    if config.resolve.addresses:
        report.addresses.update(refresh_resolved_addresses(config, writer))
    progress(ProgressEvent(Stage.RESOLVE, EventKind.END, result=report))
    if len(settings.resolvers) - len(report.causes) == 1:
        _note(progress, "with one resolver, no name is reported as dead; give a second one")
    return report


def run_resolve(
    config: Config,
    names: Sequence[str] | None,
    limit: int | None,
    servers: Sequence[str] | None,
    progress: ProgressCallback,
) -> SurveyReport:
    """Look up names alone, with the ledger's lock held; raise `UsageError` in an event loop."""
    refuse_event_loop("resolve")
    if servers is not None and not servers:
        raise UsageError("servers: expected at least one resolver, or None for the configured ones")
    if limit == 0 if names is None else not names:
        return SurveyReport()
    with open_ledger_writer(config.database, "resolve") as writer:
        return resolve_stage(config, writer, progress, names, limit, servers)


def refuse_event_loop(job: str) -> None:
    """Raise `UsageError` if this thread runs an event loop: a survey needs one of its own."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise UsageError(f"{job}: an event loop runs in this thread; call it in another thread")


def _note(progress: ProgressCallback, text: str) -> None:
    progress(ProgressEvent(Stage.RESOLVE, EventKind.NOTE, text))


def _describe_start(settings: SurveySettings, names: int) -> str:
    rate = f"{settings.limits.rate:,.0f}" if settings.limits.rate else "any number of"
    resolvers = ", ".join(map(str, settings.resolvers))
    return f"asking {resolvers} about {names:,} names, {rate} questions a second each"
