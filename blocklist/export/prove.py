"""Proof by reading back: the finished file must answer what the release's rows say."""

from pathlib import Path

import polars as pl

from blocklist.config import Export
from blocklist.errors import ExportFailed
from blocklist.export.expected import answer, expressible, room_for_names, rules
from blocklist.export.probes import probes
from blocklist.export.readers import REGISTRY, Reader
from blocklist.model import Kind, Scope


def prove(
    export: Export, path: Path, rows: pl.DataFrame, count: int, watched: pl.DataFrame
) -> None:
    """Read a finished file and ask it; raise `ExportFailed` at the first wrong answer.

    Asked are all of the operator's allows, what is `watched`, and a sample of the blocks, each with
    the names above, below and between. What is not blocked must pass in every target; what is
    blocked must be blocked where the target can say so.
    """
    reader = REGISTRY[export.target.dialect](path, export)
    if reader.count != count:
        raise ExportFailed(f"the new file lists {reader.count} entries where {count} were written")
    for kind in export.target.kinds:
        _ask(reader, kind, export, rows, watched)


def _ask(
    reader: Reader, kind: Kind, export: Export, rows: pl.DataFrame, watched: pl.DataFrame
) -> None:
    known = rows.filter(pl.col("kind") == kind.value, pl.col("action") == "allow")
    allows = [(value, Scope(scope)) for value, scope in known.select("value", "scope").iter_rows()]
    names = {value for value, _ in allows}
    # BIND takes a longer query for a name above it, which may be blocked on its own account.
    room = room_for_names(export)
    queries = [
        query for query in probes(kind, rows, watched) if len(query) <= room or query in names
    ]
    told = rules(kind, rows, queries)
    says = expressible(export, allows)
    blocked = reader.blocked(kind, queries)
    for query in queries:
        wanted = answer(kind, query, told, says)
        if wanted not in (None, query in blocked):
            fault = "would not block" if wanted else "would block"
            raise ExportFailed(
                f"the new file {fault} {query}, which is not what the release says; "
                "this is a fault of the program, please report it"
            )
