"""Render reports for scripts: reports -> dictionaries for the one JSON document of a command."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from blocklist import RunReport, SurveyReport


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


def run_to_dict(report: "RunReport") -> dict[str, object]:
    """Return the document of `run --json`: a key for each part of the job that was done."""
    document: dict[str, object] = {}
    if report.feeds is not None:
        document["feeds"] = report.feeds
    if report.expired is not None:
        document["ended"] = report.expired
    if report.resolved is not None:
        document["resolved"] = survey_to_dict(report.resolved)
    if report.held is not None:
        document["held"] = str(report.held)
    if report.built is not None:
        built = report.built
        document |= {"release": built.release, "changed": built.is_new, "pin": built.pin}
    if report.exports is not None:
        document["exports"] = report.exports
    return document
