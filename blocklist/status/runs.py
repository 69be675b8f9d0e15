"""Status of runs: ledger -> the last run and its age against the usual interval, and the clock."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from statistics import median_low

from blocklist.config.loader import Config
from blocklist.ledger.db.lock import find_lock_holder, find_publisher
from blocklist.ledger.db.runs import (
    find_future_run,
    find_interrupted_run,
    find_misdated_runs,
    list_publishing_runs,
    redate_runs,
)
from blocklist.ledger.db.timestamps import PROGRAM_START, current_timestamp
from blocklist.status.durations import describe_duration
from blocklist.status.finding import Finding, fine, problem, warning

#: The interval that is assumed until runs of a whole day tell another, and the shortest of all.
_DEFAULT_INTERVAL, _SHORTEST_INTERVAL = timedelta(days=1), timedelta(minutes=10)
#: The usual interval is the median of so many, so a new timer is soon taken for usual.
_RECENT_RUNS = 20
#: A run is too old after so many intervals.
_OVERDUE_AFTER_INTERVALS = 3
_CLOCK_REMEDY = "set the system's clock, best by NTP, before the next run"


@dataclass(frozen=True, slots=True)
class RunAge:
    """The last run that ended well and published, and its age."""

    command: str
    started: str
    #: How long ago it began; negative if that is in the future.
    age: timedelta
    #: How far apart such runs usually are.
    interval: timedelta

    @property
    def is_overdue(self) -> bool:
        """Whether the next run is so late that the list stands still."""
        return self.age > _OVERDUE_AFTER_INTERVALS * self.interval


def load_run_age(reader: sqlite3.Connection) -> RunAge | None:
    """Return the age of the last run that publishes and ended well; None if there is none."""
    runs = list_publishing_runs(reader)
    if not runs:
        return None
    starts = [datetime.fromisoformat(run.started) for run in runs]
    age = datetime.now(UTC) - starts[0]
    return RunAge(runs[0].command, runs[0].started, age, _find_usual_interval(starts))


def _find_usual_interval(starts: list[datetime]) -> timedelta:
    """Return the median time between starts, newest first; a day until they span a day."""
    if starts[0] - starts[-1] < _DEFAULT_INTERVAL:
        return _DEFAULT_INTERVAL
    gaps = [later - earlier for later, earlier in pairwise(starts[: _RECENT_RUNS + 1])]
    return max(median_low(gaps), _SHORTEST_INTERVAL)


def check_runs(
    config: Config, reader: sqlite3.Connection, run_age: RunAge | None
) -> Iterator[Finding]:
    """Find that the last run is too old, or that the last command was interrupted."""
    if run_age is None:
        yield warning("no run has ended well yet", config.database, "blocklist run")
    else:
        yield _describe_age(run_age)
    last = find_interrupted_run(reader)
    if last and not (find_lock_holder(config.database) or find_publisher(config.database)):
        what = f"{last.command} of {last.started} did not finish; its completed steps are kept"
        yield warning(what, config.database, f"blocklist {last.command}", since=last.started)


def _describe_age(run: RunAge) -> Finding:
    ago, usual = describe_duration(run.age), describe_duration(run.interval)
    if run.is_overdue:
        what = f"the last run that ended well began {ago} ago; usually there is one every {usual}"
        remedy = "find out why the timer does not start it, then: blocklist run"
        return problem(what, "the timer or cron job", remedy, since=run.started)
    return fine(f"{run.command}, {ago} ago; usually every {usual}", since=run.started)


def check_clock(config: Config, reader: sqlite3.Connection | None) -> Iterator[Finding]:
    """Find a clock that is before this program or the last run, and runs with a wrong date."""
    now = current_timestamp()
    if now < PROGRAM_START:
        what = f"the clock says {now}, so nothing can be stored"
        yield problem(what, "the system's clock", _CLOCK_REMEDY)
    elif reader is not None:
        yield from _check_run_dates(config, reader)


def _check_run_dates(config: Config, reader: sqlite3.Connection) -> Iterator[Finding]:
    run = find_future_run(reader)
    if run:
        what = f"the clock says {current_timestamp()}, and the last run began at {run.started}"
        yield problem(what, "the system's clock", _CLOCK_REMEDY)
    misdated = [one for one in find_misdated_runs(reader) if run is None or one != run]
    if misdated:
        times = ", ".join(one.started for one in misdated[:3])
        what = f"{len(misdated)} runs were dated by a wrong clock ({times}), and so are listings"
        mend = partial(redate_runs, config.database)
        yield warning(what, config.database, "blocklist doctor --repair", mend)
