"""What was in force then: `check --at` against what `check` said at the time."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from blocklist.check.single import Answer, check_one
from blocklist.errors import BlocklistError
from blocklist.ledger.db import timestamps
from blocklist.ledger.db.connection import open_read_only
from blocklist.ledger.db.writer import open_ledger_writer
from blocklist.ledger.lookup import LedgerLookup
from blocklist.ledger.operator.entries import add_entry, remove_entries
from blocklist.ledger.point_in_time import parse_point_in_time
from blocklist.model import Entry, Indicator, Kind, Scope, Verdict
from tests.support.cli import commands
from tests.support.releases import run_build

SETTINGS = """
[feeds.names]
url = "names.txt"
format = "domains"
max_shrink = 1.0

[feeds.pages]
url = "pages.txt"
format = "urls"
max_shrink = 1.0

[feeds.nets]
url = "nets.txt"
format = "ips"
max_shrink = 1.0

[guards.top]
url = "top.txt"
format = "domains"
max_shrink = 1.0
"""
NAMES = [f"{host}fraud{number}.top" for number in range(12) for host in ("", "login.")]
PAGES = [f"https://shop{number}.com/{page}" for number in range(6) for page in ("", "pay")]
NETS = [f"45.9.{number}.0/{size}" for number in range(4) for size in (24, 25)]
ASKED = [*NAMES, *PAGES, *NETS, "www.fraud1.top", "shop1.com", "45.9.1.7", "nobody.org"]
START = datetime(2026, 5, 1, 6, tzinfo=UTC)


class Clock(datetime):
    """A clock that the simulation sets."""

    moment = START

    @classmethod
    def now(cls, tz: object = None) -> "Clock":
        """Return the simulated time."""
        del tz
        return cls.fromtimestamp(cls.moment.timestamp(), UTC)


def some(chance: random.Random, values: list[str]) -> str:
    taken = chance.sample(values, chance.randint(1, len(values)))
    return "".join(f"{value}\n" for value in taken)


def one_day(folder: Path, chance: random.Random) -> None:
    """Change feeds, the guard and the operator's entries at random, and build a release."""
    for name, values in (("names", NAMES), ("pages", PAGES), ("nets", NETS), ("top", NAMES[:6])):
        if chance.random() < 0.7:
            (folder / f"{name}.txt").write_text(some(chance, values))
    name = chance.choice(NAMES)
    with open_ledger_writer(folder / "blocklist.db", "test") as opened:
        action = chance.choice([Verdict.ALLOW, Verdict.BLOCK])
        if chance.random() < 0.5:
            entry = Entry(Kind.DOMAIN, name, chance.choice(list(Scope)), action, "x", "", None)
            add_entry(opened, entry)
        else:
            remove_entries(opened, Indicator(Kind.DOMAIN, name), action)
    run_build(folder)


def answers(folder: Path, at: str | None = None) -> dict[str, Answer]:
    """Return what is said of each name, but for the score, which is not kept of the past."""
    with open_read_only(folder / "blocklist.db") as reader:
        assert reader is not None
        lookup = LedgerLookup(reader, None if at is None else parse_point_in_time(reader, at))
        return {name: replace(check_one(name, lookup), score=None) for name in ASKED}


@pytest.mark.parametrize(
    ("days", "pairs"), [(4, 30), pytest.param(30, 1000, marks=pytest.mark.slow)]
)
def test_what_was_said_then_is_said_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, pairs: int
) -> None:
    chance = random.Random(days)
    monkeypatch.setattr(timestamps, "datetime", Clock)
    (tmp_path / "blocklist.toml").write_text(SETTINGS + "\n[gate]\nalways = 1000\n")
    for name, values in (("names", NAMES), ("pages", PAGES), ("nets", NETS), ("top", NAMES[:6])):
        (tmp_path / f"{name}.txt").write_text(some(chance, values))
    said = []
    for day in range(days):
        monkeypatch.setattr(Clock, "moment", START + timedelta(days=day))
        one_day(tmp_path, chance)
        said.append(answers(tmp_path))
    assert len({answer.release for one in said for answer in one.values()}) > days // 2
    assert {answer.verdict for one in said for answer in one.values()} == set(Verdict)
    for _ in range(pairs):
        day, name = chance.randrange(days), chance.choice(ASKED)
        at = START + timedelta(days=day, seconds=chance.randrange(86400))
        with open_read_only(tmp_path / "blocklist.db") as reader:
            assert reader is not None
            found = check_one(
                name, LedgerLookup(reader, parse_point_in_time(reader, at.isoformat()))
            )
        assert found == said[day][name], (name, at)
    last = said[-1]["nobody.org"].release
    assert answers(tmp_path, str(last)) == said[-1]
    assert answers(tmp_path, "2026-04-30")["nobody.org"].release is None
    whole = (START + timedelta(days=days - 1)).date().isoformat()
    assert answers(tmp_path, whole) == said[-1], "a date is the end of its day"


@pytest.mark.parametrize(
    ("at", "says"),
    [
        ("2999-01-01", "is yet to come"),
        ("soon", "expected a date such as 2026-05-03"),
        ("2026-13-01", "expected a date"),
        ("0001-01-01T00:00:00+14:00", "expected a date"),
        ("99", "there is no release 99"),
    ],
)
def test_a_moment_that_is_none(tmp_path: Path, at: str, says: str) -> None:
    with open_ledger_writer(tmp_path / "x.db", "test"), pytest.raises(BlocklistError, match=says):  # noqa: SIM117
        with open_read_only(tmp_path / "x.db") as reader:
            assert reader is not None
            parse_point_in_time(reader, at)


def test_check_at_as_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = commands(tmp_path, monkeypatch, capsys)
    (tmp_path / "blocklist.toml").write_text('[feeds.mine]\nurl = "mine.txt"\nformat = "domains"\n')
    (tmp_path / "mine.txt").write_text("fraud.top\nother.top\n")
    command("run")
    (tmp_path / "mine.txt").write_text("other.top\n")
    command("run")
    assert command("check", "fraud.top").code == 0
    ended = command("check", "fraud.top", "--at", "1", "--json")
    assert ended.code == 1
    (answer,) = ended.json["answers"]
    assert (answer["release"], answer["listings"][0]["until"]) == (1, None)
    assert "there was no release then" in command("check", "fraud.top", "--at", "2020-01-01").err
    assert command("check", "fraud.top", "--at", "never").code == 2
