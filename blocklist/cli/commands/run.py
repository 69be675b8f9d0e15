"""Run `run`, the main job: update feeds, resolve, build a release, export and install it."""

import typer

from blocklist.cli.options import EXIT_EXPORT_FAILED, EXIT_FEED_FAILED, AcceptOption, JsonOption
from blocklist.cli.output import show_json
from blocklist.cli.progress import ProgressDisplay
from blocklist.cli.render.documents import run_to_dict
from blocklist.cli.session import Session, get_session
from blocklist.pipeline.events import EventKind, ProgressEvent
from blocklist.pipeline.reports import RunReport


def run_job_command(
    context: typer.Context, accept: AcceptOption = None, as_json: JsonOption = False
) -> None:
    """Do the main job: update the feeds, build a release, write the exports.

    Exit code 3: the gate held the release. 4: a feed failed and its last good snapshot was used, or
    a resolver could not be used. 6: an export failed and its old file stays.
    """
    report = _run_and_show(get_session(context), accept or [], as_json=as_json)
    failure = report.error or report.held
    if failure:
        raise failure
    if report.failed_exports:
        raise typer.Exit(EXIT_EXPORT_FAILED)
    if not report.is_good:
        raise typer.Exit(EXIT_FEED_FAILED)


def _run_and_show(session: Session, accept: list[str], *, as_json: bool) -> RunReport:
    """Run, and write the JSON document of what was done also if the job is interrupted."""
    done = RunReport()

    def collect(event: ProgressEvent) -> None:
        nonlocal done
        if event.kind is EventKind.END:
            done = done.with_result(event.stage, event.result)
        display(event)

    with ProgressDisplay(session, results=not as_json) as display:
        try:
            done = session.blocklist.run(accept=accept, progress=collect)
        finally:
            if as_json and done != RunReport():
                show_json(run_to_dict(done, session.blocklist.releases.current()))
        return done
