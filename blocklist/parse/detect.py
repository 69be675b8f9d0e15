"""Tell the format of a snapshot by reading a sample of it in every format."""

import re

import polars as pl

from blocklist.parse.format import Format, Options
from blocklist.parse.lines import decode
from blocklist.parse.parser import parse_lines
from blocklist.parse.registry import FORMATS

_SAMPLE = 2000
_LEAST = 0.5
_WILDCARD_HEADER = re.compile(r"^[#!].*syntax:.*wildcard", re.IGNORECASE | re.MULTILINE)


def detect(body: bytes) -> str | None:
    """Return the format that reads the largest share of the lines, or None below a half.

    Names are `wildcard` when the header calls them so or every one is written `*.x`.
    """
    text = decode(body)
    shares = {name: _share(text, name) for name, known in FORMATS.items() if known.detectable}
    best: str = max(shares, key=lambda name: shares[name])
    if shares[best] < _LEAST:
        return None
    if best == "domains" and (_WILDCARD_HEADER.search(text[:4096]) or _all_marked(text)):
        return "wildcard"
    return best


def _content(text: str, known: Format) -> pl.DataFrame:
    lines = known.lines(text)
    return lines.filter((pl.col("text") != "") & ~pl.col("text").str.contains(known.comment))


def _all_marked(text: str) -> bool:
    names = _content(text, FORMATS["wildcard"])["text"]
    return names.str.starts_with("*.").all()


def _share(text: str, name: str) -> float:
    content = _content(text, FORMATS[name])
    sample = content.gather_every(max(1, content.height // _SAMPLE))
    return parse_lines(sample, FORMATS[name], Options()).share_accepted
