"""Detect the format of a snapshot: parse a sample in every format and compare the shares."""

import logging
import re
from collections.abc import Iterable, Iterator

from blocklist.parse.format import Format
from blocklist.parse.lines import decode_to_utf8
from blocklist.parse.options import ParseOptions
from blocklist.parse.parser import parse_lines
from blocklist.parse.registry import load_format, load_formats
from blocklist.plugins import FORMAT_EXTENSIONS

logger = logging.getLogger(__name__)

#: The sample of a long text: its size, and the number of pieces, which are spread evenly because
#: the head of a list is not typical.
_SAMPLE_BYTES = 512_000
_SAMPLE_PIECES = 8
_MIN_SHARE = 0.5
_HEAD_BYTES = 4096
_WILDCARD_HEADER = re.compile(rb"^[#!].*syntax:.*wildcard", re.IGNORECASE | re.MULTILINE)
_MALTRAIL_HEADER = re.compile(rb"^# (?:Reference: |.*Maltrail developers)", re.MULTILINE)


def detect_format(body: bytes) -> str | None:
    """Return the format that reads the largest share of the lines, or None below one half.

    A list of names is `wildcard` if its header says so or each name is written `*.x`; a list of
    names or URLs is `maltrail` if its header says so. Raise `PluginError` for a format of another
    distribution that does not work.
    """
    text = decode_to_utf8(body)
    formats = [each for each in load_formats().values() if each.detection_rank is not None]
    if text[:_HEAD_BYTES].lstrip()[:1] in (b"{", b"["):
        # A document is read as a whole or not at all.
        document_format = _best_format((each for each in formats if each.may_be_json), text)
        if document_format is not None:
            return document_format
    sample = b"".join(_sample_lines(text))
    best = _best_format((each for each in formats if not each.may_be_json), sample)
    head = sample[:_HEAD_BYTES]
    if best in ("domains", "urls") and _MALTRAIL_HEADER.search(head):
        return "maltrail"
    if best == "domains" and (_WILDCARD_HEADER.search(head) or _is_all_wildcards(sample)):
        return "wildcard"
    return best


def _best_format(formats: Iterable[Format], text: bytes) -> str | None:
    """Return the name of the first format with the largest share, or None if all are too small."""
    shares = {each.name: _measure_share(each, text) for each in formats}
    logger.debug("shares of lines accepted: %s", shares)
    best: str = max(shares, key=lambda name: shares[name])
    return best if shares[best] >= _MIN_SHARE else None


def _measure_share(format_: Format, text: bytes) -> float:
    options = ParseOptions()
    with FORMAT_EXTENSIONS.name_in_errors(format_.name):
        return parse_lines(format_.split_lines(text, options), format_, options).share_accepted


def _sample_lines(text: bytes) -> Iterator[bytes]:
    """Yield whole lines from all over a long text, or a short text as it is."""
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
    wildcard = load_format("wildcard")
    lines = wildcard.split_lines(text, ParseOptions())["text"]
    names = lines.filter((lines != "") & ~lines.str.contains(wildcard.comment_pattern))
    return bool(names.str.starts_with("*.").all())
