"""Tests of times on a terminal: local time with the UTC offset."""

import io
import time
from collections.abc import Iterator

import pytest

from blocklist.cli.times import localize_times, show_local_times


@pytest.fixture(autouse=True)
def _restore_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield
    monkeypatch.undo()
    time.tzset()


def _set_zone(monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()


# Rules of POSIX, so that no time zone database is needed.
BERLIN = "CET-1CEST,M3.5.0,M10.5.0/3"
NEW_YORK = "EST5EDT,M3.2.0,M11.1.0"
ZONES = {
    "winter": (BERLIN, "2026-11-30T16:05:42Z", "2026-11-30 17:05 +0100"),
    "summer": (BERLIN, "2026-07-01T16:05:42Z", "2026-07-01 18:05 +0200"),
    "last minute before summer time": (BERLIN, "2026-03-29T00:59:59Z", "2026-03-29 01:59 +0100"),
    "first minute of summer time": (BERLIN, "2026-03-29T01:00:00Z", "2026-03-29 03:00 +0200"),
    "hour that comes twice, first": (BERLIN, "2026-10-25T00:30:00Z", "2026-10-25 02:30 +0200"),
    "hour that comes twice, again": (BERLIN, "2026-10-25T01:30:00Z", "2026-10-25 02:30 +0100"),
    "west of UTC, the day before": (NEW_YORK, "2026-12-01T02:00:00Z", "2026-11-30 21:00 -0500"),
    "offset with minutes": ("IST-5:30", "2026-12-01T02:00:00Z", "2026-12-01 07:30 +0530"),
    "UTC": ("UTC0", "2026-12-01T02:00:00Z", "2026-12-01 02:00 +0000"),
}


@pytest.mark.parametrize(("zone", "utc", "local"), ZONES.values(), ids=list(ZONES))
def test_time_is_local(monkeypatch: pytest.MonkeyPatch, zone: str, utc: str, local: str) -> None:
    _set_zone(monkeypatch, zone)
    assert localize_times(f"since {utc}, it is held") == f"since {local}, it is held"


@pytest.mark.parametrize(
    "text",
    [
        "list-2026-11-30T16:05:42Z.txt",
        "/var/backup/2026-11-30T16:05:42Z",
        "2026-11-30T16:05:42Z.db",
        "2026-13-30T16:05:42Z",
        "2026-11-30T16:05:42+00:00",
        "2026-11-30",
    ],
)
def test_what_is_no_time_of_the_ledger_stays(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    _set_zone(monkeypatch, BERLIN)
    assert localize_times(text) == text


@pytest.mark.parametrize("text", ["(at {})", "{}.", "{};", '"{}"'])
def test_time_beside_punctuation_is_local(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    _set_zone(monkeypatch, BERLIN)
    shown = localize_times(text.format("2026-11-30T16:05:42Z"))
    assert shown == text.format("2026-11-30 17:05 +0100")


def test_times_in_pipes_stay_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    _set_zone(monkeypatch, BERLIN)
    assert show_local_times("2026-11-30T16:05:42Z", io.StringIO()) == "2026-11-30T16:05:42Z"
