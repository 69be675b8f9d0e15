"""Serials of zones: each change has a higher serial, also after a loss of data (RFC 1982)."""

from datetime import timedelta
from pathlib import Path

import pytest

from blocklist.errors import ExportFailed
from blocklist.export.render.zone_serial import latest_serial, next_serial
from blocklist.export.select.release_content import ExportContext
from blocklist.export.update import export_one
from tests.support.exports import NOW, ZONE, export_to, release, run

ROWS, OTHERS = "block exact x.example", "block exact y.example"
TIME = 1_777_811_400
OWN_HEAD = "; Made by Blocklist. Changes by hand are lost with the next release."


@pytest.mark.parametrize(
    ("previous", "expected", "why"),
    [
        (None, TIME, "the time"),
        (TIME - 1, TIME, "the time is higher"),
        (TIME, TIME + 1, "two changes in one second"),
        (1_777_900_000, 1_777_900_001, "the clock was set back"),
        (2**32 - 1, TIME, "the highest serial is below the time"),
        (TIME + 2**31 - 1, TIME + 2**31, "nearly half the number circle ahead"),
    ],
)
def test_next_serial(previous: int | None, expected: int, why: str) -> None:
    assert next_serial(previous, NOW) == expected, why


@pytest.mark.parametrize(
    ("stored", "head", "expected", "why"),
    [
        (5, "@ SOA a. b. 7 1 1 1 1", 7, "a run was killed before it stored the serial"),
        (7, "@ SOA a. b. 5 1 1 1 1", 7, "an old file was restored"),
        (None, "@ SOA a. b. 5 1 1 1 1", 5, "the ledger was lost"),
        (2**32 - 2, "@ SOA a. b. 3 1 1 1 1", 3, "3 is above the end of the number circle"),
        (3, "@ SOA a. b. 4294967295 1 1 1 1", 3, "the same the other way round"),
        (5, "", 5, "a file without a serial"),
        (5, "@ SOA a. b. many 1 1 1 1", 5, "a file with an invalid serial"),
        (None, "", None, "no serial at all"),
    ],
)
def test_latest_serial(
    tmp_path: Path, stored: int | None, head: str, expected: int, why: str
) -> None:
    file = tmp_path / "zone"
    file.write_text(f"{OWN_HEAD}\n$TTL 300\n{head}\n")
    assert latest_serial(stored, file, ZONE) == expected, why
    assert latest_serial(stored, tmp_path / "none", ZONE) == stored


LOCALHOST = "localhost. root.localhost."
OTHER_GENERATORS = [
    (f"$TTL 1H\n@ IN SOA {LOCALHOST} (\n  2026113001 ; serial\n  1H 10M 1W 5M )\n  IN NS x.\n",
     "several lines, with comments and units of time"),
    (f"@ IN SOA {LOCALHOST} 2026113001 1H 10M 1W 5M\n", "no $TTL"),
    (f"@ 3600 IN SOA {LOCALHOST} 2026113001 1 1 1 1\n", "a TTL before the class"),
    (f"@ IN 1H SOA {LOCALHOST} 2026113001 1 1 1 1\n", "a TTL after the class"),
    (f"@\tsoa\t{LOCALHOST}\t2026113001\t1\t1\t1\t1\n", "tabs, small letters, no class"),
    (f"  IN SOA {LOCALHOST} 2026113001 1 1 1 1\n", "no owner: the origin"),
    (f"{ZONE}. IN SOA {LOCALHOST} 2026113001 1 1 1 1\n", "an absolute owner"),
    (f"$ORIGIN example.\nrpz.office IN SOA {LOCALHOST} 2026113001 1 1 1 1\n", "a relative owner"),
    (f"$ORIGIN {ZONE}.\n@ IN SOA ns root 2026113001 1 1 1 1\n", "relative names in the data"),
    ("$ORIGIN other.example.\n@ IN SOA ns root 2026113001 1 1 1 1\n", "another name"),
    (f"@ IN SOA {LOCALHOST} (2026113001\n1\n1\n1\n1)\n", "brackets without spaces"),
    ("@ IN SOA ( localhost. ; primary (not this one)\n root.localhost. 2026113001 1 1 1 1 )\n",
     "a bracket in a comment"),
    (f"; comment\n\n\n; @ SOA a. b. 7 1 1 1 1\n@ IN SOA {LOCALHOST} 2026113001 1 1 1 1\n",
     "a record in a comment"),
    (f"{'; long' * 9}\n" * 2000 + f"@ IN SOA {LOCALHOST} 2026113001 1 1 1 1\n", "a long head"),
    (f"@ IN NS x.\na CNAME .\n@ IN SOA {LOCALHOST} 2026113001 1 1 1 1\n", "not the first record"),
    (f"@ IN TXT \"a ( ; b\"\n@ IN SOA {LOCALHOST} 2026113001 1 1 1 1\n", "a quoted text before"),
    (f"@ IN SOA {LOCALHOST} 2026113001 1 1 1 1\n$INCLUDE rest\n", "an $INCLUDE after it"),
    (f"@ IN SOA {LOCALHOST} 2026113001 1 1 1 1\nbroken\n", "a broken line after it"),
    (f"@ IN SOA {LOCALHOST} 2026113001 1 1 1 1\n".replace("\n", "\r\n"), "DOS line ends"),
    (f"\ufeff@ IN SOA {LOCALHOST} 2026113001 1 1 1 1\n", "a byte order mark"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "why"), OTHER_GENERATORS)
