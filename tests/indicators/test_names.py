"""Domain names: canonical form, refusals, sort key, ancestors."""

import unicodedata

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocklist.errors import InvalidIndicator
from blocklist.frames.names import expand_ancestors, name_sort_key_expr, parent_name
from blocklist.indicators.names import (
    canonicalize_name,
    name_and_ancestors,
    name_sort_key,
    to_unicode,
)

LABEL = st.text("abz019-_", min_size=1, max_size=6)
NAME = st.builds(
    lambda labels, last: ".".join([*labels, last]), st.lists(LABEL), LABEL.map("a{}".format)
)
LONGEST = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 61])


@pytest.mark.parametrize(
    ("text", "expected", "why"),
    [
        ("example.com", "example.com", "already canonical"),
        ("ExAmPlE.COM", "example.com", "names ignore case"),
        ("example.com.", "example.com", "the root's dot is not part of the form"),
        (
            " \t\r\n\f\vexample.com\v\f\n\r\t ",
            "example.com",
            "white space around a name says nothing",
        ),
        ("localhost", "localhost", "one label is a name"),
        ("_dmarc.example.com", "_dmarc.example.com", "underscores are legal in DNS"),
        ("a_.b-.-c.example", "a_.b-.-c.example", "hyphens and underscores stand anywhere"),
        ("ab--cd.example", "ab--cd.example", "so do two hyphens, which only IDNA keeps for itself"),
        ("1.2.3.4.example", "1.2.3.4.example", "digits are fine before the last label"),
        ("a.1b", "a.1b", "a last label needs a letter, not a letter first"),
        ("0x7f.0xg", "0x7f.0xg", "g is no hexadecimal digit, so this is a name"),
        (LONGEST, LONGEST, "253 octets are allowed"),
        (f"{LONGEST}.", LONGEST, "the last dot does not count"),
        ("a." * 126 + "a", "a." * 126 + "a", "127 labels are the most that fit"),
        ("XN--80AK6AA92E.com", "xn--80ak6aa92e.com", "A-labels ignore case too"),
        ("xn--a.com", "xn--a.com", "an A-label that does not decode is legal in DNS"),
    ],
)
def test_canonical(text: str, expected: str, why: str) -> None:
    assert canonicalize_name(text) == expected, why


@pytest.mark.parametrize(
    ("text", "expected", "why"),
    [
        ("bücher.example", "xn--bcher-kva.example", "A-labels"),
        ("BÜCHER.example", "xn--bcher-kva.example", "capitals map to the same name"),
        ("bu\u0308cher.example", "xn--bcher-kva.example", "a combining mark is composed"),
        ("faß.de", "xn--fa-hia.de", "ß is kept, as in today's browsers (non-transitional)"),
        ("βόλος.com", "xn--nxasmm1c.com", "and so is the final sigma"),
        ("İstanbul.com", "xn--istanbul-o0e.com", "İ is i and a dot above, not i"),
        ("аррӏе.com", "xn--80ak6aa92e.com", "a homograph in Cyrillic is not apple.com"),
        ("ｐａｙｐａｌ.com", "paypal.com", "full-width letters are plain letters"),
        ("𝐩𝐚𝐲𝐩𝐚𝐥.com", "paypal.com", "mathematical letters are plain letters"),
        ("paypal\u212a.com", "paypalk.com", "the kelvin sign is a k"),
        ("example。com", "example.com", "ideographic full stop"),
        ("example．com", "example.com", "full-width full stop"),
        ("example｡com。", "example.com", "half-width full stop, and one at the end"),
        ("pay\u200bpal.com", "paypal.com", "a zero-width space is nothing"),
        ("pay\u00adpal.com", "paypal.com", "nor is a soft hyphen"),
        ("pay\u2060pal\ufeff.com", "paypal.com", "nor are word joiner and byte order mark"),
        ("क्\u200dष.com", "xn--11b2ezcw70k.com", "a joiner that the script calls for is kept"),
        ("１２３.com", "123.com", "full-width digits are digits"),
        ("१२३.com", "xn--e4bcd.com", "other digits are characters of their own"),
        ("😀.example", "xn--e28h.example", "registries sell emoji, browsers open them"),
        ("I❤.ws", "xn--i-7iq.ws", "an emoji beside a letter"),
        ("é_x.example", "xn--_x-9ia.example", "underscores stay in a Unicode label"),
        ("-é.example", "xn----bga.example", "hyphens at the edge are for browsers no mistake"),
        ("ab--é.example", "xn--ab---epa.example", "nor in the third and fourth place"),
        ("l·l.example", "xn--ll-0ea.example", "Catalan's middle dot"),
        ("א1.example", "xn--1-zhc.example", "right to left, with a digit at the end"),
        ("例え.テスト", "xn--r8jz45g.xn--zckzah", "every label on its own"),
        ("ⅷ.example", "viii.example", "a mapping may make a label longer"),
    ],
)
def test_canonical_unicode(text: str, expected: str, why: str) -> None:
    assert canonicalize_name(text) == expected, why


