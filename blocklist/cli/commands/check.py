"""Run `check`: names -> verdict, reason, cause and listings in the current or a past release."""

import sys
from collections.abc import Iterable, Iterator
from typing import Annotated

import typer

from blocklist import Answer, Answers
from blocklist.cli.options import EXIT_BLOCKED, JsonOption
from blocklist.cli.output import show_json, show_lines
from blocklist.cli.render.check_text import format_answer
from blocklist.cli.session import Session, get_session
from blocklist.cli.streams import warn
from blocklist.errors import UsageError
from blocklist.indicators.query import EXPLANATIONS
from blocklist.model import Reason, Verdict

_JSON_FIELDS = (
    "query",
    "kind",
    "verdict",
    "reason",
    "cause",
    "match",
    "listings",
    "release",
    "pending",
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
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Show every rule of the judge in order, what it matches, and which decides.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show whether names are blocked, by which feeds, since when and on what evidence.

    Exit code 0: nothing given is blocked. 1: something is. 2: something is no name at all.
    """
    session = get_session(context)
    if explain:
        _explain_names(session, names, at, as_json=as_json)
        return
    answers = session.blocklist.check(_read_queries(names), at=at)
    for answer in answers.invalid:
        _warn_if_invalid(answer)
    if as_json:
        show_json(list(map(_answer_to_dict, answers)))
    else:
        show_lines(_iter_texts(answers))
        if answers.release is None:
            session.show_status(
                "there was no release then, so nothing was blocked"
                if at
                else "there is no release yet, so nothing is blocked; run: blocklist run"
            )
    _exit_with_code(blocked=answers.any_blocked, invalid=bool(answers.invalid))


def _answer_to_dict(answer: Answer) -> dict[str, object]:
    return {name: getattr(answer, name) for name in _JSON_FIELDS}


def _exit_with_code(*, blocked: bool, invalid: bool) -> None:
    if blocked:
        raise typer.Exit(EXIT_BLOCKED)
    if invalid:
        raise typer.Exit(UsageError.exit_code)


def _explain_names(session: Session, names: list[str], at: str | None, *, as_json: bool) -> None:
    from blocklist.cli.render.explain_text import explanation_to_dict, format_explanation

    if at is not None:
        raise UsageError("give either --explain or --at: only the inputs of now can be explained")
    explanations = [session.blocklist.explain(name) for name in _read_queries(names)]
    answers = [one.answer for one in explanations]
    for answer in answers:
        _warn_if_invalid(answer)
    if as_json:
        show_json(
            [
                {**_answer_to_dict(one.answer), "explain": explanation_to_dict(one)}
                for one in explanations
            ]
        )
    else:
        show_lines(map(format_explanation, explanations))
    _exit_with_code(
        blocked=any(answer.verdict is Verdict.BLOCK for answer in answers),
        invalid=any(answer.reason is Reason.INVALID for answer in answers),
    )


def _warn_if_invalid(answer: Answer) -> None:
    if answer.reason is Reason.INVALID:
        why = EXPLANATIONS.get(answer.cause or "", answer.cause)
        warn(f"{answer.query!r} is no name, address or URL: {why}")


def _read_queries(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        if name == "-":
            yield from (line.strip() for line in sys.stdin if line.strip())
        else:
            yield name


def _iter_texts(answers: Answers) -> Iterator[str]:
    if answers.batch is None:
        return map(format_answer, answers)
    from blocklist.cli.render.check_table import iter_answer_texts

    return iter_answer_texts(answers, answers.batch)
