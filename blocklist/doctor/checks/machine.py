"""Checks of the machine: folders, disk space, system resolver and lock -> findings."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from blocklist.config.loader import Config
from blocklist.doctor.finding import Finding, problem, warning
from blocklist.ledger.db.lock import find_lock_holder, lock_path

#: What is left for a first run, in bytes.
_MIN_FREE_BYTES = 256 << 20


def check_folders(config: Config) -> Iterator[Finding]:
    """Find places that the ledger and the exports cannot be written to."""
    places = {"database": config.database}
    places |= {f"exports.{name}.path": export.path for name, export in config.exports.items()}
    for key, path in places.items():
        cause = _explain_unwritable(path)
        if cause:
            yield problem(cause, path, f"let this user write there, or set another {key}")


def _explain_unwritable(path: Path) -> str | None:
    if path.is_dir():
        return "a folder is where a file should be"
    folder = _find_existing(path.parent)
    if not folder.is_dir():
        return f"{folder} is a file, not a folder"
    closed = [place for place in (folder, path) if place.exists() and not os.access(place, os.W_OK)]
    return f"{closed[0]} cannot be written to" if closed else None


def _find_existing(path: Path) -> Path:
    """Return the path, or what there is above it."""
    return next(place for place in (path, *path.absolute().parents) if place.exists())


def check_disk_space(config: Config) -> Iterator[Finding]:
    """Find disks that the next run may fill, for it may write all of the ledger anew."""
    size = config.database.stat().st_size if config.database.is_file() else 0
    needed = max(_MIN_FREE_BYTES, 2 * size)
    places = [config.database, *(export.path for export in config.exports.values())]
    disks = {folder.stat().st_dev: folder for folder in map(_find_existing, reversed(places))}
    for folder in disks.values():
        free = shutil.disk_usage(folder).free
        if free < needed:
            what = f"{free >> 20:,} MiB are free, and a run may need {needed >> 20:,}"
            yield warning(what, folder, "make room, or move the database and the exports")


def check_system_resolver(config: Config) -> Iterator[Finding]:
    """Find that names cannot be resolved: neither feeds on the network, nor facts."""
    import dns.exception
    import dns.resolver

    del config
    try:
        known = dns.resolver.Resolver().nameservers
    except dns.exception.DNSException:
        known = []
    if not known:
        what = "the system names no resolver, so no feed on the network can be reached"
        yield problem(what, "/etc/resolv.conf", "name one there, as in: nameserver 192.0.2.53")


def check_lock(config: Config) -> Iterator[Finding]:
    """Find another command that writes just now, for nothing else can until it has ended."""
    holder = find_lock_holder(config.database)
    if holder:
        what = f"in use by {holder}"
        yield warning(what, lock_path(config.database), "wait until it has ended")
