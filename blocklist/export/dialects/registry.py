"""The families of formats, one module each: what stands at the head of a file, and its lines.

To add one: a module with `head` and `body`, a reader of its own in `export.readers`, and a line in
both registries.
"""

from typing import Protocol

import polars as pl

from blocklist.config.exports import Export
from blocklist.errors import ExportFailed
from blocklist.export.dialects import lines, nftables, rpz, rpz_ip
from blocklist.export.render.body import Body
from blocklist.export.render.state import ExportState


class Dialect(Protocol):
    """What a module of this folder offers."""

    def render_head(self, export: Export, state: ExportState, body: Body) -> list[str]:
        """Return the lines before the content: who wrote it, release, time, count, serial."""

    def render_body(self, export: Export, rows: pl.DataFrame) -> Body:
        """Return the content; raise `ExportFailed` when no safe one can be made."""


DIALECTS: dict[str, Dialect] = {
    "lines": lines,
    "nftables": nftables,
    "rpz": rpz,
    "rpz-ip": rpz_ip,
}


def get_dialect(name: str) -> Dialect:
    """Return a dialect by its name in a target's TOML."""
    if name not in DIALECTS:
        raise ExportFailed(f"unknown dialect {name!r}; known are {', '.join(sorted(DIALECTS))}")
    return DIALECTS[name]
