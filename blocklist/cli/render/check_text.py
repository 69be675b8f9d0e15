"""Render one answer of `check`: answer -> lines of text."""

from collections.abc import Iterator
from typing import Any

from blocklist import Answer, PendingChange, ScoreExplanation
from blocklist.cli.output import format_indicator
from blocklist.geoip import GeoLocation
from blocklist.indicators.query import parse_typed
from blocklist.model import Kind, Reason, Verdict
from blocklist.text import escape_unprintable


def format_answer(answer: Answer) -> str:
    """Return the text of an answer, printable and without a line end."""
    return "\n".join(map(escape_unprintable, format_answer_lines(answer)))


def format_answer_lines(answer: Answer) -> Iterator[str]:
    """Yield the lines about an answer."""
    match = (
        f", by {format_indicator(answer.match.indicator)} ({answer.match.scope})"
        if answer.match
        else ""
    )
    # "clear" would be taken for an answer, and nothing was looked up.
    verdict = "not looked up" if answer.reason is Reason.INVALID else answer.verdict
    yield f"{_format_query(answer)}: {verdict} ({_format_reason(answer)}){match}"
    if answer.pending:
        yield f"  {_format_pending(answer.pending)}"
    if answer.score:
        yield f"  {format_score(answer.score)}"
    for listing in answer.listings:
        until = f" until {listing.until}" if listing.until else ""
        evidence = f" as {listing.evidence}" if listing.evidence != answer.query else ""
        yield f"  {listing.feed}: {listing.scope}, since {listing.since}{until}{evidence}"
    if answer.facts:
        yield f"  {_format_facts(answer.facts)}"


def _format_reason(answer: Answer) -> str:
    """Return the reason and its cause; the cause alone for what feeds list all the same."""
    if answer.reason is Reason.UNLISTED and answer.cause:
        return answer.cause
    return f"{answer.reason}: {answer.cause}" if answer.cause else answer.reason


def _format_pending(change: PendingChange) -> str:
    """Return in a sentence what the next publication changes."""
    entry = f"{format_indicator(change.value)}, {change.scope}"
    if not change.begins:
        return f"your {change.action} entry ({entry}) has ended; that counts from the next run"
    verb = "allowed" if change.action is Verdict.ALLOW else "blocked"
    return f"you {verb} this ({entry}); it counts from the next run"


def _format_query(answer: Answer) -> str:
    """Return the query, with the name that was looked up if a part of the query was left out."""
    if answer.kind in (None, Kind.URL) or not {"@", ":"} & set(answer.query):
        return answer.query or repr("")
    typed = parse_typed(answer.query)
    return f"{answer.query} ({typed.indicator.value})" if typed.remark else answer.query


def _format_facts(facts: dict[str, Any]) -> str:
    """Return in words what the DNS says of a name or address, and where it is."""
    places = {place["address"]: _format_location(place) for place in facts.get("places", ())}
    if "state" not in facts:
        return "; ".join(_format_address_facts(facts, *places.values()))
    addresses = ", ".join(
        f"{address} ({places[address]})" if places.get(address) else address
        for address in facts["addresses"]
    )
    at = addresses or facts["answer"] or "no answer yet"
    checked = f", seen {facts['checked']}" if facts["checked"] else ""
    return f"{facts['state']} since {facts['since']}: {at}{checked}"


def _format_address_facts(facts: dict[str, Any], *places: str) -> Iterator[str]:
    yield from (f"where: {place}" for place in places)
    if "evidence" in facts:
        yield facts["evidence"]
        if facts["not_blocked"]:
            yield f"not blocked for its names: {facts['not_blocked']}"
        else:
            yield f"blocked for its names until {facts['until']}"


def _format_location(place: dict[str, Any]) -> str:
    return str(GeoLocation(place["country"], place["asn"], place["operator"])) or "unknown"


def format_score(score: ScoreExplanation) -> str:
    """Return a score and its independent sources in words, the most reliable first."""
    voices = []
    for voice in sorted(score.voices, key=lambda voice: -voice.reliability):
        echoes = f" (repeated by {', '.join(voice.echoes)})" if voice.echoes else ""
        voices.append(f"{voice.feed} {voice.reliability:.2g}{echoes}")
    late = (f"{feed} counts less, {days} days overdue" for feed, days in score.overdue.items())
    return "; ".join([f"score {score.score:.2f}: {', '.join(voices)}", *late])
