"""Verify a finished file: read it back and compare its answers with the release's rows."""

from pathlib import Path

import polars as pl

from blocklist.config.exports import Export
from blocklist.errors import ExportFailed
from blocklist.export.readers.registry import READERS
from blocklist.export.render.canary import verify_canaries
from blocklist.export.render.state import ExportState
from blocklist.export.verify.expected import (
    collect_rules,
    make_can_express,
    must_block,
    name_length_limit,
)
from blocklist.export.verify.probes import select_probes
from blocklist.model import Kind, Scope


def verify_export_file(
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
    asked = {kind: _select_queries(kind, export, taken, watched) for kind in kinds}
    reading = READERS[export.target.dialect](path, export, asked)
    verify_canaries(export, state, reading.canary_lines)
    if reading.entry_count != count:
        raise ExportFailed(
            f"the new file lists {reading.entry_count} entries where {count} were written"
        )
    for kind, queries in asked.items():
        _compare_answers(kind, queries, reading.blocked_queries[kind], export, taken)


def _list_allows(kind: Kind, rows: pl.DataFrame) -> list[tuple[str, Scope]]:
    known = rows.filter(pl.col("kind") == kind.value, pl.col("action") == "allow")
    return [(value, Scope(scope)) for value, scope in known.select("value", "scope").iter_rows()]


def _select_queries(
    kind: Kind, export: Export, rows: pl.DataFrame, watched: pl.DataFrame
) -> list[str]:
    names = {value for value, _ in _list_allows(kind, rows)}
    # BIND takes a longer query for a name above it, which may be blocked on its own account.
    room = name_length_limit(export)
    return [
        query
        for query in select_probes(kind, rows, watched)
        if len(query) <= room or query in names
    ]


def _compare_answers(
    kind: Kind, queries: list[str], blocked: set[str], export: Export, rows: pl.DataFrame
) -> None:
    told = collect_rules(kind, rows, queries)
    says = make_can_express(export, _list_allows(kind, rows))
    for query in queries:
        wanted = must_block(kind, query, told, says)
        if wanted not in (None, query in blocked):
            fault = "would not block" if wanted else "would block"
            raise ExportFailed(
                f"the new file {fault} {query}, which is not what the release says; "
                "this is a fault of the program, please report it"
            )
