"""Run `resolve`: look up blocked names in the DNS, store the facts, show a summary."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from blocklist.cli.commands.allow_block import parse_name_argument
from blocklist.cli.commands.update import EXIT_FEED_FAILED
from blocklist.cli.session import JsonOption, Session, get_session, show_json, show_line
from blocklist.cli.streams import warn
from blocklist.errors import UsageError
from blocklist.model import Kind

if TYPE_CHECKING:
    from blocklist.ledger.db.writer import LedgerWriter
    from blocklist.resolve.survey import SurveyReport

#: How many seconds lie between two lines of progress.
_PROGRESS_SECONDS = 10.0


def resolve_command(
    context: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(help="Else blocked names that are due, new first.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, max=10**9, help="How many names at most.")
    ] = None,
    server: Annotated[
        list[str] | None,
        typer.Option(help="ADDRESS#PORT of a resolver, in place of the configured; repeatable."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Ask DNS which blocked names still exist, and where; `check` shows the answers.

    Exit code 4: a resolver was of no use; what is known stays, but for what the others said.
    """
    from blocklist.ledger.db.writer import open_ledger_writer

    current = get_session(context)
    given = [_parse_domain(name) for name in names or []]
    with open_ledger_writer(current.config.database, "resolve") as book:
        report = resolve_with_progress(current, book, given, limit=limit, servers=server or [])
    if as_json:
        show_json(survey_to_dict(report))
    else:
        show_line(format_survey(report))
    if report.causes:
        raise typer.Exit(EXIT_FEED_FAILED)


def resolve_with_progress(
    current: Session,
    book: "LedgerWriter",
    names: list[str],
    *,
    limit: int | None = None,
    servers: list[str] | None = None,
) -> "SurveyReport":
    """Look at names, or else at those that are due, with progress, and tell what went wrong."""
    import asyncio

    from blocklist.release.resolved_addresses import refresh_resolved_addresses
    from blocklist.resolve.plan import load_survey_settings, select_names_to_resolve
    from blocklist.resolve.survey import Survey

    how = load_survey_settings(current.config, servers or [])
    wanted = names or select_names_to_resolve(
        current.config, book, limit or current.config.resolve.limit
    )
    rate = f"{how.limits.rate:,.0f}" if how.limits.rate else "any number of"
    asked = ", ".join(map(str, how.resolvers))
    current.show_status(
        f"asking {asked} about {len(wanted):,} names, {rate} questions a second each"
    )
    with _show_progress(current, len(wanted)) as told:
        report = asyncio.run(Survey(book, how, told).run(wanted))
    if current.config.resolve.addresses:
        report.addresses.update(refresh_resolved_addresses(current.config, book))
    for place, cause in report.causes.items():
        warn(f"resolver {place}: {cause}")
    if len(how.resolvers) - len(report.causes) == 1:
        current.show_status("one resolver alone finds no name dead; give a second one")
    return report


def format_survey(report: "SurveyReport") -> str:
    """Return what a survey found, in a sentence."""
    states = ", ".join(f"{count:,} {state}" for state, count in report.states.most_common())
    unused = report.names - report.recorded
    left = f"; {unused:,} as they were" if unused else ""
    addresses = ", ".join(f"{count:,} {what}" for what, count in sorted(report.addresses.items()))
    left += f"; addresses: {addresses}" if addresses else ""
    return (
        f"looked at {report.recorded:,} of {report.names:,} names in {report.seconds:,.1f} s "
        f"({report.names_per_second:,.0f} a second): {states or 'nothing was seen'}{left}"
    )


def _parse_domain(text: str) -> str:
    indicator = parse_name_argument(text)
    if indicator.kind is not Kind.DOMAIN:
        raise UsageError(f"{text}: expected a name; addresses and links are not looked up")
    return indicator.value


def survey_to_dict(report: "SurveyReport") -> dict[str, object]:
    """Return what a survey found, for a script."""
    return {
        "names": report.names,
        "recorded": report.recorded,
        "seconds": round(report.seconds, 3),
        "states": report.states,
        "answers": report.answers,
        "dropped": report.dropped,
        "addresses": report.addresses,
        "resolvers_left_out": report.causes,
    }


@contextmanager
def _show_progress(current: Session, total: int) -> Iterator[Callable[[int], None]]:
    """Give a function that is told how many names are done: a bar, or a line now and then."""
    if current.quiet:
        yield lambda _: None
    elif not sys.stderr.isatty():
        yield _make_line_reporter(current, total)
    else:
        from rich.console import Console
        from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        speed = TextColumn("{task.speed:,.0f} a second")
        columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), speed)
        bar = Progress(
            *columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True
        )
        with bar:
            task = bar.add_task("resolving", total=total)
            yield lambda done: bar.update(task, completed=done)


def _make_line_reporter(current: Session, total: int) -> Callable[[int], None]:
    start = last = time.monotonic()

    def report_line(done: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _PROGRESS_SECONDS:
            last = now
            rate = done / (now - start)
            left = (total - done) / rate
            current.show_status(
                f"{done:,} of {total:,} names, {rate:,.0f} a second, {left:,.0f} s left"
            )

    return report_line
