"""Run `run`, the main job: update feeds, resolve, build a release, export and install it."""

from typing import TYPE_CHECKING

import typer

from blocklist.cli.commands.allow_block import end_and_report_expired
from blocklist.cli.commands.export import EXIT_EXPORT_FAILED, export_with_progress, show_exports
from blocklist.cli.commands.release import format_build, warn_about_build
from blocklist.cli.commands.resolve import format_survey, resolve_with_progress, survey_to_dict
from blocklist.cli.commands.update import (
    EXIT_FEED_FAILED,
    AcceptOption,
    show_outcomes,
    update_with_progress,
)
from blocklist.cli.session import JsonOption, Session, get_session, show_json, show_line
from blocklist.cli.streams import warn
from blocklist.errors import GateHeld

if TYPE_CHECKING:
    from blocklist.export.rehearsal import Rehearsal
    from blocklist.export.render.state import ExportOutcome
    from blocklist.ledger.db.writer import LedgerWriter


def run_job_command(
    context: typer.Context, accept: AcceptOption = None, as_json: JsonOption = False
) -> None:
    """Update the feeds, build a release, export it: the main job.

    Exit code 3: the gate held the release; 4: done, but a feed failed and its last good was used,
    or a resolver was of no use; 6: an export failed and its old file stays.
    """
    report: dict[str, object] = {}
    try:
        good, exports, held = _run_job(
            get_session(context), report, accept or [], tables=not as_json
        )
    finally:
        if as_json and report:
            show_json(report)
    if held:
        raise held
    if any(outcome.result is None for outcome in exports):
        raise typer.Exit(EXIT_EXPORT_FAILED)
    if not good:
        raise typer.Exit(EXIT_FEED_FAILED)


def _run_job(
    current: Session, report: dict[str, object], accepted: list[str], *, tables: bool
) -> tuple[bool, list["ExportOutcome"], GateHeld | None]:
    """Do the job, and note in `report` what is done, for it may end in the middle.

    Return whether every feed and resolver was good, how the exports ended, and what the gate held.
    """
    from blocklist.collect.update import lift_size_limits, select_feeds
    from blocklist.export.rehearsal import Rehearsal
    from blocklist.export.run import select_exports
    from blocklist.ledger.db.writer import open_ledger_writer

    config = current.config
    feeds = lift_size_limits(select_feeds(config, []), accepted)
    wanted = select_exports(config, [])
    with (
        open_ledger_writer(config.database, "run") as book,
        Rehearsal(book, config, wanted, current.show_status) as rehearsal,
    ):
        _warn_wrong_clock(book)
        outcomes = report["feeds"] = update_with_progress(current, book, feeds)
        if tables:
            show_outcomes(outcomes)
        good = all(outcome.is_good for outcome in outcomes)
        report["ended"] = end_and_report_expired(current, book)
        if config.resolve.enabled:
            good = _resolve_due_names(current, book, report, tables=tables) and good
        current.show_status("judging")
        held = _build_release(current, book, report, accepted, rehearsal, tables=tables)
        # Also when the gate held: what the operator decided is published all the same.
        exports = report["exports"] = export_with_progress(current, book, wanted, rehearsal)
    if tables and exports:
        show_exports(exports)
    return good, exports, held


def _warn_wrong_clock(book: "LedgerWriter") -> None:
    """Tell that the clock stands before the last run, which is no reason not to do the job."""
    from blocklist.ledger.db.runs import find_future_run
    from blocklist.ledger.db.timestamps import current_timestamp
    from blocklist.ledger.db.transaction import read_transaction

    with read_transaction(book.database) as transaction:
        last = find_future_run(transaction.connection, book.run_id)
    if last:
        warn(
            f"the clock says {current_timestamp()}, and the last run began at "
            f"{last.started}: what is dated now is wrong, and feeds may "
            "wait longer than they should; set the clock, best by NTP"
        )


def _resolve_due_names(
    current: Session, book: "LedgerWriter", report: dict[str, object], *, tables: bool
) -> bool:
    """Look at names that are due; return whether every resolver was of use."""
    found = resolve_with_progress(current, book, [])
    report["resolved"] = survey_to_dict(found)
    if tables:
        show_line(format_survey(found))
    return not found.causes


def _build_release(
    current: Session,
    book: "LedgerWriter",
    report: dict[str, object],
    accepted: list[str],
    rehearsal: "Rehearsal",
    *,
    tables: bool,
) -> GateHeld | None:
    """Build a release; return what the gate holds, and raise it where nothing is out yet."""
    from blocklist.release.build import build_release

    try:
        built = build_release(current.config, book, "run", accepted, rehearsal)
    except GateHeld as held:
        report["held"] = str(held)
        if not _has_release(book):
            raise
        return held
    report |= {"release": built.release, "changed": built.is_new, "pin": built.pin}
    if tables:
        show_line(format_build(built))
    warn_about_build(built)
    return None


def _has_release(book: "LedgerWriter") -> bool:
    from blocklist.ledger.db.transaction import read_transaction
    from blocklist.ledger.releases.history import current_release

    with read_transaction(book.database) as transaction:
        return current_release(transaction.connection) is not None
