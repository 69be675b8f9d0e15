"""Helpers for tests of exports: releases as lines of text, and exports into a folder."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from blocklist.config.exports import Export
from blocklist.config.targets import load_targets
from blocklist.export.render.state import ExportResult, ExportState
from blocklist.export.update import export_one
from blocklist.frames.schemas import RELEASE

#: A configuration with a list and a zone.
TWO_EXPORTS = """
[feeds.mine]
url = "mine.txt"
format = "domains"
[exports.names]
target = "domains"
path = "out/names"
[exports.dns]
target = "rpz"
path = "out/db.rpz"
zone = "rpz.test"
"""
NOW = datetime(2026, 5, 3, 12, 30, tzinfo=UTC)
ZONE = "rpz.office.example"


def release(text: str) -> pl.DataFrame:
    """Return the rows of lines such as `block subtree x.example` or `allow 192.0.2.1`.

    A line of two words is of the kind ip, or url if it has two slashes.
    """
    rows = []
    for line in filter(None, map(str.strip, text.splitlines())):
        action, *scope, value = line.split(" ")
        kind = "domain" if scope else "url" if "//" in value else "ip"
        rows.append((kind, value, scope[0] if scope else "exact", action))
    return pl.DataFrame(rows, schema=RELEASE, orient="row")


def export_to(folder: Path, target: str, zone: str | None = None, **changes: object) -> Export:
    """Return an export of a shipped target with some changed keys.

    By default it has no checker and no canaries.
    """
    keys = {"check": (), "canary": "", **changes}
    changed = replace(load_targets(folder)[target], **keys)  # type: ignore[arg-type]
    zone = (zone or ZONE) if changed.needs_zone else None
    return Export("office", changed, folder / f"{target}.out", zone=zone)


def run(
    export: Export, text: str, previous: ExportState | None = None, number: int = 7
) -> ExportResult:
    """Export a release, given as text."""
    return export_one(export, release(text), number, previous, NOW)


def content(path: Path, comment: str = "#") -> list[str]:
    """Return the lines of a file without comments."""
    return [line for line in path.read_text().splitlines() if not line.startswith(comment)]


def read_folder(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """Return content, inode and time of each file in a folder, hidden files included."""
    if not folder.exists():
        return {}
    return {
        path.name: (path.read_bytes(), path.stat().st_ino, path.stat().st_mtime_ns)
        for path in folder.iterdir()
    }
