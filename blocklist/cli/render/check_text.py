"""Render one answer of `check`: answer -> lines of text."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from blocklist.cli.session import format_indicator
from blocklist.cli.streams import escape_unprintable
from blocklist.geoip import GeoLocation
from blocklist.model import Reason

if TYPE_CHECKING:
    from blocklist.check.single import Answer
    from blocklist.judge.scoring.explain import ScoreExplanation


def format_answer(answer: "Answer") -> str:
    """Return what is shown of an answer."""
    return "\n".join(map(escape_unprintable, format_answer_lines(answer)))


def format_answer_lines(answer: "Answer") -> Iterator[str]:
    """Yield the lines about an answer."""
    match = (
        f", by {format_indicator(answer.match.indicator)} ({answer.match.scope})"
        if answer.match
        else ""
    )
    cause = f": {answer.cause}" if answer.cause else ""
    # What was not looked up is not called clear, which may be taken for an answer.
    verdict = "not looked up" if answer.reason is Reason.INVALID else answer.verdict
    yield f"{answer.query or repr('')}: {verdict} ({answer.reason}{cause}){match}"
    if answer.score:
        yield f"  {format_score(answer.score)}"
    for listing in answer.listings:
        until = f" until {listing.until}" if listing.until else ""
        seen = f" as {listing.evidence}" if listing.evidence != answer.query else ""
        yield f"  {listing.feed}: {listing.scope}, since {listing.since}{until}{seen}"
    if answer.facts:
        yield f"  {_format_facts(answer.facts)}"


def _format_facts(facts: dict[str, Any]) -> str:
    """Return in words what DNS said of a name or address, and where it is."""
    places = {place["address"]: _format_location(place) for place in facts.get("places", ())}
    if "state" not in facts:
        return "; ".join(_format_address_facts(facts, *places.values()))
    addresses = (f"{one} ({places[one]})" if places.get(one) else one for one in facts["addresses"])
    at = ", ".join(addresses) or facts["answer"] or "no answer yet"
    looked = f", seen {facts['checked']}" if facts["checked"] else ""
    return f"{facts['state']} since {facts['since']}: {at}{looked}"


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


def format_score(score: "ScoreExplanation") -> str:
    """Return in words how a score came about, the most reliable voice first."""
    voices = []
    for voice in sorted(score.voices, key=lambda voice: -voice.reliability):
        echoes = f" (echoed by {', '.join(voice.echoes)})" if voice.echoes else ""
        voices.append(f"{voice.feed} {voice.reliability:.2g}{echoes}")
    late = (f"{feed} has faded, {days} days overdue" for feed, days in score.overdue.items())
    return "; ".join([f"score {score.score:.2f}: {', '.join(voices)}", *late])
