"""Registrable domains of columns, compared with tldextract itself."""

from functools import cache

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tldextract import TLDExtract

from blocklist.frames.public_suffixes import PublicSuffixes
from blocklist.indicators.names import canonicalize_name, name_and_ancestors

EXTRACT = TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)
RULES = sorted(EXTRACT.tlds)
WILD = {rule.removeprefix("*.") for rule in RULES if rule.startswith("*.")}
# Here tldextract 5.4 stops short: the parent of one wildcard that another wildcard matches.
MISREAD = {parent for parent in WILD if parent.partition(".")[2] in WILD}
LABEL = st.sampled_from(["www", "a", "b-c", "_dmarc", "city", "xn--bcher-kva", "com", "co"])


@cache
def suffixes() -> PublicSuffixes:
    return PublicSuffixes()


def registrable(*listed: str | None, rules: PublicSuffixes | None = None) -> list[str | None]:
    texts = pl.Series(listed, dtype=pl.String)
    return (rules or suffixes()).registrable_domains(texts).to_list()


@pytest.mark.parametrize(
    ("name", "expected", "why"),
    [
        ("com", None, "a rule"),
        ("example.com", "example.com", "one label more than the rule"),
        ("a.b.example.com", "example.com", "whatever is below"),
        ("co.uk", None, "the longest rule wins"),
        ("a.example.co.uk", "example.co.uk", "below it"),
        ("victim.pages.dev", "victim.pages.dev", "a tenant of the private section"),
        ("pages.dev", None, "its platform is a public suffix"),
        ("ck", None, "the parent of a wildcard"),
        ("any.ck", None, "a wildcard rule"),
        ("example.any.ck", "example.any.ck", "below a wildcard"),
        ("www.ck", "www.ck", "an exception to it"),
        ("a.www.ck", "www.ck", "below the exception"),
        ("a.city.kawasaki.jp", "city.kawasaki.jp", "below an exception whose parent is no rule"),
        ("a.b.kawasaki.jp", "a.b.kawasaki.jp", "below the wildcard beside it"),
        ("kawasaki.jp", "kawasaki.jp", "a wildcard says nothing about its parent"),
        ("privatelink.snowflake.app", None, "unless another wildcard matches it"),
        ("xn--55qx5d.cn", None, "a Unicode rule is matched by its A-label"),
        ("a.xn--55qx5d.cn", "a.xn--55qx5d.cn", "below it"),
        ("host.no-such-tld", "host.no-such-tld", "the rule * holds where no other does"),
        ("no-such-tld", None, "and makes the last label a suffix"),
    ],
)
def test_registrable(name: str, expected: str | None, why: str) -> None:
    assert registrable(name) == [expected], why


def test_extra_suffixes_are_rules_too() -> None:
    rules = PublicSuffixes(frozenset({"example.com"}))
    found = registrable("example.com", "b.a.example.com", "b.example.org", rules=rules)
    assert found == [None, "a.example.com", "example.org"]


def test_rows_keep_their_places() -> None:
    listed = ["a.b.com", None, "com", "b.com", None, "a.b.com", "c.co.uk"]
    expected = ["b.com", None, None, "b.com", None, "b.com", "c.co.uk"]
    assert registrable(*listed) == expected
    assert registrable() == []


def test_no_rule_is_lost_in_reading() -> None:
    rules = suffixes()
    assert len(rules.exact_rules) + len(rules.wildcard_rules) + len(rules.exception_rules) == len(
        RULES
    )
    assert len(RULES) > 9000


def expected_by_tldextract(name: str) -> str | None:
    found = EXTRACT(name)
    if not found.suffix:  # tldextract leaves the list's own default rule, `*`, to its caller
        return ".".join(name.split(".")[-2:]) if "." in name else None
    return found.top_domain_under_public_suffix or None


@st.composite
def near_a_rule(draw: st.DrawFn) -> str:
    """Give a name at, below or above a real rule."""
    rule = draw(st.sampled_from(RULES)).removeprefix("!").replace("*", draw(LABEL))
    labels = [*draw(st.lists(LABEL, max_size=3)), *rule.split(".")]
    above = draw(st.integers(0, len(labels) - 1))
    return canonicalize_name(".".join(labels[above:]))


NAMES = near_a_rule() | st.lists(LABEL, min_size=1, max_size=4).map(".".join)


@given(st.lists(NAMES.filter(lambda name: name not in MISREAD), max_size=40))
def test_registrable_is_what_tldextract_says(listed: list[str]) -> None:
    assert registrable(*listed) == [expected_by_tldextract(name) for name in listed]


def test_every_rule_is_what_tldextract_says() -> None:
    bases = {canonicalize_name(rule.removeprefix("!").replace("*", "any")) for rule in RULES}
    above = {ancestor for base in bases for ancestor in name_and_ancestors(base)}
    listed = sorted((above | {f"a.{name}" for name in above}) - MISREAD)
    assert registrable(*listed) == [expected_by_tldextract(name) for name in listed]
