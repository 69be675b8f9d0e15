"""Status of the machine: configuration -> disk space, and whether the database can be written."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from blocklist.config.loader import Config
from blocklist.ledger.db.lock import lock_path
from blocklist.status.finding import Finding, fine, problem, warning

#: Bytes that a first run may need.
_MIN_FREE_BYTES = 256 << 20


def check_disk_space(config: Config) -> Iterator[Finding]:
    """Find disks that the next run may fill: it may write the whole ledger again."""
    size = config.database.stat().st_size if config.database.is_file() else 0
    needed = max(_MIN_FREE_BYTES, 2 * size)
    paths = [config.database, *(export.path for export in config.exports.values())]
    disks = {folder.stat().st_dev: folder for folder in map(find_existing, reversed(paths))}
    for folder in disks.values():
        free = shutil.disk_usage(folder).free
        what = f"{free >> 20:,} MiB are free, and a run may need {needed >> 20:,}"
        if free < needed:
            yield warning(what, folder, "make room, or move the database and the exports")
        else:
            yield fine(what, folder)


def check_database_rights(config: Config) -> Iterator[Finding]:
    """Find that the database, or a file that SQLite and runs need beside it, is read-only."""
    database, remedy = config.database, "let the user of the timer write there"
    if cause := explain_unwritable(database):
        what = f"cannot be written, so no run and no decision can be stored: {cause}"
        yield problem(what, database, f"{remedy}, or set another database")
    beside = [database.with_name(f"{database.name}-{part}") for part in ("wal", "shm")]
    for path in filter(Path.exists, [*beside, lock_path(database)]):
        if cause := explain_unwritable(path):
            yield problem(cause, path, f"{remedy}; {database.name} needs this file")


def explain_unwritable(path: Path) -> str | None:
    """Return why a file cannot be written at a path, or None if it can."""
    if path.is_dir():
        return "a folder is where a file should be"
    folder = find_existing(path.parent)
    if not folder.is_dir():
        return f"{folder} is a file, not a folder"
    unwritable = [p for p in (folder, path) if p.exists() and not os.access(p, os.W_OK)]
    return f"{unwritable[0]} cannot be written to" if unwritable else None


def find_existing(path: Path) -> Path:
    """Return the path itself, or the nearest folder above it that exists."""
    return next(p for p in (path, *path.absolute().parents) if p.exists())
