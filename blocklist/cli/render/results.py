"""Render the results of stages: feeds, surveys, releases, exports -> lines, tables, warnings."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from blocklist.cli.output import show_line, show_table
from blocklist.cli.render.feed_warnings import find_unreachable, warn_about_feeds
from blocklist.cli.render.line_counts import format_unread
from blocklist.cli.session import Session
from blocklist.cli.streams import warn
from blocklist.errors import GateHeld
from blocklist.pipeline.events import ProgressEvent, Stage

if TYPE_CHECKING:
    from blocklist import (
        BuildReport,
        BuildResult,
        ExportOutcome,
        Release,
        SurveyReport,
        UpdateOutcome,
    )

# That a hosts file takes no networks is no news; what a target narrowed is.
#: Entries of kinds that a target does not take.
_KIND_WORDS = {"kind-domain": "names", "kind-ip": "addresses", "kind-url": "URLs"}


def show_stage_result(session: Session, event: ProgressEvent, *, results: bool) -> None:
    """Write what is wrong with a stage on stderr and, with `results`, its result on stdout."""
    result: Any = event.result
    match event.stage:
        case Stage.UPDATE:
            warn_about_feeds(result)
            unreachable = find_unreachable(result)
            rest = [outcome for outcome in result if outcome not in unreachable]
            if results and (rest or not unreachable):
                show_updates(rest)
        case Stage.RESOLVE:
            _warn_about_resolvers(result)
            if results:
                show_line(format_survey(result))
        case Stage.EXPORT:
            _warn_about_exports(session, result)
            if results and result:
                show_exports(result)
        case Stage.BUILD if results and not isinstance(result, GateHeld):
            show_line(format_build(result))
        case Stage.PUBLISH if results:
            show_line(format_release_counts(result))


def show_updates(outcomes: "Sequence[UpdateOutcome]") -> None:
    """Show a table of updated feeds."""
    columns = ("feed", "state", "entries", "added", "removed", "not read")
    show_table(columns, map(_update_row, outcomes), drop=("removed", "added"))


def _update_row(outcome: "UpdateOutcome") -> tuple[str, ...]:
    counts = (f"{outcome.entries:,}", f"+{outcome.added:,}", f"-{outcome.removed:,}")
    return (outcome.feed, outcome.state, *counts, format_unread(outcome.lines))


def _warn_about_resolvers(report: "SurveyReport") -> None:
    for resolver, cause in report.causes.items():
        warn(f"resolver {resolver}: {cause}")


def format_survey(report: "SurveyReport") -> str:
    """Return the summary of a survey in a sentence."""
    states = ", ".join(f"{count:,} {state}" for state, count in report.states.most_common())
    unused = report.names - report.recorded
    if not report.recorded and report.names:
        return (
            f"no resolver answered in {report.seconds:,.1f} s; {unused:,} names were not looked up"
        )
    left = f"; {unused:,} were not looked up" if unused else ""
    addresses = ", ".join(f"{count:,} {what}" for what, count in sorted(report.addresses.items()))
    left += f"; addresses: {addresses}" if addresses else ""
    return (
        f"looked up {report.recorded:,} of {report.names:,} names in {report.seconds:,.1f} s "
        f"({report.names_per_second:,.0f} a second): {states or 'nothing to look up'}{left}"
    )


def format_build(built: "BuildResult | BuildReport") -> str:
    """Return in a sentence what a build did."""
    release = built.release
    if built.pin and not built.is_new:
        return (
            f"no feed changes it: release {release.number} is pinned, {release.blocked:,} blocked"
        )
    if not built.is_new:
        return f"nothing changed: release {release.number} stays, {release.blocked:,} blocked"
    return format_release_counts(release)


def format_release_counts(release: "Release") -> str:
    """Return a release's counts in a sentence."""
    return (
        f"release {release.number}: {release.blocked:,} blocked (+{release.added:,} "
        f"-{release.removed:,}), {release.held:,} held for review"
    )


def _warn_about_exports(session: Session, outcomes: "Sequence[ExportOutcome]") -> None:
    """Write why exports failed, what server commands printed and, with `-v`, other remarks."""
    for outcome in outcomes:
        if outcome.result is None:
            warn(str(outcome.cause))
            continue
        for line in outcome.result.said:
            session.show_status(f"export {outcome.name}: {line}")
        for note in outcome.result.notes if session.verbose else ():
            warn(f"export {outcome.name}: {note}")


def show_exports(outcomes: "Sequence[ExportOutcome]") -> None:
    """Show a table of exports."""
    columns = ("export", "state", "rows", "left out", "file")
    show_table(columns, map(_export_row, outcomes), drop=("left out",))


def _export_row(outcome: "ExportOutcome") -> tuple[str, ...]:
    result = outcome.result
    if result is None:
        return (outcome.name, "failed", "", "", outcome.path)
    left = ", ".join(
        f"{count:,} {_KIND_WORDS.get(reason, reason)}" for reason, count in result.left_out.items()
    )
    state = "written" if result.changed else "unchanged"
    state += _describe_loaded(outcome)
    return (outcome.name, state, f"{result.rows:,}", left, outcome.path)


def _describe_loaded(outcome: "ExportOutcome") -> str:
    result = outcome.result
    assert result
    servers = result.servers or ()
    loaded = sum(server.fault is None for server in servers)
    if loaded < len(servers):
        return f", loaded by {loaded} of {len(servers)} servers"
    return ", loaded" if result.loaded else ""
