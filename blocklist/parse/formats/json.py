"""Parse JSON: texts in an array, or the results of a JMESPath expression -> tokens.

Source: RFC 8259; JSON lines as defined at https://jsonlines.org; https://jmespath.org for `path`.
Each entry counts as a line. Without a `path` only an array of texts is accepted: the parser does
not guess which values of an object are names.
"""

from typing import TYPE_CHECKING

import polars as pl

from blocklist.frames.schemas import SCOPE
from blocklist.model import Scope
from blocklist.parse.any_kind import extract_any_kind
from blocklist.parse.format import Format
from blocklist.parse.json_documents import (
    NO_COMMENT,
    UnreadableDocument,
    lines_from_entries,
    load_json,
    refuse_document,
)
from blocklist.parse.options import ParseOptions

if TYPE_CHECKING:
    from jmespath.parser import ParsedResult

_HOW_TEXT = "text"
#: A text with the scope that an object gives it beside `value`.
_HOW_SCOPE = {f"text-{scope}": scope.value for scope in Scope}


def _split_lines(text: bytes, options: ParseOptions) -> pl.DataFrame:
    try:
        return lines_from_entries(_find_entries(load_json(text), options))
    except UnreadableDocument as error:
        documents = [line for line in text.splitlines() if line.strip()]
        if str(error) != "not-json" or len(documents) < 2:
            return refuse_document(text, str(error))
    return lines_from_entries(
        [entry for line in documents for entry in _entries_of_line(line, options)]
    )


def _entries_of_line(line: bytes, options: ParseOptions) -> list[tuple[object, str]]:
    """Return what a line of JSON lines lists, a lone text as it is."""
    try:
        document = load_json(line)
    except UnreadableDocument as error:
        return [(line.decode(errors="replace"), str(error))]
    if isinstance(document, str) and not options.path:
        return [(document, _HOW_TEXT)]
    return _find_entries(document, options)


def _find_entries(document: object, options: ParseOptions) -> list[tuple[object, str]]:
    """Return the entries that the path selects, each with how it is read."""
    if options.path:
        document = _search_path(document, options.path)
    if isinstance(document, str | dict) and options.path:
        return [_read_entry(document)]
    if not isinstance(document, list):
        return [(document, "not-found" if options.path else "path-needed")]
    return [_read_entry(entry) for entry in document]


def _read_entry(entry: object) -> tuple[object, str]:
    """Return a text, or the `value` of an object with a `scope`, and how it is read."""
    if isinstance(entry, str):
        return entry, _HOW_TEXT
    if not isinstance(entry, dict) or not isinstance(entry.get("value"), str):
        return entry, "not-a-text"
    scope = entry.get("scope")
    how = _HOW_TEXT if scope is None else f"text-{scope}"
    return entry["value"], how if how in (_HOW_TEXT, *_HOW_SCOPE) else "unknown-scope"


def _search_path(document: object, path: str) -> object:
    from jmespath.exceptions import JMESPathError

    try:
        result: object = _compile_path(path).search(document)
    except (JMESPathError, RecursionError):
        return None
    return result


def _compile_path(path: str) -> "ParsedResult":
    import jmespath

    # jmespath caches compiled expressions.
    return jmespath.compile(path)


def _extract_tokens(frame: pl.DataFrame, _options: ParseOptions) -> pl.DataFrame:
    rows = frame.with_columns(pl.col("text").str.strip_chars())
    how = pl.col("how")
    reason = pl.when(~how.is_in([_HOW_TEXT, *_HOW_SCOPE])).then(how)
    scope = frame["how"].replace_strict(_HOW_SCOPE, default=None, return_dtype=pl.String)
    tokens = extract_any_kind(rows, reason)
    return tokens.with_columns(scope=pl.coalesce(scope.cast(SCOPE), "scope"))


FORMAT = Format(
    "json",
    _extract_tokens,
    comment_pattern=NO_COMMENT,
    split_lines=_split_lines,
    needs_whole_text=True,
    detection_rank=30,
    may_be_json=True,
)
