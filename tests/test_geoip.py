"""Locations of addresses, from files in the forms of several makers."""

import sys
from pathlib import Path

import pytest

from blocklist.errors import StorageError
from blocklist.geoip import GeoIpDatabase, GeoLocation
from blocklist.ledger.db.writer import open_ledger_writer
from blocklist.ledger.dns.facts import DnsFact, save_facts
from blocklist.model import Liveness
from tests.support import mmdb
from tests.support.cli import commands

COUNTRIES = {
    "198.51.100.0/24": {"country": {"iso_code": "DE"}},
    "203.0.113.0/25": {"country_code": "CN"},
    "203.0.113.128/25": {"country": "FR"},
    "192.0.2.0/24": {"registered_country": {"iso_code": "BR"}},
    "2001:db8::/32": {"country": {"iso_code": "JP"}},
}
NETWORKS = {
    "198.51.100.0/24": {"autonomous_system_number": 64500, "autonomous_system_organization": "A"},
    "203.0.113.0/25": {"asn": "AS64501", "as_name": "B", "country": "ZZ"},
    "203.0.113.128/25": {"asn": "no number", "name": "C"},
}
PLACES = [
    ("198.51.100.7", GeoLocation("DE", 64500, "A"), "as MaxMind and DB-IP write it"),
    ("203.0.113.7", GeoLocation("CN", 64501, "B"), "the first file's word on the country stands"),
    ("203.0.113.200", GeoLocation("FR", None, "C"), "a number that is none"),
    ("192.0.2.1", GeoLocation("BR"), "only where it is registered"),
    ("2001:db8::1", GeoLocation("JP"), "IPv6"),
    ("8.8.8.8", GeoLocation(), "nowhere in the files"),
    ("198.51.100.0/24", GeoLocation("DE", 64500, "A"), "a network in one place"),
    ("203.0.113.0/24", GeoLocation(), "a network in two places"),
    ("198.51.100.0/23", GeoLocation(), "a network half of which is known"),
]


@pytest.fixture(params=["compiled", "python"])
def atlas(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> GeoIpDatabase:
    if request.param == "python":
        monkeypatch.setitem(sys.modules, "maxminddb.extension", None)
        for name in [name for name in sys.modules if name == "maxminddb"]:
            monkeypatch.delitem(sys.modules, name)
    country = mmdb.write(tmp_path / "country.mmdb", COUNTRIES)
    return GeoIpDatabase(country, mmdb.write(tmp_path / "asn.mmdb", NETWORKS))


@pytest.mark.parametrize(("value", "place", "why"), PLACES, ids=[row[2] for row in PLACES])
def test_places(atlas: GeoIpDatabase, value: str, place: GeoLocation, why: str) -> None:
    del why
    with atlas:
        assert atlas.locate(value) == place


def test_a_place_in_words() -> None:
    assert str(GeoLocation("DE", 64500, "Example")) == "DE, AS64500 Example"
    assert [str(GeoLocation("DE")), str(GeoLocation(None, 1)), str(GeoLocation())] == [
        "DE",
        "AS1",
        "",
    ]


@pytest.mark.parametrize("content", [None, b"", b"no such thing", b"\0" * 3000], ids=repr)
def test_a_file_that_is_none_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "country.mmdb"
    if content is not None:
        path.write_bytes(content)
    with (
        GeoIpDatabase(path) as atlas,
        pytest.raises(StorageError, match=r"country\.mmdb: not a readable"),
    ):
        atlas.locate("192.0.2.1")


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = mmdb.write(tmp_path / "country.mmdb", COUNTRIES)
    whole = path.read_bytes()
    start = whole.index(b"\0" * 16 + b"\xe1")
    path.write_bytes(whole[: start + 16] + b"\xff" * 40 + whole[start + 56 :])
    with (
        GeoIpDatabase(path) as atlas,
        pytest.raises(StorageError, match=r"country\.mmdb: not a readable"),
    ):
        atlas.locate("198.51.100.7")


def test_check_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mmdb.write(tmp_path / "country.mmdb", COUNTRIES)
    (tmp_path / "blocklist.toml").write_text('[resolve]\ncountry = "country.mmdb"\n')
    command = commands(tmp_path, monkeypatch, capsys)
    assert "  where: DE" in command("check", "198.51.100.7").out
    (answer,) = command("check", "--json", "203.0.113.7").json["answers"]
    place = {"address": "203.0.113.7", "country": "CN", "asn": None, "operator": None}
    assert answer["facts"] == {"places": [place]}
    (tmp_path / "country.mmdb").unlink()
    ended = command("check", "203.0.113.7")
    assert (ended.code, "not a readable" in ended.err) == (2, True)


def test_a_review_chooses_by_country(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mmdb.write(tmp_path / "country.mmdb", COUNTRIES)
    where = {"china.top": "203.0.113.7", "home.top": "198.51.100.7", "unknown.top": "8.8.8.8"}
    (tmp_path / "famous.txt").write_text("\n".join(where))
    (tmp_path / "blocklist.toml").write_text(
        '[feeds.fraud]\nurl = "famous.txt"\nformat = "domains"\n'
        '[guards.famous]\nurl = "famous.txt"\nformat = "domains"\n'
        '[resolve]\ncountry = "country.mmdb"\n'
    )
    command = commands(tmp_path, monkeypatch, capsys)
    command("run")
    day = "2026-05-03T06:00:00Z"
    with open_ledger_writer(tmp_path / "blocklist.db", "resolve") as writer:
        save_facts(
            writer,
            (
                DnsFact(name, name, Liveness.ALIVE, day, "answer", (at,), None, day, day, 24)
                for name, at in where.items()
            ),
        )

    def held(*words: str) -> set[str]:
        found = command("review", "list", "--json", *words).json
        assert found["held"] == found["shown"] == len(found["items"])
        return {item["indicator"] for item in found["items"]}

    assert held() == set(where)
    assert held("--country", "CN") == {"china.top"}
    assert held("--country", "CN", "--country", "DE") == {"china.top", "home.top"}
    assert held("--not-country", "DE") == {"china.top", "unknown.top"}


@pytest.mark.corpus
def test_a_real_file(corpus: Path) -> None:
    with GeoIpDatabase(corpus.parent / "geo" / "country.mmdb") as atlas:
        assert atlas.locate("8.8.8.8").country == "US"
        assert atlas.locate("202.96.0.1").country == "CN"
