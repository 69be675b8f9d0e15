"""Rules of a refreshed suffix list: which are used, and what they change in verdicts."""

from pathlib import Path

import polars as pl
import pytest

from blocklist.frames.public_suffixes import SuffixRules, load_bundled_rules
from blocklist.frames.schemas import LISTINGS
from blocklist.judge.fame import RANKS
from blocklist.judge.guards import GUARDS, GuardLists, Guards, load_guards
from blocklist.judge.judge import JudgeInput, decide_verdicts
from blocklist.judge.suffix_rules import build_suffix_rules
from blocklist.model import Kind
from blocklist.parse.parser import parse_snapshot

OWN = ((Kind.DOMAIN, "our-school.example.net"),)
TOP = [("top", "giant.com", 9), ("top", "m.host.org", 5000), ("top", "shop.com", 90_000)]


def guards(body: str) -> Guards:
    """Return the guards with a suffix list of these lines, a top list and a popular guard."""
    popular = [(Kind.DOMAIN, "bank.com", "popular", "banks", True)]
    entries = pl.DataFrame(popular, schema=GUARDS, orient="row")
    return load_guards(
        OWN, GuardLists(entries, pl.DataFrame(TOP, RANKS, orient="row"), read_rules(body))
    )


def verdicts(body: str, *names: str) -> list[str]:
    rows = [("feed", Kind.DOMAIN, name, "exact") for name in names]
    listings = pl.DataFrame(rows, schema=LISTINGS, orient="row")
    found = decide_verdicts(JudgeInput(listings, {"feed": 0.5}, guards(body), []))
    by_name = dict(found.select("value", pl.concat_str("verdict", pl.lit(" "), "reason")).rows())
    return [by_name[name] for name in names]


PROTECTED, BLOCKED = "allow protected", "block listed"


@pytest.mark.parametrize(
    ("rules", "name", "before", "after", "why"),
    [
        ("new.com", "new.com", BLOCKED, PROTECTED, "a new suffix is never blocked"),
        ("new.com", "x.new.com", BLOCKED, BLOCKED, "a name below it is"),
        ("a.new.com", "new.com", BLOCKED, PROTECTED, "nor is a name above it"),
        ("*.new.com", "x.new.com", BLOCKED, PROTECTED, "each name below a wildcard"),
        ("*.new.com\n!x.new.com", "x.new.com", BLOCKED, BLOCKED, "but an exception"),
        ("com", "co.uk", PROTECTED, PROTECTED, "a list without co.uk"),
        ("!co.uk", "co.uk", PROTECTED, PROTECTED, "an exception against the bundled list"),
        ("!x.pages.dev", "x.pages.dev", BLOCKED, BLOCKED, "an exception without a wildcard"),
        ("*.com", "fraud.com", BLOCKED, BLOCKED, "a wildcard that would open all of com"),
        ("*.co.uk\nco.uk", "fraud.co.uk", BLOCKED, BLOCKED, "the same two labels deep"),
        ("*.pages.dev", "x.pages.dev", BLOCKED, PROTECTED, "a wildcard in place of a rule"),
        ("giant.com", "x.giant.com", "hold popular", "hold popular", "one of the first ranks"),
        ("x.giant.com", "a.x.giant.com", "hold popular", "hold popular", "below one"),
        ("x.giant.com", "x.giant.com", "hold popular", PROTECTED, "which is a suffix itself"),
        ("*.host.giant.com", "x.host.giant.com", "hold popular", PROTECTED, "so is this one"),
        ("*.giant.com", "a.x.giant.com", "hold popular", "hold popular", "a wildcard on one"),
        ("*.host.org", "a.m.host.org", "hold popular", "hold popular", "a wildcard above one"),
        ("bank.com", "x.bank.com", "hold popular", "hold popular", "a name of a popular guard"),
        ("our-school.example.net", "x.our-school.example.net", PROTECTED, PROTECTED, "own"),
        ("example.net", "x.our-school.example.net", PROTECTED, PROTECTED, "above an own name"),
        ("!x.giant.com", "a.x.giant.com", "hold popular", "hold popular", "an exception there"),
        ("shop.com", "x.shop.com", "hold popular", BLOCKED, "a later rank may be a suffix"),
    ],
)  # fmt: skip
def test_a_rule(rules: str, name: str, before: str, after: str, why: str) -> None:
    assert verdicts("", name) == [before], why
    assert verdicts(rules, name) == [after], why


@pytest.mark.parametrize("body", ["", "com\norg", "// nothing\n"])
def test_a_list_that_lost_rules_changes_nothing(body: str) -> None:
    bundled = load_bundled_rules()
    suffixes = guards(body).suffixes
    assert set(suffixes.wildcard_rules) >= bundled.wildcard
    assert set(suffixes.exact_rules) >= bundled.exact
    assert set(suffixes.exception_rules) == bundled.exceptions


def test_a_name_above_a_suffix_does_not_widen_any_more() -> None:
    listings = pl.DataFrame([("feed", "domain", "new.com", "exact")], LISTINGS, orient="row")
    found = decide_verdicts(JudgeInput(listings, {"feed": 0.5}, guards("new.com"), []))
    assert found.select("scope", "cause").rows() == [("exact", "a public suffix")]


@pytest.mark.parametrize(
    ("one", "other", "suffixes", "others"),
    [
        ("a.com", "b.com", "a.com b.com", "c.com"),
        ("*.ck", "", "x.ck", "ck"),
        ("*.ck\n!www.ck", "*.ck\n!www.ck", "x.ck", "www.ck"),
        ("*.ck\n!www.ck", "*.ck", "www.ck", ""),
        ("*.ck\n!www.ck", "www.ck", "www.ck", ""),
        ("*.ck", "!www.ck", "www.ck", ""),
    ],
)
def test_a_suffix_of_either_list_is_one(one: str, other: str, suffixes: str, others: str) -> None:
    parts = [read_rules(body) for body in (one, other)]
    for merged in (parts[0].merge(parts[1]), parts[1].merge(parts[0])):
        assert all(map(merged.has_suffix, suffixes.split()))
        assert not any(map(merged.has_suffix, others.split()))


def read_rules(body: str) -> SuffixRules:
    listings = parse_snapshot(body.encode(), "public-suffix").indicators
    return build_suffix_rules(listings.select("kind", "value", "scope"))


@pytest.mark.corpus
def test_no_suffix_of_the_current_list_is_blocked(corpus: Path) -> None:
    body = (corpus / "public_suffix_list.dat").read_text()
    rules = read_rules(body)
    names = [*rules.exact, *(f"any.{name}" for name in rules.wildcard - rules.exact)]
    names = [name for name in names if "." in name]
    found = set(verdicts(body, *names))
    assert not found & {BLOCKED}
