"""Try a list without storing it: path or URL -> parsed indicators and an account of its lines."""

from pathlib import Path

from blocklist.collect.acceptance import describe_empty
from blocklist.collect.sniffing import detect_non_list
from blocklist.config.mistakes import suggest_name
from blocklist.config.sections import CollectConfig
from blocklist.errors import UsageError
from blocklist.fetch.fetch import fetch_bytes
from blocklist.fetch.types import FetchError
from blocklist.parse.detect import detect_format
from blocklist.parse.parser import parse_snapshot
from blocklist.parse.registry import load_format
from blocklist.parse.result import ParseResult
from blocklist.plugins import FORMAT_EXTENSIONS

#: The format whose comments show whether a text of an unknown format has any content.
_PLAIN_FORMAT = "domains"


def fetch_and_parse(
    source: str, format_name: str | None, settings: CollectConfig | None = None
) -> ParseResult:
    """Fetch and parse a list in the format given, or the one that its content shows.

    Raise `UsageError` for an unknown format, a list that cannot be fetched, what is no list or an
    empty one, and a list whose format cannot be recognised.
    """
    if format_name is not None and not FORMAT_EXTENSIONS.has(format_name):
        hint = suggest_name(format_name, FORMAT_EXTENSIONS.names())
        raise UsageError(f"--format {format_name}: unknown format{hint}")
    try:
        body = fetch_bytes((source if "://" in source else str(Path(source)),), settings)
    except FetchError as error:
        raise UsageError(str(error)) from None
    may_be_json = format_name is None or load_format(format_name).may_be_json
    cause = detect_non_list(body, may_be_json=may_be_json)
    if cause is not None:
        raise UsageError(f"{source}: {cause}")
    name = format_name or detect_format(body)
    if name is None or not body.strip():
        _refuse_empty(source, body)
    if name is None:
        known = ", ".join(FORMAT_EXTENSIONS.names())
        raise UsageError(f"{source}: its format was not recognised; name it with --format: {known}")
    return parse_snapshot(body, name)


def _refuse_empty(source: str, body: bytes) -> None:
    """Raise `UsageError` for a text of which all lines are empty or comments."""
    cause = describe_empty(body, parse_snapshot(body, _PLAIN_FORMAT))
    if cause is not None:
        raise UsageError(f"{source}: {cause}")
