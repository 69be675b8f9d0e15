"""Tell the format of a snapshot by reading a sample of it in every format."""

import re

import polars as pl

from blocklist.parse.format import Options
from blocklist.parse.lines import decode
from blocklist.parse.parser import parse_lines
from blocklist.parse.registry import FORMATS

_SAMPLE = 2000
_LEAST = 0.5
_WILDCARD_HEADER = re.compile(r"^[#!].*syntax:.*wildcard", re.IGNORECASE | re.MULTILINE)


def detect(body: bytes) -> str | None:
    """Return the format that reads the largest share of the lines, or None below a half.

    A list of plain names whose header calls them wildcards is `wildcard`.
    """
    text = decode(body)
    shares = {name: _share(text, name) for name, known in FORMATS.items() if known.detectable}
    best: str = max(shares, key=lambda name: shares[name])
    if shares[best] < _LEAST:
        return None
    if best == "domains" and _WILDCARD_HEADER.search(text[:4096]):
        return "wildcard"
    return best


def _share(text: str, name: str) -> float:
    known = FORMATS[name]
    lines = known.lines(text)
    content = lines.filter((pl.col("text") != "") & ~pl.col("text").str.contains(known.comment))
    sample = content.gather_every(max(1, content.height // _SAMPLE))
    return parse_lines(sample, known, Options()).share_accepted