@pytest.mark.parametrize(
    ("text", "reason", "why"),
    [
        ("", "empty", "nothing"),
        (" \t", "empty", "nothing but space"),
        (".", "empty", "the root is no name to block"),
        ("a..b", "empty-label", "an empty label within"),
        (".example.com", "empty-label", "a wildcard of some formats is for their parsers"),
        ("example.com..", "empty-label", "one dot at the end, not two"),
        ("é。。com", "empty-label", "however the dots are written"),
        ("a b.com", "bad-character", "a space within"),
        ("a\0.com", "bad-character", "a NUL"),
        ("é.com\0.evil", "bad-character", "nothing may end a Unicode name early"),
        ("a\x1b[31m.com", "bad-character", "an escape sequence for a terminal"),
        ("a\nb.com", "bad-character", "a line end within"),
        ("*.example.com", "bad-character", "a wildcard of some formats is for their parsers"),
        ("user@example.com", "bad-character", "a mail address"),
        ("example.com/x", "bad-character", "a URL without scheme"),
        ("example.com:80", "bad-character", "a host with a port"),
        ("é/x.com", "bad-character", "mapping does not make it legal"),
        ("a%2e.com", "bad-character", "escapes belong to URLs"),
        ("\xa0example.com", "bad-character", "a no-break space is mapped to a space"),
        (f"{LONGEST}d", "too-long", "254 octets"),
        ("a" * 1025, "too-long", "more than any mapping shortens"),
        ("é" * 1025, "too-long", "nor is it given to the mapping"),
        ("\u200b" * 1024 + "a.b", "too-long", "however little would be left"),
        ("a" * 64 + ".com", "label-too-long", "64 octets"),
        ("é" * 60 + ".com", "label-too-long", "the A-label counts, not the characters"),
        ("1.2.3.4", "numeric", "an address"),
        ("a.09", "numeric", "a last label of digits makes it an address to browsers"),
        ("a.0x", "numeric", "0x is the number 0"),
        ("a.0XfF.", "numeric", "hexadecimal, with a dot at the end"),
        ("１.２.３.４", "numeric", "an address in full-width digits"),
        ("a.-", "last-label-without-letter", "no such top-level name can exist"),
        ("a.1-2", "last-label-without-letter", "nor this"),
        ("_", "last-label-without-letter", "nor this"),
        ("אa.com", "idna", "letters of both directions in a label (bidi rule)"),
        ("١٢٣.com", "idna", "a label of Arabic digits alone breaks the bidi rule too"),
        ("1א.com", "idna", "a right-to-left label that begins with a digit"),
        ("😀א.com", "idna", "an emoji does not switch the bidi rule off"),
        ("\u202eexample.com", "idna", "an override of the direction"),
        ("pay\u200dpal.com", "idna", "a joiner that no script calls for"),
        ("\u0301a.com", "idna", "a combining mark with nothing to combine with"),
        ("xn--é.com", "idna", "neither an A-label nor a U-label"),
        ("é.xn--a.com", "idna", "an A-label beside it that does not decode"),
        ("\ufffd.com", "idna", "the replacement character of a wrong decoding"),
        ("\udcff.com", "idna", "bytes of a command line that are no UTF-8"),
        ("\u200b", "idna", "nothing that can be seen"),
    ],
)
def test_refused(text: str, reason: str, why: str) -> None:
    with pytest.raises(InvalidIndicator) as refused:
        canonicalize_name(text)
    assert refused.value.reason == reason, why


