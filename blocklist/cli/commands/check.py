"""Run `check`: names -> verdict, reason, cause and listings in the current or a past release."""

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from blocklist.cli.options import EXIT_BLOCKED, JsonOption
from blocklist.cli.output import show_json, show_lines
from blocklist.cli.render.check_text import format_answer
from blocklist.cli.session import get_session
from blocklist.cli.streams import warn
from blocklist.errors import UsageError

if TYPE_CHECKING:
    from blocklist import Answers

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
        list[str],
        typer.Argument(
            help="Domains, addresses, networks or URLs; - reads them from stdin, one a line."
        ),
    ],
    at: Annotated[
        str | None,
        typer.Option(
            metavar="WHEN",
            help="Answer as of then: a date such as 2026-05-03 (its end), a time such as "
            "2026-05-03T18:00 (UTC), or the number of a release.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show whether names are blocked, by which feeds, since when and on what evidence.

    Exit code 0: nothing given is blocked. 1: something is. 2: something is no name at all.
    """
    session = get_session(context)
    answers = session.blocklist.check(_read_queries(names), at=at)
    for answer in answers.invalid:
        warn(f"{answer.query!r} is no name, address or URL: {answer.cause}")
    if as_json:
        show_json([{name: getattr(one, name) for name in _JSON_FIELDS} for one in answers])
    else:
        show_lines(_iter_texts(answers))
        if answers.release is None:
            then = "was no release then" if at else "is no release yet"
            session.show_status(f"there {then}, so nothing is blocked; run: blocklist run")
    if answers.any_blocked:
        raise typer.Exit(EXIT_BLOCKED)
    if answers.invalid:
        raise typer.Exit(UsageError.exit_code)


def _read_queries(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        if name == "-":
            yield from (line.strip() for line in sys.stdin if line.strip())
        else:
            yield name


def _iter_texts(answers: "Answers") -> Iterator[str]:
    if answers.batch is None:
        return map(format_answer, answers)
    from blocklist.cli.render.check_table import iter_answer_texts

    return iter_answer_texts(answers, answers.batch)
