"""Try a list without storing it, and render its parse report; for `feeds test` and `feeds add`."""

from pathlib import Path
from typing import TYPE_CHECKING

from blocklist.cli.session import show_line, show_table
from blocklist.errors import UsageError

if TYPE_CHECKING:
    from blocklist.config.sections import CollectConfig
    from blocklist.parse.result import ParseResult

_MAX_EXAMPLES = 3
_SAMPLE_ROWS = 10


def fetch_and_parse(
    source: str, given: str | None, settings: "CollectConfig | None" = None
) -> "ParseResult":
    """Fetch and parse a list, in the format given or the one its content shows."""
    from blocklist.config.toml import suggest_name
    from blocklist.fetch.fetch import fetch_bytes
    from blocklist.fetch.types import FetchError
    from blocklist.parse.detect import detect_format
    from blocklist.parse.parser import parse_snapshot
    from blocklist.plugins import FORMAT_EXTENSIONS

    if given is not None and not FORMAT_EXTENSIONS.has(given):
        hint = suggest_name(given, FORMAT_EXTENSIONS.names())
        raise UsageError(f"--format {given}: unknown format{hint}")
    try:
        body = fetch_bytes((source if "://" in source else str(Path(source)),), settings)
    except FetchError as error:
        raise UsageError(str(error)) from None
    name = given or detect_format(body)
    if name is None:
        known = ", ".join(FORMAT_EXTENSIONS.names())
        raise UsageError(f"{source}: no format reads half of it; say which with --format: {known}")
    return parse_snapshot(body, name)


def build_parse_report(parsed: "ParseResult") -> dict[str, object]:
    """Return what `feeds test --json` says."""
    return {
        "format": parsed.format,
        "lines": parsed.lines,
        "accepted": parsed.accepted,
        "comments": parsed.comments,
        "refused": parsed.refusal_counts,
        "dropped": parsed.dropped_counts,
        "indicators": parsed.indicators.drop("line").to_dicts(),
    }


def show_parse_report(parsed: "ParseResult") -> None:
    """Write the account of a list's lines, with examples of what was refused, and a sample."""
    show_line(
        f"{parsed.format}: {parsed.lines:,} lines = {parsed.accepted:,} accepted + "
        f"{parsed.refusals.height:,} refused + {parsed.comments:,} comments; "
        f"{parsed.indicators.height:,} indicators"
    )
    for what, count in parsed.dropped_counts.items():
        show_line(f"  left out of accepted lines: {what}, {count:,}")
    for reason, count in parsed.refusal_counts.items():
        show_line(f"  refused: {reason}, {count:,} lines")
        examples = parsed.refusals.filter(reason=reason).head(_MAX_EXAMPLES)
        for line, text in examples.select("line", "text").iter_rows():
            show_line(f"    line {line}: {text}")
    if not parsed.indicators.is_empty():
        sample = parsed.indicators.head(_SAMPLE_ROWS).select("kind", "value", "scope", "evidence")
        show_table(("kind", "value", "scope", "evidence"), sample.iter_rows())
