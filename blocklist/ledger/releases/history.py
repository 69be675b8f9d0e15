"""Read releases without their verdicts: connection -> `Release` objects; sqlite3 only."""

import json
import sqlite3
from dataclasses import dataclass, field
from typing import Any

# The columns of `release` and, at the end, of `run`.
_COLUMNS = (
    "number", "run_id", "created", "cause", "blocked", "held", "added", "removed", "reason",
    "basis", "origin", "serial", "pruned", "feeds", "categories", "who",
)  # fmt: skip

#: A feed when a release was built: its `state` and its number of `entries`.
FeedSnapshot = dict[str, str | int]


@dataclass(frozen=True, slots=True)
class Release:
    """A numbered, immutable set of verdicts. `added` and `removed` count blocked indicators."""

    number: int
    created: str
    cause: str
    blocked: int
    held: int
    added: int
    removed: int
    #: The reason of a person who accepted it as a candidate, or rolled back to it.
    reason: str | None = None
    #: The release whose content a rollback published again.
    origin: int | None = None
    #: The highest serial of a zone that was rendered from it.
    serial: int | None = None
    #: Whether its verdicts were pruned, so that only this row is left.
    pruned: bool = False
    #: The feeds that it was judged from, and their state.
    feeds: dict[str, FeedSnapshot] = field(default_factory=dict, hash=False)
    #: The number of blocked indicators by category of the feeds that list them.
    categories: dict[str, int] = field(default_factory=dict, hash=False)
    who: str | None = None
    #: The run that published it, and the run after whose listings it was judged.
    run: int = 0
    basis: int = 0


def list_releases(reader: sqlite3.Connection) -> list[Release]:
    """Return all releases, newest first."""
    return _select_releases(reader, "")


def current_release(reader: sqlite3.Connection) -> Release | None:
    """Return the current release."""
    return next(iter(_select_releases(reader, "LIMIT 1")), None)


def _select_releases(reader: sqlite3.Connection, limit: str) -> list[Release]:
    rows = reader.execute(
        f"SELECT {', '.join(_COLUMNS)} FROM release JOIN run ON run.id = run_id "
        f"ORDER BY number DESC {limit}"
    )
    return [release_from_row(dict(zip(_COLUMNS, row, strict=True))) for row in rows]


def release_from_row(row: dict[str, Any]) -> Release:
    """Return a release from the columns of its row."""
    parsed = {name: json.loads(row[name] or "{}") for name in ("feeds", "categories")}
    run = row.pop("run_id")
    parsed |= {"run": run, "basis": row["basis"] or run, "pruned": bool(row.get("pruned"))}
    return Release(**{**row, **parsed})
