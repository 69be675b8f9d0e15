"""Read nftables files back: the statements of a file -> the elements of its two sets."""

from pathlib import Path

import polars as pl

from blocklist.config.exports import Export
from blocklist.errors import ExportFailed
from blocklist.export.readers.addresses import NetworkRanges
from blocklist.export.readers.reading import Queries, ReadResult, read_pieces

_ADD_STATEMENT = "add element inet blocklist blocklist"
_PREAMBLE = (
    "add table inet blocklist",
    "add set inet blocklist blocklist4 { type ipv4_addr; flags interval; }",
    "flush set inet blocklist blocklist4",
    "add set inet blocklist blocklist6 { type ipv6_addr; flags interval; }",
    "flush set inet blocklist blocklist6",
)
_ELEMENT_PATTERNS = {"4": r"^\t([0-9.]+(?:/[0-9]+)?),$", "6": r"^\t([0-9a-f:]+(?:/[0-9]+)?),$"}


def read_file(path: Path, export: Export, queries: Queries) -> ReadResult:
    """Return the elements of the two sets after the file was loaded."""
    parts, canaries = read_pieces(path, export, lambda texts: texts)
    texts = pl.concat(parts)
    start = len(_PREAMBLE)
    if tuple(texts[:start]) != _PREAMBLE:
        raise ExportFailed("the file does not begin by emptying its sets")
    values = _parse_elements(texts[start:])
    return ReadResult(len(values), NetworkRanges(values).answer_queries(queries), canaries)


def _parse_elements(texts: pl.Series) -> pl.Series:
    """Return the elements; each must be of its set's family, in a statement that is not empty."""
    parsed = pl.Series([], dtype=pl.String)
    while not texts.is_empty():
        family, end = texts[0].removeprefix(_ADD_STATEMENT).removesuffix(" {"), texts.index_of("}")
        if (
            family not in _ELEMENT_PATTERNS
            or texts[0] != f"{_ADD_STATEMENT}{family} {{"
            or not end
            or end < 2
        ):
            raise ExportFailed(f"the file has an unknown statement: {texts[0][:80]!r}")
        elements = texts[1:end].str.extract(_ELEMENT_PATTERNS[family])
        if elements.has_nulls():
            raise ExportFailed(f"the file has an element that is no IPv{family} network")
        parsed, texts = parsed.append(elements), texts[end + 1 :]
    return parsed
