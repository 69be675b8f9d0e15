"""Real feeds: their formats are detected by content, and every line is counted."""

from pathlib import Path

import polars as pl
import pytest

from blocklist.parse.detect import detect_format
from blocklist.parse.parser import parse_snapshot
from blocklist.parse.registry import load_formats
from blocklist.parse.result import ParseResult
from tests.support.corpus import NON_LISTS, corpus_files, format_of_file

pytestmark = pytest.mark.corpus

#: Every refusal of these files was looked at.
REFUSED = {
    "bank-website.json": {"single-label": 1},
    "cloudflare-top100k.json": {"single-label": 1},
    "discord-antiscam.json": {"bad-character": 4, "single-label": 2},
    "durablenapkin.adblock.txt": {"pattern": 9, "empty-label": 1},
    "maltrail-static.trails.txt": {
        "path": 3817,
        "regex": 3,
        "single-label": 2,
        "not-an-address": 1,
        "partial-address": 1,
    },
    "openphish-domains.domains.txt": {"single-label": 2},
    "second-level-tlds.json": {"single-label": 1448},
}


@pytest.fixture(scope="module")
def parsed(corpus: Path) -> dict[str, ParseResult]:
    known = {name: file for name, file in corpus_files(corpus).items() if name not in NON_LISTS}
    return {
        name: parse_snapshot(file.read_bytes(), format_of_file(file))
        for name, file in known.items()
    }


def test_names_of_files_are_understood(corpus: Path) -> None:
    known = [file for name, file in corpus_files(corpus).items() if name not in NON_LISTS]
    expected = load_formats().keys() - {"csv", "public-suffix", "rpz", "stix"}
    assert {format_of_file(file) for file in known} == expected


def test_detect_says_what_the_name_says(corpus: Path) -> None:
    known = {name: file for name, file in corpus_files(corpus).items() if name not in NON_LISTS}
    found = {name: detect_format(file.read_bytes()) for name, file in known.items()}
    assert found == {name: format_of_file(file) for name, file in known.items()}


def test_counts_add_up(parsed: dict[str, ParseResult]) -> None:
    for name, one in parsed.items():
        assert one.lines == one.accepted + one.comments + one.refusals.height, name
        assert one.indicators["value"].null_count() == 0, name
        duplicates = one.dropped_counts.get("duplicate", 0)
        assert one.indicators.height == one.accepted - duplicates, "one a line here"
        assert one.share_accepted > 0.8, name


def test_only_known_lines_are_refused(parsed: dict[str, ParseResult]) -> None:
    assert {
        name: one.refusal_counts for name, one in parsed.items() if one.refusal_counts
    } == REFUSED


@pytest.mark.parametrize(
    ("name", "line", "why"),
    [
        ("openphish-domains.domains.txt", "cpsess1530024440", "a part of a path"),
        ("durablenapkin.adblock.txt", "||booking.com-id*", "a wildcard within a label"),
        ("durablenapkin.adblock.txt", "||avito.avito.avito.", "the start of a name"),
        ("discord-antiscam.json", "royaljapan02.*", "any ending"),
        ("discord-antiscam.json", "captcha-lookup.xyz?path=verification", "a query, not a path"),
        ("maltrail-static.trails.txt", "registry.12913298", "no name ends in a number"),
        ("maltrail-static.trails.txt", "/365-Stealer/", "a path of any host"),
    ],
)
def test_a_refusal(parsed: dict[str, ParseResult], name: str, line: str, why: str) -> None:
    assert line in parsed[name].refusals["text"], why


@pytest.mark.parametrize(
    ("name", "value", "evidence", "why"),
    [
        (
            "urlhaus.domains.txt",
            "107.173.9.85",
            "0000153.0000255.0000011.0000125",
            "an address in octal, as browsers read it",
        ),
        (
            "blp-redirect.hosts",
            "0------------0-------------0.0n-line.biz",
            "0------------0-------------0.0n-line.biz",
            "hyphens anywhere in a label",
        ),
        ("bank-website.json", "1822direkt.com", "1822direkt.com", "written with a leading dot"),
        ("openphish.urls.txt", "https://api.msuto.com/", "https://api.msuto.com/", "a URL"),
        ("maltrail-static.trails.txt", "51.210.1.239", "51.210.1.239:8443", "a port"),
    ],
)
def test_an_indicator(
    parsed: dict[str, ParseResult], name: str, value: str, evidence: str, why: str
) -> None:
    row = parsed[name].indicators.filter(pl.col("value") == value)
    assert row["evidence"].to_list() == [evidence], why
