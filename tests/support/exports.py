"""What the tests of exports share: releases as lines of text, and exports into a folder."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from blocklist.config.exports import Export
from blocklist.config.targets import load_targets
from blocklist.export.render.state import ExportResult, ExportState
from blocklist.export.update import export_one
from blocklist.frames.schemas import RELEASE

NOW = datetime(2026, 5, 3, 12, 30, tzinfo=UTC)
ZONE = "rpz.office.example"


def release(text: str) -> pl.DataFrame:
    """Make the rows of a release from lines such as `block subtree x.example` or `allow 192.0.2.1`.

    A line with two words is of kind ip, or url when it has two slashes.
    """
    rows = []
    for line in filter(None, map(str.strip, text.splitlines())):
        action, *scope, value = line.split(" ")
        kind = "domain" if scope else "url" if "//" in value else "ip"
        rows.append((kind, value, scope[0] if scope else "exact", action))
    return pl.DataFrame(rows, schema=RELEASE, orient="row")


def export_to(folder: Path, target: str, zone: str | None = None, **changes: object) -> Export:
    """Return an export of a shipped target, changed where told.

    It has neither checker nor canaries unless told.
    """
    known = load_targets(folder)[target]
    told = replace(known, **{"check": (), "canary": "", **changes})  # type: ignore[arg-type]
    zone = (zone or ZONE) if told.needs_zone else None
    return Export("office", told, folder / f"{target}.out", zone)


def run(
    export: Export, text: str, previous: ExportState | None = None, number: int = 7
) -> ExportResult:
    """Export a release that is given as text."""
    return export_one(export, release(text), number, previous, NOW)


def content(path: Path, comment: str = "#") -> list[str]:
    """Return the lines of a file that are no comments."""
    return [line for line in path.read_text().splitlines() if not line.startswith(comment)]
