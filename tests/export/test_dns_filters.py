"""Exports that filter by DNS facts: dead names and countries."""

from pathlib import Path

import polars as pl
import pytest

from blocklist.ledger.db.writer import open_ledger_writer
from blocklist.ledger.dns.facts import DnsFact, save_facts
from blocklist.model import Liveness
from blocklist.resolve.countries import CountryFilter
from tests.support import mmdb
from tests.support.cli import Run, commands

COUNTRIES = {
    "45.95.168.0/24": {"country_code": "CN"},
    "45.95.169.0/24": {"country_code": "DE"},
    "198.51.100.0/25": {"country_code": "CN"},
    "198.51.100.128/25": {"country_code": "DE"},
}
AT = {
    "in-china.top": ("198.51.100.1",),
    "at-home.top": ("198.51.100.200",),
    "in-both.top": ("198.51.100.1", "198.51.100.200"),
    "nowhere-known.top": ("192.0.2.1",),
    "gone.top": (),
}
NAMES = (*AT, "shop.gone.top", "never-asked.top", "mine.top")
NETWORKS = ("45.95.168.5", "45.95.169.204")
CONFIG = """
[policy]
widen = false
[feeds.fraud]
url = "fraud.txt"
format = "domains"
[feeds.servers]
url = "servers.txt"
format = "ips"
[resolve]
country = "country.mmdb"
"""
CASES = [
    ("", set(NAMES), "no filter"),
    ("alive = true", set(NAMES) - {"gone.top", "shop.gone.top"}, "without dead names"),
    ('countries = ["CN"]', {"in-china.top", "in-both.top", "mine.top"}, "also in China"),
    ('not_countries = ["DE"]', set(NAMES) - {"at-home.top", "in-both.top"}, "not in Germany"),
    (
        'countries = ["CN"]\nnot_countries = ["DE"]',
        {"in-china.top", "mine.top"},
        "in China and not in Germany",
    ),
    ('countries = ["CN", "DE"]', {*list(AT)[:3], "mine.top"}, "in one of two countries"),
]


def fact(name: str, domain: str, state: Liveness, addresses: tuple[str, ...]) -> DnsFact:
    day = "2026-05-03T06:00:00Z"
    return DnsFact(name, domain, state, day, "answer", addresses, None, day, day, 24)


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    mmdb.write(tmp_path / "country.mmdb", COUNTRIES)
    (tmp_path / "fraud.txt").write_text("\n".join(NAMES))
    (tmp_path / "servers.txt").write_text("\n".join(NETWORKS))
    exports = [
        f'[exports.e{number}]\ntarget = "domains"\npath = "domains{number}"\n{keys}\n'
        for number, (keys, *_) in enumerate(CASES)
    ]
    keys = 'countries = ["CN"]'
    exports.append(f'[exports.nets]\ntarget = "cidr"\npath = "nets"\n{keys}\n')
    (tmp_path / "blocklist.toml").write_text(CONFIG + "".join(exports))
    run = commands(tmp_path, monkeypatch, capsys)
    assert run("block", "add", "mine.top", "--scope", "exact").code == 0
    with open_ledger_writer(tmp_path / "blocklist.db", "resolve") as writer:
        alive = [fact(name, name, Liveness.ALIVE, at) for name, at in AT.items() if at]
        dead = [fact(name, "gone.top", Liveness.DEAD, ()) for name in ("gone.top", "shop.gone.top")]
        mine = fact("mine.top", "mine.top", Liveness.DEAD, ("198.51.100.200",))
        save_facts(writer, [*alive, *dead, mine])
    return run


def entries(path: str) -> set[str]:
    lines = Path(path).read_text().splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def test_names_of_each_export(command: Run) -> None:
    ended = command("run")
    assert ended.code == 0, ended
    for number, (_, expected, why) in enumerate(CASES):
        assert entries(f"domains{number}") == expected, why
    assert entries("nets") == {"45.95.168.5"}


def test_countries_need_a_file(command: Run) -> None:
    path = Path("blocklist.toml")
    path.write_text(path.read_text().replace('country = "country.mmdb"', ""))
    ended = command("run")
    assert ended.code == 2
    assert (
        "exports.e2.countries: no file has the countries of addresses; set resolve.country"
        in ended.err
    )
    path.write_text(path.read_text().replace('"CN"', '"China"'))
    assert "expected a country code in capitals" in command("run").err


FILTERS = [
    (CountryFilter(), {"CN"}, True),
    (CountryFilter(), set(), True),
    (CountryFilter(any_of=frozenset({"CN"})), {"CN", "DE"}, True),
    (CountryFilter(any_of=frozenset({"CN"})), {"DE"}, False),
    (CountryFilter(any_of=frozenset({"CN"})), set(), False),
    (CountryFilter(none_of=frozenset({"DE"})), {"CN", "DE"}, False),
    (CountryFilter(none_of=frozenset({"DE"})), {"CN"}, True),
    (CountryFilter(none_of=frozenset({"DE"})), set(), True),
    (CountryFilter(frozenset({"CN", "FR"}), frozenset({"DE"})), {"FR"}, True),
]


@pytest.mark.parametrize(("country_filter", "countries", "accepted"), FILTERS)
def test_country_filter_on_values_and_columns(
    country_filter: CountryFilter, countries: set[str], accepted: bool
) -> None:
    assert country_filter.accepts(frozenset(countries)) is accepted
    column = pl.DataFrame({"at": [sorted(countries)]}, schema={"at": pl.List(pl.String)})
    assert column.select(country_filter.to_expr("at")).item() is accepted
    if not countries:
        nulls = pl.DataFrame({"at": [None]}, schema={"at": pl.List(pl.String)})
        assert nulls.select(country_filter.to_expr("at")).item() is accepted
