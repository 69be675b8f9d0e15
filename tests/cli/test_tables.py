"""Tests of tables: they fit their width, and no name or number is cut."""

import re

import pytest

from blocklist.cli.render.findings import wrap
from blocklist.cli.tables import layout_plain, layout_table, measure, wrap_line, wrap_words
from blocklist.cli.times import localize_times

LABEL = "a" * 60
LONG_NAME = ".".join(["b" * 63, "c" * 63, "d" * 63, "e" * 61])
COLUMNS = ("name", "entries", "why", "since", "feeds")
DROP = ("feeds", "since", "why")
ROWS = {
    "short cells": ("shop.made-up", "190,633", "listed", "2026-11-30T17:05:42Z", "urlhaus"),
    "a text of many words": ("shop.made-up", "1", "a reason of words " * 9, "", "urlhaus, phish"),
    "a name of 253 octets": (LONG_NAME, "190,633", "listed", "", "urlhaus"),
    "a label of 60 octets": (f"{LABEL}.made-up", "1", "", "", ""),
    "a long word that is no name": ("shop.made-up", "1", f"see https://{LONG_NAME}/x", "", ""),
    "wide characters": ("xn--abc = 銀行.made-up", "1", "詐欺 詐欺 " * 12, "", "urlhaus"),
    "emoji": ("shop.made-up", "1", "💰 " * 30, "", "urlhaus"),
    "right to left": ("בנק.made-up", "190,633", "הונאה " * 12, "", "urlhaus"),
    "combining characters": ("cafe\u0301.made-up", "1", "re\u0301gime " * 12, "", "urlhaus"),
    "many feeds": ("shop.made-up", "190,633", "", "", ", ".join(f"feed-{n}" for n in range(30))),
    "only a name": ("shop.made-up", "", "", "", ""),
    "empty cells": ("", "", "", "", ""),
}
WIDTHS = (20, 40, 60, 80, 100, 200)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("row", ROWS.values(), ids=list(ROWS))
def test_lines_fit_unless_they_are_one_word(row: tuple[str, ...], width: int) -> None:
    for line in layout_table(COLUMNS, [row], width, drop=DROP):
        words = line.split()
        is_word = len(words) == 1 or (len(words) == 2 and words[0].endswith(":"))
        assert measure(line) <= width or is_word, line


@pytest.mark.parametrize("width", WIDTHS)
def test_names_and_numbers_are_never_cut(width: int) -> None:
    rows = list(ROWS.values())
    words = " ".join(layout_table(COLUMNS, rows, width, drop=DROP)).split()
    for row in rows:
        assert {*row[0].split(), *row[1].split()} <= set(words)


def test_wide_terminal_shows_all_columns_on_one_line_a_row() -> None:
    rows = [ROWS["short cells"], ROWS["only a name"]]
    assert layout_table(COLUMNS, rows, 200, drop=DROP) == layout_plain(COLUMNS, rows)


def test_columns_are_left_out_in_the_stated_order_and_named() -> None:
    head, *_, last = layout_table(COLUMNS, [ROWS["short cells"]], 45, drop=DROP)
    assert "feeds" not in head
    assert "why" in head
    assert last.startswith("(no room for: feeds")


def test_a_table_without_room_becomes_cards() -> None:
    lines = layout_table(("name", "count", "of"), [("shop.made-up", "190,633", "")], 14)
    assert lines == ["shop.made-up", "  count:", "    190,633"]


def test_a_name_that_is_too_long_has_a_line_of_its_own() -> None:
    lines = layout_table(COLUMNS, [ROWS["a name of 253 octets"]], 80, drop=DROP)
    assert LONG_NAME in lines


@pytest.mark.parametrize("width", WIDTHS)
def test_a_table_without_rows_shows_its_head(width: int) -> None:
    assert layout_table(("name", "entries"), [], width) == ["name  entries"]


@pytest.mark.parametrize(
    ("text", "columns"),
    [("abc", 3), ("銀行", 4), ("💰", 2), ("cafe\u0301", 4), ("בנק", 3), ("", 0)],
)
def test_measure_counts_columns_of_a_terminal(text: str, columns: int) -> None:
    assert measure(text) == columns


def test_a_local_time_stays_on_one_line() -> None:
    rows = [("1", "2026-12-01 03:47 +0100", "a reason of many words " * 3)]
    for width in WIDTHS:
        text = "\n".join(layout_table(("release", "created", "why"), rows, width))
        assert "2026-12-01 03:47 +0100" in text


def test_wrapped_lines_are_indented() -> None:
    assert wrap_words("one two three", 9, "- ", "    ") == ["- one two", "    three"]
    assert wrap_words("", 9) == [""]


@pytest.mark.parametrize(
    ("line", "lines"),
    [
        ("", [""]),  # an empty line
        ("  a  b", ["  a  b"]),  # it fits: its gaps stay
        ("one two three four", ["one two", "  three", "  four"]),
        ("    7 popular: shop", ["    7", "      popular:", "      shop"]),
        (f"see {LONG_NAME}", ["see", f"  {LONG_NAME}"]),  # a name is never cut
        ("銀行 銀行 銀行", ["銀行 銀行", "  銀行"]),  # two columns a character
        ("a  decides: hold", ["a decides:", "  hold"]),  # its gaps go
        ("2026-12-01 03:47 +0100 x", ["2026-12-01 03:47 +0100", "  x"]),  # a time is one word
    ],
)
def test_long_lines_are_wrapped_at_words(line: str, lines: list[str]) -> None:
    assert wrap_line(line, 10) == lines


SENTENCE = "a long sentence about a server that does not answer " * 2
#: A text of `status` or `doctor`, the indent of its further lines, and its first word or title.
FINDINGS = [
    (f"release   2 of 2026-11-30T16:05:42Z: {SENTENCE}", " " * 10, "release   2 of 2026-11-30"),
    (f"last run  run; {SENTENCE}", " " * 10, "last run  run; a"),  # two words in the title
    (f"  do: {SENTENCE}", "      ", "  do: a"),  # an indent and no title
    (f"warning: exports: {SENTENCE}", "  ", "warning: exports: a"),
    (f"problem: feeds {LABEL}: {SENTENCE}", "  ", "problem: feeds"),  # a word wider than the rest
    ("short", "  ", "short"),
    ("", "  ", ""),
]


@pytest.mark.parametrize("width", [64, 80, 200])
@pytest.mark.parametrize(("text", "indent", "start"), FINDINGS)
def test_findings_fit_a_terminal(
    monkeypatch: pytest.MonkeyPatch, text: str, indent: str, start: str, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    first, *others = wrap(text, indent)
    assert first.startswith(start)
    assert max(map(measure, [first, *others])) <= min(width, 80)
    assert all(line.startswith(indent) for line in others)
    assert re.findall(r"\S+", localize_times(text)) == " ".join([first, *others]).split()


def test_a_long_path_after_a_title_has_a_line_of_its_own() -> None:
    path = f"/tmp/{LABEL}/{LABEL}/blocklist.db"
    assert wrap(f"database  {path}", " " * 10) == ["database", " " * 10 + path]
