"""Canonicalize single domain names: text -> canonical name, sort key or ancestors.

`blocklist.frames.names` does the same for whole columns.

Canonical (RFC 1035, RFC 5890, UTS #46): A-labels, lower case, no trailing dot, at most 253 octets,
labels of 1 to 63 of `[a-z0-9_-]`, and a last label that has a letter. A host whose last label is a
number is an address to every browser (WHATWG URL, "ends in a number") and so is not a name.
"""

import re
from collections.abc import Iterator

from blocklist.errors import InvalidIndicator

MAX_NAME_LENGTH = 253
MAX_LABEL_LENGTH = 63
# Mapping can shorten a Unicode name, so the limit before it is wider than the one after it.
MAX_UNICODE_LENGTH = 1024
WHITESPACE = " \t\r\n\f\v"

_BAD_CHARACTER = re.compile(r"[^a-z0-9_.-]")
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LETTER = re.compile(r"[a-z]")


def canonicalize_name(text: str) -> str:
    """Return the canonical form of a domain name.

    Raise `InvalidIndicator` with the first rule that it breaks.
    """
    text = text.strip(WHITESPACE)
    if len(text) > MAX_UNICODE_LENGTH:
        raise InvalidIndicator("too-long")
    name = (text if text.isascii() else to_ascii(text)).lower().removesuffix(".")
    if not name:
        raise InvalidIndicator("empty")
    if _BAD_CHARACTER.search(name):
        raise InvalidIndicator("bad-character")
    if len(name) > MAX_NAME_LENGTH:
        raise InvalidIndicator("too-long")
    labels = name.split(".")
    if not all(labels):
        raise InvalidIndicator("empty-label")
    if any(len(label) > MAX_LABEL_LENGTH for label in labels):
        raise InvalidIndicator("label-too-long")
    if _NUMERIC_LABEL.fullmatch(labels[-1]):
        raise InvalidIndicator("numeric")
    if not _LETTER.search(labels[-1]):
        raise InvalidIndicator("last-label-without-letter")
    return name


def to_ascii(text: str) -> str:
    """Map a Unicode name to A-labels as browsers do (UTS #46 with the options of WHATWG URL).

    Raise `InvalidIndicator("idna")` if the mapping, the bidi rule or the joiner rules forbid the
    name. Names that IDNA 2008 forbids but browsers open, such as emoji, are encoded.
    """
    import ada_url

    if "\0" in text:  # ada would return the name before it
        raise InvalidIndicator("bad-character")
    try:
        mapped = ada_url.idna_to_ascii(text)
    except UnicodeEncodeError:  # a surrogate: undecodable bytes of a command line
        mapped = b""
    if not mapped:
        raise InvalidIndicator("idna")
    return mapped.decode("ascii")


def to_unicode(name: str) -> str:
    """Return a canonical name in Unicode for a person; undecodable labels stay as they are."""
    if "xn--" not in name:
        return name
    import ada_url

    return ada_url.idna_to_unicode(name)


def name_sort_key(name: str) -> str:
    """Return the labels reversed, each followed by a dot: `a.example.com` is `com.example.a.`.

    The dot after each label keeps a domain together: `-` sorts before `.`, so without it
    `com.example-a` would sort between `com.example` and `com.example.a`.
    """
    return ".".join(reversed(name.split("."))) + "."


def name_and_ancestors(name: str) -> Iterator[str]:
    """Yield the name itself and then its ancestors, nearest first, down to the last label."""
    yield name
    while "." in name:
        name = name.partition(".")[2]
        yield name
