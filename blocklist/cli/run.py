"""`run`: the main job, from feeds to installed files."""

from typing import TYPE_CHECKING

import typer

from blocklist.cli import export as exporting
from blocklist.cli import resolve as resolving
from blocklist.cli import update as updating
from blocklist.cli.operator import ended
from blocklist.cli.release import sentence, tell
from blocklist.cli.session import Json, Session, session, show, show_json, warn
from blocklist.errors import GateHeld

if TYPE_CHECKING:
    from blocklist.export.every import ExportOutcome
    from blocklist.export.rehearsal import Rehearsal
    from blocklist.ledger.book import LedgerWriter


def run(context: typer.Context, accept: updating.Accept = None, as_json: Json = False) -> None:
    """Update the feeds, build a release, export it: the main job.

    Exit code 3: the gate held the release; 4: done, but a feed failed and its last good was used,
    or a resolver was of no use; 6: an export failed and its old file stays.
    """
    report: dict[str, object] = {}
    try:
        good, exports, held = _job(session(context), report, accept or [], tables=not as_json)
    finally:
        if as_json and report:
            show_json(report)
    if held:
        raise held
    if any(outcome.result is None for outcome in exports):
        raise typer.Exit(exporting.EXPORT_FAILED)
    if not good:
        raise typer.Exit(updating.FEED_FAILED)


def _job(
    current: Session, report: dict[str, object], accepted: list[str], *, tables: bool
) -> tuple[bool, list["ExportOutcome"], GateHeld | None]:
    """Do the job, and note in `report` what is done, for it may end in the middle.

    Return whether every feed and resolver was good, how the exports ended, and what the gate held.
    """
    from blocklist.collect import update as collect
    from blocklist.export import every
    from blocklist.export.rehearsal import Rehearsal
    from blocklist.ledger.book import open_ledger_writer

    config = current.config
    feeds = collect.lift_size_limits(collect.select_feeds(config, []), accepted)
    wanted = every.select_exports(config, [])
    with (
        open_ledger_writer(config.database, "run") as book,
        Rehearsal(book, config, wanted, current.say) as rehearsal,
    ):
        _tell_clock(book)
        outcomes = report["feeds"] = updating.collected(current, book, feeds)
        if tables:
            updating.show_outcomes(outcomes)
        good = all(outcome.is_good for outcome in outcomes)
        report["ended"] = ended(current, book)
        if config.resolve.enabled:
            good = _looked_up(current, book, report, tables=tables) and good
        current.say("judging")
        held = _built(current, book, report, accepted, rehearsal, tables=tables)
        # Also when the gate held: what the operator decided is published all the same.
        exports = report["exports"] = exporting.exported(current, book, wanted, rehearsal)
    if tables and exports:
        exporting.show_exports(exports)
    return good, exports, held


def _tell_clock(book: "LedgerWriter") -> None:
    """Tell that the clock stands before the last run, which is no reason not to do the job."""
    from blocklist.ledger import runs
    from blocklist.ledger.times import current_timestamp

    with book.open_connection() as db:
        last = runs.find_future_run(db, book.run_id)
    if last:
        warn(
            f"the clock says {current_timestamp()}, and the last run began at {last.started}: what is dated now "
            "is wrong, and feeds may wait longer than they should; set the clock, best by NTP"
        )


def _looked_up(
    current: Session, book: "LedgerWriter", report: dict[str, object], *, tables: bool
) -> bool:
    """Look at names that are due; return whether every resolver was of use."""
    found = resolving.resolved(current, book, [])
    report["resolved"] = resolving.document(found)
    if tables:
        show(resolving.sentence(found))
    return not found.causes


def _built(
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
        if not _published(book):
            raise
        return held
    report |= {"release": built.release, "changed": built.is_new, "pin": built.pin}
    if tables:
        show(sentence(built))
    tell(built)
    return None


def _published(book: "LedgerWriter") -> bool:
    from blocklist.ledger.history import current_release

    with book.open_connection() as db:
        return current_release(db) is not None
