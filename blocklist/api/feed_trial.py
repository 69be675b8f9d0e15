"""Try a list without storing it: path or URL -> parsed indicators and an account of its lines."""

from pathlib import Path

from blocklist.config.mistakes import suggest_name
from blocklist.config.sections import CollectConfig
from blocklist.errors import UsageError
from blocklist.fetch.fetch import fetch_bytes
from blocklist.fetch.types import FetchError
from blocklist.parse.detect import detect_format
from blocklist.parse.parser import parse_snapshot
from blocklist.parse.result import ParseResult
from blocklist.plugins import FORMAT_EXTENSIONS


def fetch_and_parse(
    source: str, format_name: str | None, settings: CollectConfig | None = None
) -> ParseResult:
    """Fetch and parse a list in the format given, or the one that its content shows.

    Raise `UsageError` for an unknown format, a list that cannot be fetched, and one whose format
    cannot be recognised.
    """
    if format_name is not None and not FORMAT_EXTENSIONS.has(format_name):
        hint = suggest_name(format_name, FORMAT_EXTENSIONS.names())
        raise UsageError(f"--format {format_name}: unknown format{hint}")
    try:
        body = fetch_bytes((source if "://" in source else str(Path(source)),), settings)
    except FetchError as error:
        raise UsageError(str(error)) from None
    name = format_name or detect_format(body)
    if name is None:
        known = ", ".join(FORMAT_EXTENSIONS.names())
        raise UsageError(f"{source}: no format reads half of it; say which with --format: {known}")
    return parse_snapshot(body, name)
