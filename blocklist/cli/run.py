"""`run`: the main job, from feeds to installed files."""

import typer

from blocklist.cli import export as exporting
from blocklist.cli import update as updating
from blocklist.cli.release import sentence
from blocklist.cli.session import Json, session, show, show_json


def run(context: typer.Context, as_json: Json = False) -> None:
    """Update the feeds, build a release, export it: the main job.

    Exit code 3: the gate held the release; 4: done, but a feed failed and its last good was used;
    6: an export failed and its old file stays.
    """
    from blocklist.collect import update as collect
    from blocklist.export import every
    from blocklist.ledger.book import writing
    from blocklist.release import build as builder

    current = session(context)
    config = current.config
    feeds = collect.chosen(config, [])
    with writing(config.database, "run") as book:
        outcomes = updating.collected(current, book, feeds)
        if not as_json:
            updating.show_outcomes(outcomes)
        current.say("judging")
        built = builder.build(config, book, "run")
        exports = exporting.exported(current, book, every.chosen(config, []))
    if as_json:
        release = {"release": built.release, "changed": built.fresh}
        show_json({"feeds": outcomes, **release, "exports": exports})
    else:
        show(sentence(built))
        if exports:
            exporting.show_exports(exports)
    if any(outcome.result is None for outcome in exports):
        raise typer.Exit(exporting.EXPORT_FAILED)
    if not all(outcome.good for outcome in outcomes):
        raise typer.Exit(updating.FEED_FAILED)
