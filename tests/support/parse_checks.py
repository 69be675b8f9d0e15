"""Checks of parse results; separate from the tables, which fuzzing imports before the parsers."""

from blocklist.frames.schemas import INDICATORS, REFUSALS
from blocklist.parse.result import ParseResult
from tests.support.parse_tables import Is


def list_indicators(parsed: ParseResult) -> list[Is]:
    """Return the indicators of a result, in order."""
    return [Is(*row) for row in parsed.indicators.select("value", "scope", "kind").iter_rows()]


def assert_counts(parsed: ParseResult) -> None:
    """Check that accepted lines, comments and refusals add up to all lines."""
    assert parsed.lines == parsed.accepted + parsed.comments + parsed.refusals.height
    assert sum(parsed.refusal_counts.values()) == parsed.refusals.height
    assert parsed.refusals["line"].is_unique().all()
    assert parsed.indicators.schema == INDICATORS
    assert parsed.refusals.schema == REFUSALS
