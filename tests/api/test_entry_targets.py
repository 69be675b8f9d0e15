"""What a typed text makes an entry of: names -> value, scope and remark of the entry."""

from pathlib import Path

import pytest

from blocklist import Blocklist, NotFoundError, UsageError
from blocklist.model import Verdict

CONFIG = """
[guards.top]
url = "top.txt"
format = "domains"
guard = "popular"
[feeds.mine]
url = "mine.txt"
format = "domains"
[feeds.pages]
url = "pages.txt"
format = "urls"
"""

ALLOWS = [
    ("shop.top", "shop.top", "subtree", "", "a name"),
    ("https://shop.top/", "shop.top", "subtree", "on the host of the link", "a whole host"),
    ("https://shop.top/lesson/7", "shop.top", "subtree", "servers block whole hosts", "a page"),
    ("shop.top:8443/x", "shop.top", "subtree", "on the host of the link", "a page at a port"),
    ("hxxps://shop[.]top/x", "shop.top", "subtree", "on the host of the link", "a defanged one"),
    ("http://46.9.9.9/x", "46.9.9.9", "exact", "on the host of the link", "on an address"),
    ("http://famous.com/bad", "http://famous.com/bad", "exact", "link alone", "a held page"),
    ("http://famous.com/good", "famous.com", "subtree", "on the host", "a page nobody lists"),
    ("shop.top:443", "shop.top", "subtree", "without its port", "a port"),
    ("sales@shop.top", "shop.top", "subtree", "an e-mail address", "a mail"),
    ("*.shop.top", "shop.top", "subtree", "", "a wildcard"),
    (".shop.top", "shop.top", "subtree", "", "another one"),
    ("@@||shop.top^", "shop.top", "subtree", "", "a rule"),
    ("|shop.top^", "shop.top", "exact", "", "an exact rule"),
]
BLOCKS = [
    ("https://shop.top/", "shop.top", "on the host of the link", "a whole host"),
    ("https://shop.top/x", "https://shop.top/x", "blocklist block add shop.top", "a page"),
]


@pytest.fixture
def library(tmp_path: Path) -> Blocklist:
    (tmp_path / "blocklist.toml").write_text(CONFIG)
    (tmp_path / "top.txt").write_text("famous.com\n")
    (tmp_path / "mine.txt").write_text("shop.top\n")
    (tmp_path / "pages.txt").write_text("http://famous.com/bad\n")
    library = Blocklist.open(tmp_path / "blocklist.toml")
    library.run()
    return library


@pytest.mark.parametrize(("name", "value", "scope", "remark", "why"), ALLOWS)
def test_allows_take_effect(
    library: Blocklist, name: str, value: str, scope: str, remark: str, why: str
) -> None:
    change = library.allow.add(name)
    assert [(one.value, one.scope) for one in change.entries] == [(value, scope)], why
    assert sum("the entry is on" in note for note in change.notes) == bool(remark), why
    assert remark in "".join(change.notes), why
    library.build_release()
    assert library.check(name).verdict is Verdict.ALLOW, why
    assert [one.value for one in library.allow.remove(name).entries] == [value], why


@pytest.mark.parametrize(("name", "value", "remark", "why"), BLOCKS)
def test_blocks_of_links(library: Blocklist, name: str, value: str, remark: str, why: str) -> None:
    change = library.block.add(name)
    assert [one.value for one in change.entries] == [value], why
    assert remark in "".join(change.notes), why


def test_two_spellings_are_one_entry(library: Blocklist) -> None:
    assert len(library.allow.add(["shop.top", "*.shop.top", "https://shop.top/"]).entries) == 1


def test_other_kinds_are_explained(library: Blocklist) -> None:
    with pytest.raises(UsageError, match="an autonomous system"):
        library.allow.add("AS1234")
    with pytest.raises(NotFoundError, match=r"other\.top: no allow entry"):
        library.allow.remove("https://other.top/x")


def test_held_names_are_found_by_links(library: Blocklist) -> None:
    (held,) = library.review.find("famous.com:80/bad")
    assert held.indicator == "http://famous.com/bad"
