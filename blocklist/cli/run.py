"""`run`: the main job, from feeds to installed files."""

from typing import TYPE_CHECKING

import typer

from blocklist.cli import export as exporting
from blocklist.cli import update as updating
from blocklist.cli.operator import ended
from blocklist.cli.release import sentence
from blocklist.cli.session import Json, Session, session, show, show_json
from blocklist.errors import GateHeld

if TYPE_CHECKING:
    from blocklist.collect.update import Outcome
    from blocklist.export.every import Exported


def run(context: typer.Context, as_json: Json = False) -> None:
    """Update the feeds, build a release, export it: the main job.

    Exit code 3: the gate held the release; 4: done, but a feed failed and its last good was used;
    6: an export failed and its old file stays.
    """
    report: dict[str, object] = {}
    try:
        outcomes, exports = _job(session(context), report, tables=not as_json)
    except GateHeld as held:
        report["held"] = str(held)
        raise
    finally:
        if as_json and report:
            show_json(report)
    if any(outcome.result is None for outcome in exports):
        raise typer.Exit(exporting.EXPORT_FAILED)
    if not all(outcome.good for outcome in outcomes):
        raise typer.Exit(updating.FEED_FAILED)


def _job(
    current: Session, report: dict[str, object], *, tables: bool
) -> tuple[list["Outcome"], list["Exported"]]:
    """Do the job, and note in `report` what is done, for it may end in the middle."""
    from blocklist.collect import update as collect
    from blocklist.export import every
    from blocklist.ledger.book import writing
    from blocklist.release import build as builder

    config = current.config
    feeds = collect.chosen(config, [])
    with writing(config.database, "run") as book:
        outcomes = report["feeds"] = updating.collected(current, book, feeds)
        if tables:
            updating.show_outcomes(outcomes)
        report["ended"] = ended(current, book)
        current.say("judging")
        built = builder.build(config, book, "run")
        report |= {"release": built.release, "changed": built.fresh}
        if tables:
            show(sentence(built))
        exports = report["exports"] = exporting.exported(current, book, every.chosen(config, []))
    if tables and exports:
        exporting.show_exports(exports)
    return outcomes, exports
