"""Detect the format of a snapshot: parse a sample in every format and compare the shares."""

import re
from collections.abc import Iterable, Iterator

from blocklist.parse.format import Format
from blocklist.parse.json_documents import NO_COMMENT
from blocklist.parse.lines import decode_to_utf8
from blocklist.parse.options import ParseOptions
from blocklist.parse.parser import parse_lines
from blocklist.parse.registry import FORMATS

#: How much is read of a long text, in how many pieces all over it: heads of lists are not typical.
_SAMPLE_BYTES = 512_000
_SAMPLE_PIECES = 8
_MIN_SHARE = 0.5
_HEAD_BYTES = 4096
_WILDCARD_HEADER = re.compile(rb"^[#!].*syntax:.*wildcard", re.IGNORECASE | re.MULTILINE)
_MALTRAIL_HEADER = re.compile(rb"^# (?:Reference: |.*Maltrail developers)", re.MULTILINE)


def detect_format(body: bytes) -> str | None:
    """Return the format that reads the largest share of the lines, or None below a half.

    Names are `wildcard` when the header calls them so or every one is written `*.x`; names and
    links are `maltrail` when the header says so.
    """
    text = decode_to_utf8(body)
    known = [one for one in FORMATS.values() if one.is_detectable]
    if text[:_HEAD_BYTES].lstrip()[:1] in (b"{", b"["):
        # A document is whole or nothing, and the one that reads it is soon found.
        found = _best_format((one for one in known if one.comment_pattern == NO_COMMENT), text)
        if found is not None:
            return found
    sample = b"".join(_sample_lines(text))
    best = _best_format((one for one in known if one.comment_pattern != NO_COMMENT), sample)
    head = sample[:_HEAD_BYTES]
    if best in ("domains", "urls") and _MALTRAIL_HEADER.search(head):
        return "maltrail"
    if best == "domains" and (_WILDCARD_HEADER.search(head) or _is_all_wildcards(sample)):
        return "wildcard"
    return best


def _best_format(formats: Iterable[Format], text: bytes) -> str | None:
    shares = {one.name: _measure_share(one, text) for one in formats}
    best: str = max(shares, key=lambda name: shares[name])
    return best if shares[best] >= _MIN_SHARE else None


def _measure_share(known: Format, text: bytes) -> float:
    return parse_lines(
        known.split_lines(text, ParseOptions()), known, ParseOptions()
    ).share_accepted


def _sample_lines(text: bytes) -> Iterator[bytes]:
    """Yield whole lines from all over a long text, a short one as it is."""
    if len(text) <= _SAMPLE_BYTES:
        yield text
        return
    size = _SAMPLE_BYTES // _SAMPLE_PIECES
    for number in range(_SAMPLE_PIECES):
        start = (len(text) - size) * number // (_SAMPLE_PIECES - 1)
        piece = text[start : start + size]
        first = piece.find(b"\n") + 1 if number else 0
        yield piece[first : piece.rfind(b"\n") + 1 or None]


def _is_all_wildcards(text: bytes) -> bool:
    known = FORMATS["wildcard"]
    lines = known.split_lines(text, ParseOptions())["text"]
    names = lines.filter((lines != "") & ~lines.str.contains(known.comment_pattern))
    return bool(names.str.starts_with("*.").all())
