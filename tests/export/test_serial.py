"""Serials of zones: each change has a higher serial, also after a loss of data (RFC 1982)."""

from datetime import timedelta
from pathlib import Path

import pytest

from blocklist.export.render.file_head import latest_serial, next_serial
from blocklist.export.select.release_content import ExportContext
from blocklist.export.update import export_one
from tests.support.exports import NOW, export_to, release, run

ROWS, OTHERS = "block exact x.example", "block exact y.example"
TIME = 1_777_811_400


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
    file.write_text(f"; Made by Blocklist.\n$TTL 300\n{head}\n")
    assert latest_serial(stored, file) == expected, why
    assert latest_serial(stored, tmp_path / "none") == stored


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
