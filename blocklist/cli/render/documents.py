"""Render reports for scripts: reports -> dictionaries for the one JSON document of a command."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from blocklist import Release, RunReport, SurveyReport


def survey_to_dict(report: "SurveyReport") -> dict[str, object]:
    """Return the document of `resolve --json`."""
    return {
        "names": report.names,
        "recorded": report.recorded,
        "seconds": round(report.seconds, 3),
        "states": dict(sorted(report.states.items())),
        "answers": dict(sorted(report.answers.items())),
        "dropped": report.dropped,
        "addresses": report.addresses,
        "resolvers_left_out": report.causes,
    }


def run_to_dict(report: "RunReport", current: "Release | None") -> dict[str, object]:
    """Return the document of `run --json`; the parts that were not done are null.

    `current` is the release in force where the run built none.
    """
    built = report.built
    return {
        "feeds": report.feeds,
        "ended": report.expired,
        "resolved": survey_to_dict(report.resolved) if report.resolved else None,
        "release": built.release if built else current,
        "changed": built is not None and built.is_new,
        "pin": built.pin if built else None,
        "held": str(report.held) if report.held else None,
        "exports": report.exports,
        "error": str(report.error) if report.error else None,
    }
