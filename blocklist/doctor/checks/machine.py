"""Check the machine: folders, disk space, system resolver and lock -> findings."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from blocklist.config.loader import Config
from blocklist.doctor.finding import Finding, problem, warning
from blocklist.doctor.registry import config_check
from blocklist.ledger.db.lock import find_lock_holder, lock_path

#: Bytes that a first run may need.
_MIN_FREE_BYTES = 256 << 20


@config_check("folders")
def check_folders(config: Config) -> Iterator[Finding]:
    """Find paths of the ledger and the exports that cannot be written."""
    paths = {"database": config.database}
    paths |= {f"exports.{name}.path": export.path for name, export in config.exports.items()}
    for key, path in paths.items():
        cause = _explain_unwritable(path)
        if cause:
            yield problem(cause, path, f"let this user write there, or set another {key}")
    name = config.database.name
    beside = [config.database.with_name(f"{name}-{part}") for part in ("wal", "shm")]
    for path in filter(Path.exists, [*beside, lock_path(config.database)]):
        cause = _explain_unwritable(path)
        if cause:
            yield problem(cause, path, f"let this user write there; {name} needs this file")


def _explain_unwritable(path: Path) -> str | None:
    if path.is_dir():
        return "a folder is where a file should be"
    folder = _find_existing(path.parent)
    if not folder.is_dir():
        return f"{folder} is a file, not a folder"
    unwritable = [p for p in (folder, path) if p.exists() and not os.access(p, os.W_OK)]
    return f"{unwritable[0]} cannot be written to" if unwritable else None


def _find_existing(path: Path) -> Path:
    """Return the path itself, or the nearest folder above it that exists."""
    return next(p for p in (path, *path.absolute().parents) if p.exists())


@config_check("disk")
def check_disk_space(config: Config) -> Iterator[Finding]:
    """Find disks that the next run may fill: it may write the whole ledger again."""
    size = config.database.stat().st_size if config.database.is_file() else 0
    needed = max(_MIN_FREE_BYTES, 2 * size)
    paths = [config.database, *(export.path for export in config.exports.values())]
    disks = {folder.stat().st_dev: folder for folder in map(_find_existing, reversed(paths))}
    for folder in disks.values():
        free = shutil.disk_usage(folder).free
        if free < needed:
            what = f"{free >> 20:,} MiB are free, and a run may need {needed >> 20:,}"
            yield warning(what, folder, "make room, or move the database and the exports")


@config_check("resolver")
def check_system_resolver(_config: Config) -> Iterator[Finding]:
    """Find that the system has no resolver, which remote feeds and `resolve` need."""
    import dns.exception
    import dns.resolver

    try:
        servers = dns.resolver.Resolver().nameservers
    except dns.exception.DNSException:
        servers = []
    if not servers:
        what = "the system names no resolver, so no feed on the network can be reached"
        yield problem(what, "/etc/resolv.conf", "name one there, as in: nameserver 192.0.2.53")


@config_check("lock")
def check_lock(config: Config) -> Iterator[Finding]:
    """Find another command that is writing: nothing else can write until it has ended."""
    holder = find_lock_holder(config.database)
    if holder:
        what = f"in use by {holder}"
        yield warning(what, lock_path(config.database), "wait until it has ended")
