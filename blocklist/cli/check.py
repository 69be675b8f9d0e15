"""`check`: what the release in force does about a name, and why."""

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blocklist.cli.session import Json, readable, session, show, show_json, warn
from blocklist.errors import UsageError
from blocklist.model import Reason, Verdict

if TYPE_CHECKING:
    from sqlite3 import Connection

    from blocklist.check import Answer
    from blocklist.judge.explain import Score

_FIELDS = (
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


def check(
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
    as_json: Json = False,
) -> None:
    """Say whether names are blocked, by whom, since when and on what evidence.

    Exit code 0: nothing given is blocked; 1: something is; 2: something is no name at all.
    """
    from blocklist.check import located
    from blocklist.ledger.connection import reading

    current = session(context)
    with reading(current.database) as connection, current.atlas as atlas:
        answers = [located(one, atlas) for one in _answers(_queries(names), connection, at)]
    if as_json:
        show_json([{name: getattr(a, name) for name in _FIELDS} for a in answers])
    else:
        for answer in answers:
            _show(answer)
        if answers and answers[0].release is None:
            then = "was no release then" if at else "is no release yet"
            session(context).say(f"there {then}, so nothing is blocked; run: blocklist run")
    if any(answer.verdict is Verdict.BLOCK for answer in answers):
        raise typer.Exit(1)
    if any(answer.reason is Reason.INVALID for answer in answers):
        raise typer.Exit(UsageError.exit_code)


def _queries(names: list[str]) -> Iterator[str]:
    for name in names:
        if name == "-":
            yield from (line.strip() for line in sys.stdin if line.strip())
        else:
            yield name


def _answers(
    queries: Iterable[str], connection: "Connection | None", at: str | None
) -> Iterator["Answer"]:
    from blocklist import check as checker
    from blocklist.ledger.lookup import Lookup
    from blocklist.ledger.moments import moment

    lookup = None
    if connection is not None:
        lookup = Lookup(connection, None if at is None else moment(connection, at))
    for query in queries:
        answer = checker.check(query, lookup)
        if answer.reason is Reason.INVALID:
            warn(f"{query!r} is no name, address or URL: {answer.cause}")
        yield answer


def _show(answer: "Answer") -> None:
    match = (
        f", by {readable(answer.match.indicator)} ({answer.match.scope})" if answer.match else ""
    )
    cause = f": {answer.cause}" if answer.cause else ""
    show(f"{answer.query}: {answer.verdict} ({answer.reason}{cause}){match}")
    if answer.score:
        show(f"  {_told(answer.score)}")
    for listing in answer.listings:
        until = f" until {listing.until}" if listing.until else ""
        seen = f" as {listing.evidence}" if listing.evidence != answer.query else ""
        show(f"  {listing.feed}: {listing.scope}, since {listing.since}{until}{seen}")
    if answer.facts:
        show(f"  {_seen(answer.facts)}")


def _seen(facts: dict[str, Any]) -> str:
    """Return in words what DNS said of a name or address, and where it is."""
    places = {place["address"]: _place(place) for place in facts.get("places", ())}
    if "state" not in facts:
        return "; ".join(_of_address(facts, *places.values()))
    addresses = (f"{one} ({places[one]})" if places.get(one) else one for one in facts["addresses"])
    at = ", ".join(addresses) or facts["answer"] or "no answer yet"
    looked = f", seen {facts['checked']}" if facts["checked"] else ""
    return f"{facts['state']} since {facts['since']}: {at}{looked}"


def _of_address(facts: dict[str, Any], *places: str) -> Iterator[str]:
    yield from (f"where: {place}" for place in places)
    if "evidence" in facts:
        yield facts["evidence"]
        if facts["not_blocked"]:
            yield f"not blocked for its names: {facts['not_blocked']}"
        else:
            yield f"blocked for its names until {facts['until']}"


def _place(place: dict[str, Any]) -> str:
    from blocklist.geo import Place

    return str(Place(place["country"], place["asn"], place["operator"])) or "unknown"


def _told(score: "Score") -> str:
    """Return in words how a score came about, the most reliable voice first."""
    voices = []
    for voice in sorted(score.voices, key=lambda voice: -voice.reliability):
        echoes = f" (echoed by {', '.join(voice.echoes)})" if voice.echoes else ""
        voices.append(f"{voice.feed} {voice.reliability:.2g}{echoes}")
    late = (f"{feed} has faded, {days} days overdue" for feed, days in score.overdue.items())
    return "; ".join([f"score {score.score:.2f}: {', '.join(voices)}", *late])
