"""From bytes to numbered lines: encodings, line ends, trailing comments."""

import polars as pl

#: Longer than any line that lists something; a longer one is refused unread.
MAX_LINE = 8192
LINES = pl.Schema({"line": pl.UInt32, "text": pl.String})
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def decode(body: bytes) -> str:
    """Return the text of a snapshot; bytes that are no text become U+FFFD and so are refused."""
    encoding = next((name for mark, name in _MARKS if body.startswith(mark)), "utf-8")
    return body.decode(encoding, errors="replace")


def split(text: str) -> pl.DataFrame:
    """Return `line` (from 1) and `text` without its line end and the white space around it.

    Line ends are LF, CRLF and CR. A line end at the very end starts no further line.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text:
        return pl.DataFrame(schema=LINES)
    rows = pl.Series("text", [text.removesuffix("\n")]).str.split("\n").explode()
    return numbered(rows.str.strip_chars(" \t\f\v"))


def numbered(texts: pl.Series) -> pl.DataFrame:
    """Return the texts as lines, numbered from 1."""
    line = pl.int_range(1, pl.len() + 1, dtype=pl.UInt32)
    return texts.alias("text").to_frame().select(line=line, text="text")


def without_trailing_comment(text: pl.Expr, mark: str = r"(?:#|;|//)") -> pl.Expr:
    """Return the text before a comment that white space sets off from it."""
    return text.str.replace(rf"\s+{mark}.*$", "")
