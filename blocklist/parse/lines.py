"""Split snapshots into numbered lines: bytes -> frame; encodings, line ends, comments.

A snapshot stays bytes until a piece is parsed: one emoji would make a Python string use four bytes
for each character.
"""

import codecs

import polars as pl

from blocklist.frames.parallel import PIECE_BYTES, bytes_to_lines

#: Longer lines are refused unread: no useful line is that long.
MAX_LINE_BYTES = 8192
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")


def decode_to_utf8(body: bytes) -> bytes:
    """Return a snapshot as UTF-8 without a byte order mark; other encodings stay as they are."""
    if body.startswith(_UTF16_BOMS):
        decoder = codecs.getincrementaldecoder("utf-16")("replace")
        starts = range(0, len(body), PIECE_BYTES)
        parts = [decoder.decode(body[start : start + PIECE_BYTES]).encode() for start in starts]
        return b"".join(parts) + decoder.decode(b"", final=True).encode()
    return body.removeprefix(codecs.BOM_UTF8)


def split_stripped_lines(text: bytes) -> pl.DataFrame:
    """Return `line` (from 1) and `text` without line end and surrounding white space.

    Line ends are LF, CRLF and CR. A line end at the very end starts no further line.
    """
    return number_lines(split_raw_lines(text).str.strip_chars(" \t\f\v"))


def split_raw_lines(text: bytes) -> pl.Series:
    """Return the lines with surrounding white space; bytes that are not UTF-8 become U+FFFD."""
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    try:
        return bytes_to_lines(text)
    except UnicodeError:
        return bytes_to_lines(text.decode(errors="replace").encode())


def number_lines(texts: pl.Series) -> pl.DataFrame:
    """Return a frame of `line`, numbered from 1, and `text`."""
    line = pl.int_range(1, pl.len() + 1, dtype=pl.UInt32)
    return texts.alias("text").to_frame().select(line=line, text="text")


def strip_trailing_comment(text: pl.Expr, mark: str = r"(?:#|;|//)") -> pl.Expr:
    """Return the text before a comment; white space separates them."""
    return text.str.replace(rf"\s+{mark}.*$", "")
