"""JSON: texts in an array, or what a JMESPath expression finds in a document or in each line of it.

Source: RFC 8259; JSON lines as https://jsonlines.org has them; https://jmespath.org for `path`.
An entry counts as a line. Without a `path` only an array of texts is read: which of an object's
values are names is not guessed at.
"""

from typing import TYPE_CHECKING

import polars as pl

from blocklist.parse.documents import NO_COMMENT, Unreadable, entries, load, one_line
from blocklist.parse.format import Format, Options
from blocklist.parse.mixed import mixed

if TYPE_CHECKING:
    from jmespath.parser import ParsedResult

_READ = "text"


def _lines(text: bytes, options: Options) -> pl.DataFrame:
    try:
        return entries(_found(load(text), options))
    except Unreadable as error:
        documents = [line for line in text.splitlines() if line.strip()]
        if str(error) != "not-json" or len(documents) < 2:
            return one_line(text, str(error))
    return entries([entry for line in documents for entry in _of_line(line, options)])


def _of_line(line: bytes, options: Options) -> list[tuple[object, str]]:
    """Return what a line of JSON lines lists, a lone text as it is."""
    try:
        document = load(line)
    except Unreadable as error:
        return [(line.decode(errors="replace"), str(error))]
    if isinstance(document, str) and not options.path:
        return [(document, _READ)]
    return _found(document, options)


def _found(document: object, options: Options) -> list[tuple[object, str]]:
    """Return the entries that the path finds, each with how it is read."""
    if options.path:
        document = _search(document, options.path)
    if isinstance(document, str) and options.path:
        return [(document, _READ)]
    if not isinstance(document, list):
        return [(document, "not-found" if options.path else "path-needed")]
    return [(entry, _READ if isinstance(entry, str) else "not-a-text") for entry in document]


def _search(document: object, path: str) -> object:
    from jmespath.exceptions import JMESPathError

    try:
        found: object = _compiled(path).search(document)
    except (JMESPathError, RecursionError):
        return None
    return found


def _compiled(path: str) -> "ParsedResult":
    import jmespath

    # jmespath keeps what it compiled last.
    return jmespath.compile(path)


def _tokens(frame: pl.DataFrame, _options: Options) -> pl.DataFrame:
    rows = frame.with_columns(pl.col("text").str.strip_chars())
    return mixed(rows, pl.when(pl.col("how") != _READ).then("how"))


FORMAT = Format("json", _tokens, comment=NO_COMMENT, lines=_lines, whole=True)