def test_the_zone_of_another_generator_is_taken_over(tmp_path: Path, text: str, why: str) -> None:
    export = export_to(tmp_path, "rpz")
    export.path.write_bytes(text.encode())
    assert run(export, ROWS).state.serial == 2026113002, why


@pytest.mark.parametrize(
    ("serial", "expected", "why"),
    [
        (1, TIME, "far below the time"),
        (TIME - 1, TIME, "just below the time"),
        (2026113001, 2026113002, "a date"),
        (2**32 - 1, TIME, "the highest serial"),
        (0, TIME, "the lowest serial"),
        (TIME + 2**31, TIME + 2**31 + 1, "half the number circle ahead, which is undefined"),
        (TIME + 2**31 + 1, TIME, "more than half the number circle ahead, so below the time"),
    ],
)
def test_the_serial_rises_from_any_serial(
    tmp_path: Path, serial: int, expected: int, why: str
) -> None:
    export = export_to(tmp_path, "rpz")
    export.path.write_text(f"@ IN SOA {LOCALHOST} (\n{serial} 1 1 1 1 )\n")
    assert run(export, ROWS).state.serial == expected, why


UNREADABLE = [
    ("$INCLUDE head\n", "an $INCLUDE before the SOA record"),
    (f"@ IN SOA {LOCALHOST} many 1 1 1 1\n", "no number"),
    (f"@ IN SOA {LOCALHOST} 4294967296 1 1 1 1\n", "a number that is too high"),
    (f"@ IN SOA {LOCALHOST} ( 7 1 1 1 1\n", "a bracket that is not closed"),
    (f"@ IN SOA {LOCALHOST} 7\n", "numbers are missing"),
    ("\0\0\0\2\0\0\0\1raw", "the raw format of BIND"),
    ("<html>no zone</html>\n", "no zone"),
]


@pytest.mark.parametrize(("text", "why"), UNREADABLE)
def test_a_zone_whose_serial_cannot_be_read_stays(tmp_path: Path, text: str, why: str) -> None:
    export = export_to(tmp_path, "rpz")
    export.path.write_text(text)
    with pytest.raises(ExportFailed, match=r"serial .* cannot be read .*delete the file"):
        run(export, ROWS)
    assert export.path.read_text() == text, why


@pytest.mark.parametrize(
    ("text", "why"), [("", "an empty file"), ("; nothing yet\n", "a comment"), ("\n", "a line end")]
)
def test_a_file_without_records_has_no_serial(tmp_path: Path, text: str, why: str) -> None:
    export = export_to(tmp_path, "rpz")
    export.path.write_text(text)
    assert run(export, ROWS).state.serial == TIME, why


def test_the_serial_is_found_after_lines_for_many_feeds(tmp_path: Path) -> None:
    export = export_to(tmp_path, "rpz")
    feeds = ExportContext(tuple(f"feed-{number}: CC0-1.0" for number in range(200)))
    first = export_one(export, release(ROWS), 7, None, NOW, feeds).state
    lost = export_one(export, release(OTHERS), 1, None, NOW - timedelta(days=1), feeds).state
    assert (first.serial, lost.serial) == (TIME, TIME + 1)


def test_serials_of_a_zone_over_time(tmp_path: Path) -> None:
    export = export_to(tmp_path, "rpz")
    first = run(export, ROWS).state
    same = export_one(export, release(ROWS), 8, first, NOW + timedelta(hours=1)).state
    second = export_one(export, release(OTHERS), 9, same, NOW).state
    back = export_one(export, release(ROWS), 10, second, NOW).state
    lost = export_one(export, release(OTHERS), 1, None, NOW - timedelta(days=1)).state
    serials = [state.serial for state in (first, same, second, back, lost)]
    assert serials == [TIME, TIME, TIME + 1, TIME + 2, TIME + 3]


def test_only_zones_have_a_serial(tmp_path: Path) -> None:
    assert run(export_to(tmp_path, "hosts"), ROWS).state.serial is None
