"""Status of releases: ledger -> the held candidate, pins, and the indicators to review."""

from collections.abc import Iterable, Iterator

from blocklist.ledger.releases.candidate import Candidate
from blocklist.ledger.releases.history import Release
from blocklist.ledger.releases.pins import Pin
from blocklist.status.finding import Finding, fine, problem, warning

_MAX_OBJECTIONS = 2


def check_gate(release: Release | None, candidate: Candidate | None) -> Iterator[Finding]:
    """Find that there is no release yet, or that the gate holds the next one."""
    if candidate is not None:
        yield _describe_candidate(candidate)
    elif release is None:
        yield warning("there is no release yet, so nothing is blocked", "", "blocklist run")
    else:
        yield fine(f"release {release.number}", since=release.created)


def _describe_candidate(candidate: Candidate) -> Finding:
    objections = [one.text for one in candidate.objections]
    more = len(objections) - _MAX_OBJECTIONS
    shown = "; ".join(objections[:_MAX_OBJECTIONS]) + (f"; and {more} more" if more > 0 else "")
    what = f"holds the next release since {candidate.release.created}: {shown}"
    if any(one.final for one in candidate.objections):
        remedy = "repair its guards as the message says, then: blocklist run"
    else:
        remedy = (
            "see it: blocklist release diff current candidate; publish it: "
            'blocklist release accept --reason "..."'
        )
    return problem(what, "the gate", remedy, since=candidate.release.created)


def check_pins(pins: Iterable[Pin]) -> Iterator[Finding]:
    """Find a pinned release, which no run replaces, and feeds whose updates are not taken."""
    for pin in pins:
        by = f" by {pin.who}" if pin.who else ""
        why = f" ({pin.reason})" if pin.reason else ""
        since = f"since {pin.created}{by}{why}"
        if pin.feed is None:
            what = f"release {pin.release} is pinned {since}: no feed changes the list"
            yield problem(what, "", "blocklist release unpin", since=pin.created)
        else:
            what, remedy = f"is pinned {since}", f"blocklist release unpin --feed {pin.feed}"
            where = f"feed {pin.feed}"
            yield warning(what, where, remedy, subject=pin.feed, since=pin.created)


def check_review(release: Release | None) -> Iterator[Finding]:
    """Report how many indicators are held for review; that alone is no fault."""
    held = release.held if release else 0
    yield fine(f"{held:,} held for review")
