"""Run `check`: names -> verdict, reason, cause and listings in the current or a past release."""

import sys
from collections.abc import Iterable, Iterator
from io import BufferedReader
from typing import Annotated

import typer

from blocklist import Answer, Answers
from blocklist.cli.help import list_words
from blocklist.cli.options import EXIT_BLOCKED, JsonOption
from blocklist.cli.output import (
    encode_json,
    show_json,
    show_json_lines,
    show_json_list,
    show_wrapped,
)
from blocklist.cli.render.check_text import format_answer
from blocklist.cli.session import Session, get_session
from blocklist.cli.streams import warn
from blocklist.errors import UsageError
from blocklist.indicators.query import EXPLANATIONS
from blocklist.model import Reason, Verdict

#: Characters of a query that a message shows, at most.
_MAX_SHOWN = 300
#: Bytes of stdin that are answered at a time, at most.
_BLOCK_BYTES = 1 << 20
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


def check_command(  # noqa: PLR0913, PLR0917 (an option each)
    context: typer.Context,
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME...",
            help="Domains, addresses, networks or URLs; - reads them from stdin, one a line.",
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
    only: Annotated[
        Verdict | None,
        typer.Option(
            metavar="VERDICT",
            help=f"Show only the answers with this verdict: {list_words(Verdict)}.",
        ),
    ] = None,
    as_json: JsonOption = False,
    as_lines: Annotated[
        bool,
        typer.Option("--jsonl", help="Print one JSON object a line, each as soon as it is known."),
    ] = False,
) -> None:
    """Show whether names are blocked, by which feeds, since when and on what evidence.

    Exit code 0: nothing given is blocked. 1: something is. 2: something is no name at all, whatever
    the others are.
    """
    session = get_session(context)
    if as_lines:
        _check_lines(session, names, at, only, others=explain or as_json)
        return
    if explain:
        if only is not None:
            raise UsageError("give either --explain or --only")
        _explain_names(session, names, at, as_json=as_json)
        return
    answers = session.blocklist.check(_read_queries(names), at=at)
    for answer in answers.invalid:
        _warn_if_invalid(answer)
    if as_json:
        show_json_list("answers", _iter_jsons(answers, only))
    else:
        show_wrapped(_iter_texts(answers, only))
        if answers.release is None:
            session.show_status(
                "there was no release then, so nothing was blocked"
                if at
                else "there is no release yet, so nothing is blocked; run: blocklist run"
            )
    _exit_with_code(blocked=answers.any_blocked, invalid=bool(answers.invalid))


def _check_lines(
    session: Session, names: list[str], at: str | None, only: Verdict | None, *, others: bool
) -> None:
    """Answer block by block, so that a stream of names gets its answers while it goes on."""
    if others:
        raise UsageError("give --jsonl alone, without --json and --explain")
    blocked = invalid = False
    for queries in _read_blocks(names):
        answers = session.blocklist.check(queries, at=at)
        for answer in answers.invalid:
            _warn_if_invalid(answer)
        show_json_lines(_iter_jsons(answers, only))
        blocked, invalid = blocked or answers.any_blocked, invalid or bool(answers.invalid)
    _exit_with_code(blocked=blocked, invalid=invalid)


def _read_blocks(names: Iterable[str]) -> Iterator[list[str]]:
    """Yield the names, and those on stdin in blocks: what is there each time it is looked at."""
    for name in names:
        if name != "-":
            yield [name]
            continue
        rest = b""
        while block := _read_available():
            *lines, rest = (rest + block).split(b"\n")
            if queries := _decode_lines(lines):
                yield queries
        if queries := _decode_lines([rest]):
            yield queries


def _read_available() -> bytes:
    stream = sys.stdin.buffer
    return stream.read1(_BLOCK_BYTES) if isinstance(stream, BufferedReader) else stream.read()


def _decode_lines(lines: list[bytes]) -> list[str]:
    texts = (line.decode(errors="surrogateescape").strip() for line in lines)
    return [text for text in texts if text]


def _iter_jsons(answers: Answers, only: Verdict | None) -> Iterator[str]:
    if answers.batch is None:
        return (answer_to_json(answer) for answer in answers if _is_shown(answer, only))
    from blocklist.cli.render.check_json import iter_answer_jsons

    return iter_answer_jsons(
        answers,
        answers.batch,
        only,
        lambda answer: answer_to_json(answer) if _is_shown(answer, only) else None,
    )


def answer_to_json(answer: Answer) -> str:
    """Return the JSON object of an answer, as text of one line."""
    return encode_json(_answer_to_dict(answer))


def _is_shown(answer: Answer, only: Verdict | None) -> bool:
    """Return whether an answer has the verdict that is asked for; what is no name has none."""
    if only is None:
        return True
    return answer.verdict is only and answer.reason is not Reason.INVALID


def _answer_to_dict(answer: Answer) -> dict[str, object]:
    values = {name: getattr(answer, name) for name in _JSON_FIELDS}
    if answer.reason is Reason.INVALID:
        values["verdict"] = None  # nothing was looked up, and "clear" would be believed
    return values


def _exit_with_code(*, blocked: bool, invalid: bool) -> None:
    if invalid:  # first, because a script that takes 1 for an answer would not see it
        raise typer.Exit(UsageError.exit_code)
    if blocked:
        raise typer.Exit(EXIT_BLOCKED)


def _explain_names(session: Session, names: list[str], at: str | None, *, as_json: bool) -> None:
    from blocklist.cli.render.explain_text import explanation_to_dict, format_explanation

    if at is not None:
        raise UsageError("give either --explain or --at: only the inputs of now can be explained")
    explanations = [session.blocklist.explain(name) for name in _read_queries(names)]
    answers = [one.answer for one in explanations]
    for answer in answers:
        _warn_if_invalid(answer)
    if as_json:
        answered = [
            {**_answer_to_dict(one.answer), "explain": explanation_to_dict(one)}
            for one in explanations
        ]
        show_json({"answers": answered})
    else:
        show_wrapped(map(format_explanation, explanations))
    _exit_with_code(
        blocked=any(answer.verdict is Verdict.BLOCK for answer in answers),
        invalid=any(answer.reason is Reason.INVALID for answer in answers),
    )


def _warn_if_invalid(answer: Answer) -> None:
    if answer.reason is Reason.INVALID:
        why = EXPLANATIONS.get(answer.cause or "", answer.cause)
        more = "..." if len(answer.query) > _MAX_SHOWN else ""
        warn(f"{answer.query[:_MAX_SHOWN]!r}{more} is no name, address or URL: {why}")


def _read_queries(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        if name == "-":
            yield from (line.strip() for line in sys.stdin if line.strip())
        else:
            yield name


def _iter_texts(answers: Answers, only: Verdict | None) -> Iterator[str]:
    if only is not None:
        return (format_answer(answer) for answer in answers if _is_shown(answer, only))
    if answers.batch is None:
        return map(format_answer, answers)
    from blocklist.cli.render.check_table import iter_answer_texts

    return iter_answer_texts(answers, answers.batch)
