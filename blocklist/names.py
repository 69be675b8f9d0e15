"""Domain names, one at a time: canonical form, sort key, parents. `columns.names` is the bulk form.

Canonical (RFC 1035, RFC 5890, UTS #46): A-labels, lower case, no trailing dot, at most 253 octets,
labels of 1 to 63 of `[a-z0-9_-]`, and a last label that has a letter. A host whose last label is a
number is an address to every browser (WHATWG URL, "ends in a number") and so no name.
"""

import re
from collections.abc import Iterator

from blocklist.errors import Refused

MAX_NAME = 253
MAX_LABEL = 63
# Mapping can shorten a Unicode name, so the cap before it is looser than the one behind it.
MAX_UNMAPPED = 1024
SPACE = " \t\r\n\f\v"

_BAD_CHARACTER = re.compile(r"[^a-z0-9_.-]")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LETTER = re.compile(r"[a-z]")


def canonical(text: str) -> str:
    """Return the canonical form of a domain name; raise `Refused` with the first rule it breaks."""
    text = text.strip(SPACE)
    if len(text) > MAX_UNMAPPED:
        raise Refused("too-long")
    name = (text if text.isascii() else to_ascii(text)).lower().removesuffix(".")
    if not name:
        raise Refused("empty")
    if _BAD_CHARACTER.search(name):
        raise Refused("bad-character")
    if len(name) > MAX_NAME:
        raise Refused("too-long")
    labels = name.split(".")
    if not all(labels):
        raise Refused("empty-label")
    if any(len(label) > MAX_LABEL for label in labels):
        raise Refused("label-too-long")
    if _NUMBER.fullmatch(labels[-1]):
        raise Refused("numeric")
    if not _LETTER.search(labels[-1]):
        raise Refused("last-label-without-letter")
    return name


def to_ascii(text: str) -> str:
    """Map a Unicode name to A-labels as browsers do (UTS #46 as the WHATWG URL standard sets it).

    Raise `Refused("idna")` where the mapping, the bidi rule or the joiner rules forbid the name.
    What IDNA 2008 forbids but browsers open, such as emoji, is encoded rather than lost.
    """
    import ada_url

    if "\0" in text:  # ada would return the name up to there
        raise Refused("bad-character")
    try:
        mapped = ada_url.idna_to_ascii(text)
    except UnicodeEncodeError:  # a surrogate: undecodable bytes of a command line
        mapped = b""
    if not mapped:
        raise Refused("idna")
    return mapped.decode("ascii")


def to_unicode(name: str) -> str:
    """Return a canonical name as a person reads it; labels that do not decode stay as they are."""
    if "xn--" not in name:
        return name
    import ada_url

    return ada_url.idna_to_unicode(name)


def sort_key(name: str) -> str:
    """Return the labels reversed, each followed by a dot: `a.example.com` is `com.example.a.`.

    The dot behind each label keeps a family together: `-` sorts before `.`, so without it
    `com.example-a` would stand between `com.example` and `com.example.a`.
    """
    return ".".join(reversed(name.split("."))) + "."


def lineage(name: str) -> Iterator[str]:
    """Yield the name itself and then its ancestors, nearest first, down to the last label."""
    yield name
    while "." in name:
        name = name.partition(".")[2]
        yield name
