"""Run `check`: names -> verdict, reason, cause and listings in the current or a past release."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blocklist.cli.render.check_text import format_answer
from blocklist.cli.session import JsonOption, get_session, show_json, show_lines
from blocklist.cli.streams import warn
from blocklist.errors import UsageError
from blocklist.model import Reason, Verdict

if TYPE_CHECKING:
    from blocklist.check.batch import BatchAnswers
    from blocklist.check.single import Answer

#: Fewer queries are answered sooner one at a time.
_BATCH_MINIMUM = 2_000
_JSON_FIELDS = (
    "query",
    "kind",
    "verdict",
    "reason",
    "cause",
    "match",
    "listings",
    "release",
    "facts",
    "score",
)


def check_command(
    context: typer.Context,
    names: Annotated[
        list[str], typer.Argument(help="Domains, URLs, addresses or networks; - reads stdin.")
    ],
    at: Annotated[
        str | None,
        typer.Option(
            metavar="WHEN",
            help="As it was then: 2026-05-03 (its end), 2026-05-03T18:00, a release.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say whether names are blocked, by whom, since when and on what evidence.

    Exit code 0: nothing given is blocked; 1: something is; 2: something is no name at all.
    """
    from blocklist.check.single import add_locations

    current = get_session(context)
    queries, found = list(_read_queries(names)), _CheckSummary()
    with current.geoip as atlas:
        answers = _answer_queries(queries, current.database, at, found, as_json=as_json)
        report = [one if isinstance(one, str) else add_locations(one, atlas) for one in answers]
    if as_json:
        show_json([{name: getattr(one, name) for name in _JSON_FIELDS} for one in report])
    else:
        show_lines(one if isinstance(one, str) else format_answer(one) for one in report)
        if found.any_unreleased:
            then = "was no release then" if at else "is no release yet"
            current.show_status(f"there {then}, so nothing is blocked; run: blocklist run")
    if found.any_blocked:
        raise typer.Exit(1)
    if found.any_invalid:
        raise typer.Exit(UsageError.exit_code)


@dataclass
class _CheckSummary:
    """What is told of all answers together."""

    any_blocked: bool = False
    any_invalid: bool = False
    any_unreleased: bool = False


def _read_queries(names: list[str]) -> Iterator[str]:
    for name in names:
        if name == "-":
            yield from (line.strip() for line in sys.stdin if line.strip())
        else:
            yield name


def _answer_queries(
    queries: list[str], database: Path, at: str | None, found: _CheckSummary, *, as_json: bool
) -> Iterator["Answer | str"]:
    """Yield the answers in order, or the texts of those that need no more than that."""
    from blocklist.check import single as checker
    from blocklist.ledger.db.connection import open_read_only
    from blocklist.ledger.lookup import LedgerLookup
    from blocklist.ledger.point_in_time import parse_point_in_time

    many = _answer_batch(queries, database, at) if len(queries) >= _BATCH_MINIMUM else None
    if many is not None:
        found.any_blocked, found.any_unreleased = many.any_blocked, many.release is None
    ready = repeat(None) if many is None else _iter_batch(many, as_json=as_json)
    with open_read_only(database) as connection:
        lookup = None
        if connection is not None:
            lookup = LedgerLookup(
                connection, None if at is None else parse_point_in_time(connection, at)
            )
        for query, known in zip(queries, ready, strict=False):
            if isinstance(known, str):
                yield known
                continue
            answer = known or checker.check_one(query, lookup)
            found.any_blocked |= answer.verdict is Verdict.BLOCK
            found.any_unreleased |= answer.release is None
            if answer.reason is Reason.INVALID:
                found.any_invalid = True
                warn(f"{query!r} is no name, address or URL: {answer.cause}")
            yield answer


def _answer_batch(queries: list[str], database: Path, at: str | None) -> "BatchAnswers | None":
    """Return the answers to many queries as columns; None where there is no ledger yet."""
    from blocklist.check.batch import check_many
    from blocklist.ledger.db.connection import open_read_only
    from blocklist.ledger.db.transaction import read_transaction
    from blocklist.ledger.lookup import LedgerLookup
    from blocklist.ledger.point_in_time import parse_point_in_time

    with open_read_only(database) as connection:
        if connection is None:
            return None
    with read_transaction(database) as transaction:
        then = None if at is None else parse_point_in_time(transaction.connection, at)
        lookup = LedgerLookup(transaction.connection, then)
        release, votes = lookup.release_number(), lookup.feed_weights()
        return check_many(queries, transaction, votes, release, then)


def _iter_batch(many: "BatchAnswers", *, as_json: bool) -> Iterator["Answer | str | None"]:
    """Yield answers or their texts, and None for a query that is to be asked by itself."""
    from blocklist.cli.render.check_table import render_batch_answers

    if as_json:
        yield from many.iter_answers()
        return
    shown = render_batch_answers(many)
    others = many.iter_answers(shown.is_null())
    for text in shown:
        yield next(others) if text is None else text
