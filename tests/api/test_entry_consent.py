"""Consent to entries that hit more than fraud: names -> what the refusal says, and how it ends."""

from pathlib import Path

import pytest

from blocklist import Blocklist, ConsentNeeded
from blocklist.model import Scope

CONFIG = """
[policy]
own = ["school.de", "mail.partner.fr", "44.1.0.0/16"]
[guards.top]
url = "top.txt"
format = "domains"
guard = "popular"
[feeds.mine]
url = "mine.txt"
format = "domains"
"""

RISKY = [
    ("famous.com", Scope.SUBTREE, "popular: famous.com (top)", "a popular name"),
    ("www.famous.com", Scope.EXACT, "popular: famous.com (top)", "and one below it"),
    ("school.de", Scope.SUBTREE, "your own: school.de", "an own name"),
    ("klassen.school.de", Scope.SUBTREE, "your own: school.de", "below an own name"),
    ("partner.fr", Scope.SUBTREE, "1 name below it is your own: mail.partner.fr", "above one"),
    ("co.uk", Scope.SUBTREE, "a public suffix", "all of a country"),
    ("de", Scope.BELOW, "below it", "all below a country's name"),
    ("uk", Scope.EXACT, "a public suffix", "the name of a country"),
    ("github.com", Scope.SUBTREE, "shared by many", "a platform"),
    ("letsencrypt.org", Scope.SUBTREE, "protected", "the core"),
    ("home.arpa", Scope.SUBTREE, "protected", "reserved"),
    ("10.0.0.0/8", Scope.SUBTREE, "protected: overlaps reserved", "a private network"),
    ("192.168.1.20", Scope.SUBTREE, "protected: overlaps reserved", "a printer"),
    ("8.8.8.8", Scope.SUBTREE, "protected", "a public resolver"),
    ("46.0.0.0/8", Scope.SUBTREE, "too wide for one owner", "a wide network"),
    ("2a01::/16", Scope.SUBTREE, "too wide for one owner", "a wide network of IPv6"),
    ("44.1.2.3", Scope.SUBTREE, "your own: overlaps policy.own", "in an own network"),
    ("listed.top", Scope.SUBTREE, "2 names below it are blocked now", "below a popular name"),
]
FINE = [
    ("fraud.top", Scope.SUBTREE, "nobody knows it"),
    ("partner.fr", Scope.EXACT, "the own name below it stays"),
    ("notfamous.com", Scope.SUBTREE, "another name that ends alike"),
    ("tenant.github.io", Scope.SUBTREE, "a tenant of a platform"),
    ("x.example", Scope.SUBTREE, "a name for documentation"),
    ("203.0.113.0/24", Scope.SUBTREE, "a network for documentation"),
    ("46.9.9.0/24", Scope.SUBTREE, "a network of one owner"),
    ("https://www.famous.com/login", Scope.SUBTREE, "a page"),
]


@pytest.fixture
def library(tmp_path: Path) -> Blocklist:
    (tmp_path / "blocklist.toml").write_text(CONFIG)
    (tmp_path / "top.txt").write_text("famous.com\nwww.listed.top\n")
    (tmp_path / "mine.txt").write_text("a.listed.top\nb.listed.top\nelsewhere.top\n")
    library = Blocklist.open(tmp_path / "blocklist.toml")
    library.run()
    return library


@pytest.mark.parametrize(("name", "scope", "says", "why"), RISKY)
def test_risky_blocks_need_consent(
    library: Blocklist, name: str, scope: Scope, says: str, why: str
) -> None:
    with pytest.raises(ConsentNeeded) as raised:
        library.block.add([name, "fraud.top"], scope=scope)
    (risk,) = raised.value.risks
    assert risk.startswith(f"{name}: "), why
    assert says in risk, why
    assert "--anyway" in str(raised.value)
    assert library.block.list() == (), "all or none"
    assert len(library.block.add(name, scope=scope, anyway=True).entries) == 1
    assert library.block.remove(name).entries, "what is there can always be removed"


@pytest.mark.parametrize(("name", "scope", "why"), FINE)
def test_other_blocks_need_none(library: Blocklist, name: str, scope: Scope, why: str) -> None:
    assert len(library.block.add(name, scope=scope).entries) == 1, why


@pytest.mark.parametrize("name", ["famous.com", "school.de", "10.0.0.0/8", "46.0.0.0/8"])
def test_allows_need_none(library: Blocklist, name: str) -> None:
    assert len(library.allow.add(name).entries) == 1


@pytest.mark.parametrize("name", ["com", "co.uk", "github.io"])
def test_an_allow_of_a_public_suffix_needs_consent(library: Blocklist, name: str) -> None:
    with pytest.raises(ConsentNeeded, match=r"public suffix.*\n.*--anyway"):
        library.allow.add(name)
    assert library.allow.add(name, scope=Scope.EXACT).entries, "the name alone is no risk"
    assert library.allow.add(name, public_suffix=True).entries
    assert library.allow.add(name, anyway=True).entries


def test_consent_to_a_public_suffix_is_none_to_own_names(library: Blocklist) -> None:
    assert library.block.add("co.uk", public_suffix=True).entries
    with pytest.raises(ConsentNeeded, match=r"your own: school\.de"):
        library.block.add("de", public_suffix=True)


def test_guards_count_before_the_first_run(tmp_path: Path) -> None:
    (tmp_path / "blocklist.toml").write_text('[policy]\nown = ["school.de"]\n')
    library = Blocklist.open(tmp_path / "blocklist.toml")
    for name in ("school.de", "10.1.1.1", "com"):
        with pytest.raises(ConsentNeeded):
            library.block.add(name)
    assert library.block.add("fraud.top").entries


def test_a_block_asks_before_it_takes_the_place_of_an_allow(library: Blocklist) -> None:
    library.allow.add("q.top", author="ann", reason="a customer")
    with pytest.raises(ConsentNeeded, match=r"ann set allow at 2.* \(a customer\), and a bl"):
        library.block.add("q.top")
    assert [one.entry.value for one in library.allow.list()] == ["q.top"], "nothing is lost"
    (note,) = library.block.add("q.top", author="bob", anyway=True).notes
    assert "replaced an earlier entry: ann set allow" in note
    change = library.allow.add("q.top")
    assert any("bob set block" in note for note in change.notes), "an allow needs no consent"
    assert library.block.add("q.top", scope=Scope.EXACT).replaced == 0, "another scope stays"
