"""Load dialects and their readers: name -> module, built-in or of another distribution.

To add a built-in dialect, write a module in `export/dialects/`, and a module of the same name in
`export/readers/`. A plugin is one module with the functions of both.
"""

from pathlib import Path
from typing import Protocol, cast

import polars as pl

from blocklist.config.exports import Export
from blocklist.export.readers.reading import Queries, ReadResult
from blocklist.export.render.body import Body
from blocklist.export.render.state import ExportState
from blocklist.plugins import DIALECT_EXTENSIONS, READER_EXTENSIONS


class Dialect(Protocol):
    """The functions of a module that renders a family of file formats."""

    def render_head(self, export: Export, state: ExportState, body: Body) -> list[str]:
        """Return the lines before the content: program, release, time, count, serial."""

    def render_body(self, export: Export, rows: pl.DataFrame) -> Body:
        """Return the content; raise `ExportFailed` if no safe content can be rendered."""


class Reader(Protocol):
    """The function of a module that reads the files of a dialect back."""

    def read_file(self, path: Path, export: Export, queries: Queries) -> ReadResult:
        """Read a file once as its consumer would; raise `ExportFailed` for an unknown line."""


def get_dialect(name: str) -> Dialect:
    """Return a dialect by its name in a target's TOML.

    Raise `ConfigError` for unknown names, and `PluginError` for a plugin that cannot be loaded.
    """
    return cast(Dialect, DIALECT_EXTENSIONS.load(name))


def get_reader(name: str) -> Reader:
    """Return the reader of a dialect; raise as `get_dialect` does."""
    return cast(Reader, READER_EXTENSIONS.load(name))
