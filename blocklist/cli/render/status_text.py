"""Render the summary of a status: Status -> a few lines that fit 80 columns."""

from collections.abc import Iterator

from blocklist import Status
from blocklist.cli.render.findings import wrap

_TITLES = {
    "fine": "healthy",
    "warning": "healthy, with warnings",
    "problem": "the list is not what it should be",
}


def format_status(status: Status) -> Iterator[str]:
    """Yield the state, then a line for each kind of thing."""
    yield f"{_TITLES[status.state]} (at {status.checked})"
    rows = {
        "release": _describe_release(status),
        "last run": _describe_run(status),
        "feeds": _count_good(status, "feeds", len(status.feeds)),
        "exports": _count_good(status, "exports", len(status.exports)),
        "servers": _count_good(status, "servers", len(status.servers)),
        "database": status.database or "unknown",
    }
    for title, text in rows.items():
        yield from wrap(f"{title:<9} {text}", indent=" " * 10)


def _describe_release(status: Status) -> str:
    release = status.release
    if release is None:
        return "none yet"
    return (
        f"{release.number} of {release.created}: {release.blocked:,} blocked, "
        f"{release.held:,} held for review"
    )


def _describe_run(status: Status) -> str:
    texts = [one.what for one in status.findings if one.check == "runs" and one.what]
    text = texts[0] if texts else "none yet"
    return f"{text}; now: {status.writer}" if status.writer else text


def _count_good(status: Status, check: str, count: int) -> str:
    """Return how many things of a kind have a good finding; without any finding nobody knows."""
    findings = [one for one in status.findings if one.check == check and one.subject]
    if not count:
        return "none"
    if not findings:
        return f"unknown ({count} configured)"
    return f"{sum(one.state == 'fine' for one in findings)} of {count} as they should be"
