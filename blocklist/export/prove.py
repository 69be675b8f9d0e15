"""Proof by reading back: the finished file must answer what the release's rows say."""

from pathlib import Path

import polars as pl

from blocklist.config import Export
from blocklist.errors import ExportFailed
from blocklist.export import canary
from blocklist.export.expected import answer, expressible, room_for_names, rules
from blocklist.export.probes import probes
from blocklist.export.readers import REGISTRY
from blocklist.export.state import ExportState
from blocklist.model import Kind, Scope


def prove(
    export: Export,
    state: ExportState,
    path: Path,
    taken: pl.DataFrame,
    count: int,
    watched: pl.DataFrame,
) -> None:
    """Read a finished file and ask it; raise `ExportFailed` at the first wrong answer.

    Asked are all of the operator's allows, what is `watched`, and a sample of the blocks that were
    `taken`, each with the names above, below and between. What is not blocked must pass in every
    target; what is blocked must be blocked where the target can say so.
    """
    kinds = [Kind(kind) for kind in export.target.kinds]
    asked = {kind: _queries(kind, export, taken, watched) for kind in kinds}
    reading = REGISTRY[export.target.dialect](path, export, asked)
    canary.prove(export, state, reading.canaries)
    if reading.count != count:
        raise ExportFailed(f"the new file lists {reading.count} entries where {count} were written")
    for kind, queries in asked.items():
        _compare(kind, queries, reading.blocked[kind], export, taken)


def _allows(kind: Kind, rows: pl.DataFrame) -> list[tuple[str, Scope]]:
    known = rows.filter(pl.col("kind") == kind.value, pl.col("action") == "allow")
    return [(value, Scope(scope)) for value, scope in known.select("value", "scope").iter_rows()]


def _queries(kind: Kind, export: Export, rows: pl.DataFrame, watched: pl.DataFrame) -> list[str]:
    names = {value for value, _ in _allows(kind, rows)}
    # BIND takes a longer query for a name above it, which may be blocked on its own account.
    room = room_for_names(export)
    return [query for query in probes(kind, rows, watched) if len(query) <= room or query in names]


def _compare(
    kind: Kind, queries: list[str], blocked: set[str], export: Export, rows: pl.DataFrame
) -> None:
    told = rules(kind, rows, queries)
    says = expressible(export, _allows(kind, rows))
    for query in queries:
        wanted = answer(kind, query, told, says)
        if wanted not in (None, query in blocked):
            fault = "would not block" if wanted else "would block"
            raise ExportFailed(
                f"the new file {fault} {query}, which is not what the release says; "
                "this is a fault of the program, please report it"
            )