@pytest.mark.parametrize(
    ("name", "expected", "why"),
    [
        ("example.com", "example.com", "nothing to decode"),
        ("www.xn--bcher-kva.example", "www.bücher.example", "a label among others"),
        ("xn--e28h.example", "😀.example", "symbols too"),
        ("xn--a.xn--bcher-kva.example", "xn--a.bücher.example", "what does not decode stays"),
        ("xn--ab-g4t.com", "xn--ab-g4t.com", "no direction override reaches a terminal"),
    ],
)
def test_to_unicode(name: str, expected: str, why: str) -> None:
    assert to_unicode(name) == expected, why


@given(st.text(min_size=1, max_size=10))
def test_to_unicode_is_undone_by_canonical(label: str) -> None:
    try:
        name = canonicalize_name(f"{label}.example")
    except InvalidIndicator:
        return
    shown = to_unicode(name)
    assert unicodedata.is_normalized("NFC", shown)
    assert canonicalize_name(shown) == name


def test_a_family_stays_together() -> None:
    family = ["example", "a.example", "b.a.example", "a-b.example"]
    strangers = ["example-a", "0-example.a", "exampl", "example0"]
    ordered = sorted(family + strangers, key=name_sort_key)
    places = [ordered.index(name) for name in family]
    assert sorted(places) == list(range(min(places), min(places) + 4)), (
        "`-` sorts before `.`: without the last dot, example-a tears the family apart"
    )
    assert name_sort_key("a.example.com") == "com.example.a."


@given(NAME, LABEL, NAME)
def test_only_descendants_share_the_start_of_a_sort_key(name: str, label: str, other: str) -> None:
    key = name_sort_key(name)
    assert name_sort_key(f"{label}.{name}").startswith(key)
    related = other == name or other.endswith(f".{name}")
    assert name_sort_key(other).startswith(key) is related


@given(st.lists(NAME))
def test_columns_agree_on_sort_key_and_parent(listed: list[str]) -> None:
    name = pl.col("name")
    frame = pl.DataFrame({"name": listed}, schema={"name": pl.String})
    found = frame.select(key=name_sort_key_expr(name), parent=parent_name(name))
    assert found["key"].to_list() == [name_sort_key(name) for name in listed]
    assert found["parent"].to_list() == [[*name_and_ancestors(n), None][1] for n in listed]


@given(st.lists(NAME))
def test_lineage_of_columns_is_the_scalar_one(listed: list[str]) -> None:
    frame = pl.DataFrame(
        {"id": range(len(listed)), "name": listed}, schema={"id": pl.Int64, "name": pl.String}
    )
    found = expand_ancestors(frame, "name").sort("id", "steps")
    assert found.rows() == [
        (row, name, ancestor, steps)
        for row, name in enumerate(listed)
        for steps, ancestor in enumerate(name_and_ancestors(name))
    ]
    assert found.columns == ["id", "name", "ancestor", "steps"]


def test_lineage_of_the_longest_name() -> None:
    found = expand_ancestors(pl.DataFrame({"name": ["a." * 126 + "a"]}), "name")
    assert found["steps"].max() == 126
    assert found.schema["steps"] == pl.UInt8
