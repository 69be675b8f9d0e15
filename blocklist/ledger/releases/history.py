"""Read releases without their verdicts: connection -> `Release` objects; sqlite3 only."""

import json
import sqlite3
from dataclasses import dataclass, field
from typing import Any

from blocklist.ledger.db.connection import HISTORY_VERSION, schema_version

# What a release has in tables of its own columns, and what `run` says of it.
_BASE_COLUMNS = ("number", "run_id", "created", "cause", "blocked", "held", "added", "removed")
_HISTORY_COLUMNS = ("reason", "basis", "origin", "serial", "pruned", "feeds", "categories", "who")

#: How a feed stood when a release was built: its `state` and how many `entries` it had.
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
    #: Why a person published it, where one did: an accepted candidate, a rollback.
    reason: str | None = None
    #: The release whose content it has again, after a rollback.
    origin: int | None = None
    #: The highest serial of a zone that was rendered from it.
    serial: int | None = None
    #: Whether its content was pruned, so that only this row tells of it.
    pruned: bool = False
    #: The feeds that it was made of, and how they stood.
    feeds: dict[str, FeedSnapshot] = field(default_factory=dict)
    #: How many indicators are blocked that feeds of a category list.
    categories: dict[str, int] = field(default_factory=dict)
    who: str | None = None
    #: The run that published it, and the one after which feeds listed what it was judged from.
    run: int = 0
    basis: int = 0


def list_releases(reader: sqlite3.Connection) -> list[Release]:
    """Return all releases, newest first."""
    return _select_releases(reader, "")


def current_release(reader: sqlite3.Connection) -> Release | None:
    """Return the release in force."""
    return next(iter(_select_releases(reader, "LIMIT 1")), None)


def _select_releases(reader: sqlite3.Connection, limit: str) -> list[Release]:
    # A database that nothing has written to since an upgrade is still read.
    later = _HISTORY_COLUMNS if schema_version(reader) >= HISTORY_VERSION else ()
    rows = reader.execute(
        f"SELECT {', '.join([*_BASE_COLUMNS, *later])} FROM release JOIN run ON run.id = run_id "
        f"ORDER BY number DESC {limit}"
    )
    return [release_from_row(dict(zip([*_BASE_COLUMNS, *later], row, strict=True))) for row in rows]


def release_from_row(row: dict[str, Any]) -> Release:
    """Return a release from the columns of its row."""
    told = {name: json.loads(str(row.get(name) or "{}")) for name in ("feeds", "categories")}
    run = row.pop("run_id")
    told |= {"run": run, "basis": row.get("basis") or run, "pruned": bool(row.get("pruned"))}
    return Release(**{**row, **told})
