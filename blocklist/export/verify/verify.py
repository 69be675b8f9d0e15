"""Verify a finished file: read it back, compare its answers with the rows, run the checker."""

import logging
import os
from pathlib import Path

import polars as pl

from blocklist.config.exports import Export
from blocklist.errors import ExportFailed
from blocklist.export.registry import get_reader
from blocklist.export.render.canary import verify_canaries
from blocklist.export.render.state import ExportState
from blocklist.export.verify.expected import (
    collect_rules,
    make_can_express,
    must_block,
    must_pass,
)
from blocklist.export.verify.probes import select_probes
from blocklist.install.command import fill_words, find_program, run_command
from blocklist.model import Kind, Scope

logger = logging.getLogger(__name__)


def verify_export_file(
    export: Export,
    state: ExportState,
    path: Path,
    rows: pl.DataFrame,
    entry_count: int,
    must_verify: pl.DataFrame,
) -> None:
    """Read a finished file and query it; raise `ExportFailed` at the first wrong answer.

    `rows` are the rows that the file was rendered from. Queried are all allows of the operator, the
    values in `must_verify` and a sample of the blocks, each with the names above, below and
    between. A value that is not blocked must pass in every target. A blocked value must be blocked
    if the target can express the block.
    """
    kinds = export.target.row_kinds
    queries = {kind: _select_queries(kind, export, rows, must_verify) for kind in kinds}
    result = get_reader(export.target.dialect).read_file(path, export, queries)
    verify_canaries(export, state, result.canary_lines)
    if result.entry_count != entry_count:
        raise ExportFailed(
            f"the new file lists {result.entry_count} entries where {entry_count} were written"
        )
    for kind, kind_queries in queries.items():
        _compare_answers(kind, kind_queries, result.blocked_queries[kind], export, rows)
    if export.target.passes_names and result.passing_names is not None:
        _compare_passing(queries[Kind.DOMAIN], result.passing_names, export, rows)
    query_count = sum(map(len, queries.values()))
    logger.debug("export %s: %s answers %d queries as the release", export.name, path, query_count)


def run_checker(export: Export, path: Path) -> tuple[str, ...]:
    """Run the consumer's own checker on a finished file; return notes for the user.

    Raise `ExportFailed` with the checker's output when it refuses the file or does not end in time.
    A checker that is not installed, or that cannot work here, is no failure: the file was read back
    before.
    """
    if not export.target.check:
        return ()
    name, limit = export.target.check[0], export.target.check_timeout
    if find_program(name) is None:
        return (f"{name} is not installed, so it did not check the file",)
    words = fill_words(export.target.check, {"file": str(path), "zone": export.zone or ""})
    result = run_command(words, limit, os.environ, "check_timeout of the target")
    if not result.exit_code:
        logger.debug("export %s: %s accepts %s", export.name, name, path)
        return ()
    if any(excuse in result.output_text for excuse in export.target.check_cannot):
        return (f"{name} could not check the file here: {result.output_text.splitlines()[0]}",)
    raise ExportFailed(f"{name} refuses the new file:\n{result.failure_text}")


def _list_allows(kind: Kind, rows: pl.DataFrame) -> list[tuple[str, Scope]]:
    allows = rows.filter(pl.col("kind") == kind.value, pl.col("action") == "allow")
    return [(value, Scope(scope)) for value, scope in allows.select("value", "scope").iter_rows()]


def _select_queries(
    kind: Kind, export: Export, rows: pl.DataFrame, must_verify: pl.DataFrame
) -> list[str]:
    allowed = {value for value, _ in _list_allows(kind, rows)}
    # BIND looks a longer query up as a name above it, which may have a block of its own.
    max_length = export.max_name_length
    return [
        query
        for query in select_probes(kind, rows, must_verify)
        if len(query) <= max_length or query in allowed
    ]


def _compare_answers(
    kind: Kind, queries: list[str], blocked: set[str], export: Export, rows: pl.DataFrame
) -> None:
    rules = collect_rules(kind, rows, queries)
    can_express = make_can_express(export, _list_allows(kind, rows))
    for query in queries:
        expected = must_block(kind, query, rules, can_express)
        if expected not in (None, query in blocked):
            fault = "would not block" if expected else "would block"
            raise ExportFailed(
                f"the new file {fault} {query}, which is not what the release says; "
                "this is a fault of the program, please report it"
            )


def _compare_passing(
    queries: list[str], passing: set[str], export: Export, rows: pl.DataFrame
) -> None:
    rules = collect_rules(Kind.DOMAIN, rows, queries)
    operators = rows.filter(pl.col("policy") > 0) if "policy" in rows.columns else rows
    allows = set(_list_allows(Kind.DOMAIN, operators))
    for query in queries:
        expected = must_pass(query, rules, allows, export.max_name_length)
        if expected not in (None, query in passing):
            fault = "has no row that lets" if expected else "has a row that lets"
            raise ExportFailed(
                f"the new file {fault} {query} pass, which is not what the release says; "
                "this is a fault of the program, please report it"
            )
