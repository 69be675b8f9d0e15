"""The rows that an export takes: filters, policies by category, and limits."""

import sqlite3
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocklist.config.exports import Export
from blocklist.config.feeds import Feed
from blocklist.config.loader import load_config
from blocklist.errors import ConfigError
from blocklist.export.select.filters import ListingEvidence, filter_rows, list_feed_credits
from blocklist.export.update import export_one
from blocklist.frames.schemas import LISTINGS
from blocklist.judge.scoring.electorate import FeedGroups
from blocklist.model import Category, Direction, Kind
from tests.support.cli import blocklist
from tests.support.examples import at_most
from tests.support.exports import NOW, content, export_to, release
from tests.support.name_model import QUERIES, Row, is_blocked_by_rows, releases

FEEDS = {
    feed.name: feed
    for feed in (
        Feed("phish", ("x",), "domains", category=Category.PHISHING, reliability=0.9),
        Feed("bets", ("x",), "domains", category=Category.GAMBLING, reliability=0.5),
        Feed("mixed", ("x",), "domains", category=Category.MIXED, reliability=0.4),
        Feed("in", ("x",), "ips", category=Category.ATTACKER, direction=Direction.IN),
        Feed("out", ("x",), "ips", category=Category.C2, direction=Direction.OUT),
        Feed("both", ("x",), "ips", category=Category.C2, direction=Direction.BOTH),
        Feed("unsaid", ("x",), "ips", category=Category.MALWARE),
    )
}
FEED_GROUPS = FeedGroups({name: feed.reliability for name, feed in FEEDS.items()}, {})
LISTED = """
phish both.example
bets both.example
phish phish.example
bets bets.example
mixed mixed.example
phish https://page.example/x
in 192.0.2.1
out 192.0.2.2
both 192.0.2.3
unsaid 192.0.2.4
"""
ROWS = """
block subtree both.example
block exact phish.example
block exact bets.example
block exact mixed.example
block exact page.example
block exact mine.example
allow exact good.bets.example
block 192.0.2.1
block 192.0.2.2
block 192.0.2.3
block 192.0.2.4
allow 192.0.2.9
"""
NAMES = ["both.example", "phish.example", "bets.example", "mixed.example", "page.example"]
ADDRESSES = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"]


def evidence() -> ListingEvidence:
    rows = []
    for line in LISTED.split("\n")[1:-1]:
        feed, value = line.split(" ")
        kind = "url" if "//" in value else "ip" if value[0].isdigit() else "domain"
        rows.append((feed, kind, value, "exact"))
    listings = pl.DataFrame(rows, schema=LISTINGS, orient="row")
    return ListingEvidence(listings, FEEDS, pl.Series(["mine.example"]), FEED_GROUPS)


def make_export(folder: Path, target: str = "rpz", /, **keys: Any) -> Export:  # noqa: ANN401
    base = export_to(folder, target)
    return Export(base.name, base.target, base.path, zone=base.zone, **keys)


@pytest.mark.parametrize(
    ("keys", "expected", "why"),
    [
        ({}, [*NAMES, *ADDRESSES], "no filter"),
        ({"kinds": (Kind.IP,)}, ADDRESSES, "one kind"),
        (
            {"categories": (Category.PHISHING,)},
            ["both.example", "phish.example", "page.example"],
            "one category, with hosts of its URLs",
        ),
        ({"feeds": ("bets", "in")}, ["both.example", "bets.example", "192.0.2.1"], "two feeds"),
        (
            {"directions": (Direction.IN,)},
            [*NAMES, "192.0.2.1", "192.0.2.3"],
            "names have no direction; addresses without one are left out",
        ),
        (
            {"min_score": 0.6},
            ["both.example", "phish.example", "page.example"],
            "values with a high score",
        ),
        (
            {"categories": (Category.GAMBLING,), "min_score": 0.6},
            [],
            "feeds that are left out do not count",
        ),
        ({"feeds": ("bets",), "kinds": (Kind.IP,)}, [], "all filters must match"),
    ],
)
def test_filters(tmp_path: Path, keys: dict[str, Any], expected: list[str], why: str) -> None:
    rows = filter_rows(make_export(tmp_path, **keys), release(ROWS), evidence())
    blocks = rows.filter(pl.col("action") == "block")["value"].to_list()
    own = ["mine.example"] if Kind.IP not in keys.get("kinds", ()) else []
    assert sorted(blocks) == sorted([*expected, *own]), why
    kinds = keys.get("kinds", Kind)
    allows = {Kind.DOMAIN: "good.bets.example", Kind.IP: "192.0.2.9"}
    kept = rows.filter(pl.col("action") == "allow")["value"].to_list()
    assert kept == [allows[kind] for kind in allows if kind in kinds], "allows always stay"


@given(releases, st.sets(st.integers(0, 8)))
@at_most(50)
def test_fewer_blocks_never_block_more(rows: list[Row], dropped: set[int]) -> None:
    fewer = [row for n, row in enumerate(rows) if row[2] == "allow" or n not in dropped]
    for name in QUERIES:
        assert is_blocked_by_rows(rows, name) or not is_blocked_by_rows(fewer, name)


def exported(export: Export, text: str = ROWS, given: ListingEvidence | None = None) -> list[str]:
    rows = filter_rows(export, release(text), given or evidence())
    export_one(export, rows, 1, None, NOW)
    return content(export.path, export.target.comment)


def test_policies_by_category(tmp_path: Path) -> None:
    actions = {
        Category.GAMBLING: "nodata",
        Category.PHISHING: "192.0.2.66 2001:db8::66",
        Category.MIXED: "warning.example.org",
    }
    lines = exported(make_export(tmp_path, kinds=(Kind.DOMAIN,), action="drop", actions=actions))
    assert lines[3:] == [
        "bets.example CNAME *.",
        "good.bets.example CNAME rpz-passthru.",
        "both.example CNAME *.",
        "*.both.example CNAME *.",
        "mine.example CNAME rpz-drop.",
        "mixed.example CNAME warning.example.org.",
        "page.example A 192.0.2.66",
        "page.example AAAA 2001:db8::66",
        "phish.example A 192.0.2.66",
        "phish.example AAAA 2001:db8::66",
    ], "the first category in the table decides; the operator's block gets the default action"


def test_a_category_with_passthru(tmp_path: Path) -> None:
    lines = exported(make_export(tmp_path, actions={Category.GAMBLING: "passthru"}))
    rows = [line for line in lines if "bets" in line or "both" in line]
    assert rows == ["good.bets.example CNAME rpz-passthru."], "the operator's allow alone"
    assert "phish.example CNAME ." in lines


def test_another_policy_below_a_wildcard_has_rows_of_its_own(tmp_path: Path) -> None:
    rows = [("phish", "domain", "p.example", "exact"), ("bets", "domain", "a.b.p.example", "exact")]
    listings = pl.DataFrame(rows, schema=LISTINGS, orient="row")
    given = ListingEvidence(listings, FEEDS, pl.Series([], dtype=pl.String), FEED_GROUPS)
    export = make_export(tmp_path, actions={Category.GAMBLING: "tcp-only"})
    text = "block subtree p.example\nblock exact a.b.p.example"
    assert exported(export, text, given)[3:] == [
        "p.example CNAME .",
        "*.p.example CNAME .",
        "b.p.example CNAME .",
        "*.b.p.example CNAME .",
        "a.b.p.example CNAME rpz-tcp-only.",
        "*.a.b.p.example CNAME .",
    ]


@pytest.mark.parametrize(
    ("most", "expected", "left_out", "why"),
    [
        (9, ["bets.example", "both.example", "mine.example", "mixed.example", "page.example",
             "phish.example"], 0, "all fit"),
        (4, ["both.example", "mine.example", "page.example", "phish.example"], 2,
         "the operator's own first, then the best scores"),
        (1, ["mine.example"], 5, "one"),
    ],
)  # fmt: skip
def test_no_more_than_the_limit(
    tmp_path: Path, most: int, expected: list[str], left_out: int, why: str
) -> None:
    export = make_export(tmp_path, "domains", max_entries=most)
    rows = filter_rows(export, release(ROWS), evidence())
    result = export_one(export, rows, 1, None, NOW)
    assert content(export.path) == expected, why
    assert result.left_out.get("over-limit", 0) == left_out


def test_a_limit_counts_entries(tmp_path: Path) -> None:
    """Adjacent networks are merged, and an allow splits a network."""
    export = make_export(tmp_path, "cidr", max_entries=8)
    rows = release("\n".join(f"block 192.0.2.{n}" for n in range(64)))
    assert export_one(export, rows, 1, None, NOW).rows == 1
    holes = release("block 192.0.2.0/24\nblock 198.51.100.1\nallow 192.0.2.77")
    export.path.unlink()
    result = export_one(export, holes, 1, None, NOW)
    assert (result.rows, result.left_out) == (8, {"over-limit": 1})
    assert "198.51.100.1" not in content(export.path)


def test_feeds_are_credited(tmp_path: Path) -> None:
    feeds = [*FEEDS.values(), Feed("free", ("x",), "domains", licence="CC0-1.0")]
    assert "free: CC0-1.0" in list_feed_credits(make_export(tmp_path), feeds)
    two_lines = Feed("two", ("x",), "domains", licence="CC0-1.0\nx.example\n")
    assert list_feed_credits(make_export(tmp_path), [two_lines]) == ("two: CC0-1.0 x.example",)
    assert list_feed_credits(make_export(tmp_path, feeds=("free",)), feeds) == ("free: CC0-1.0",)
    assert list_feed_credits(make_export(tmp_path, feeds=("phish",)), feeds) == (
        "phish: terms unknown",
    )


CONFIG = """
[feeds.phish]
url = "phish.txt"
format = "domains"
category = "phishing"
licence = "CC0-1.0"
[feeds.bets]
url = "bets.txt"
format = "domains"
category = "gambling"
[exports.phish]
target = "domains"
path = "out/phish"
categories = ["phishing"]
[exports.zone]
target = "rpz"
path = "out/zone"
zone = "rpz.example"
actions = { gambling = "nodata" }
"""


def test_filters_from_the_ledger(tmp_path: Path) -> None:
    (tmp_path / "phish.txt").write_text("one.top\n")
    (tmp_path / "bets.txt").write_text("two.top\n")
    (tmp_path / "blocklist.toml").write_text(CONFIG)
    assert blocklist(tmp_path, "run").code == 0
    first = (tmp_path / "out" / "phish").read_text()
    assert content(tmp_path / "out" / "phish") == ["one.top"]
    assert "# feed phish: CC0-1.0\n" in first
    assert "bets" not in first
    assert "*.two.top CNAME *." in (tmp_path / "out" / "zone").read_text()
    assert blocklist(tmp_path, "export").code == 0
    assert (tmp_path / "out" / "phish").read_text() == first
    with sqlite3.connect(tmp_path / "blocklist.db") as db:
        db.execute("DELETE FROM feed_weight")
    db.close()
    assert blocklist(tmp_path, "export").code == 0
    assert (tmp_path / "out" / "phish").read_text() == first, (
        "without stored weights the configured ones count"
    )


PAGES = """
[feeds.pages]
url = "pages.txt"
format = "urls"
[guards.shared]
url = "shared.txt"
format = "domains"
guard = "shared-host"
[exports.proxy]
target = "urls"
path = "out/proxy"
held_pages = true
[exports.plain]
target = "urls"
path = "out/plain"
"""


def test_held_pages(tmp_path: Path) -> None:
    pages = ["https://hosting.top/fraud", "https://hosting.top/", "https://fraud.top/page"]
    (tmp_path / "pages.txt").write_text("\n".join(pages))
    (tmp_path / "shared.txt").write_text("hosting.top\n")
    (tmp_path / "blocklist.toml").write_text(PAGES)
    assert blocklist(tmp_path, "run").code == 0
    assert content(tmp_path / "out" / "plain") == ["https://fraud.top/page"]
    assert content(tmp_path / "out" / "proxy") == [
        "https://fraud.top/page",
        "https://hosting.top/fraud",
    ], "a page of a shared host, but not its root page"


#: BIND refuses a zone with more than 100 addresses at an owner.
TOO_MANY_ADDRESSES = " ".join(f"192.0.2.{number}" for number in range(101))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("held_pages = true", "held_pages: expected false, because this target takes no URLs"),
        ('action = "nxdomian."', "action: expected one of nxdomain"),
        ('action = "passthru"', "action: expected one of"),
        (f'action = "{TOO_MANY_ADDRESSES}"', "action: expected one of"),
        ('action = "fe80::1%eth0"', "action: expected one of"),
        ('actions = { gambling = "no page" }', "actions.gambling: expected one of"),
        (
            'actions = { gamblin = "nodata" }',
            "actions.gamblin: expected one of phishing",
        ),
        ('feeds = ["nobody"]', r"feeds\[0\]: no such feed"),
        ("min_score = 2", "min_score: expected a number from 0 to 1"),
        ("max_entries = 0", "max_entries: expected a whole number from 1"),
        ('categories = ["phising"]', r"categories\[0\]: expected one of"),
    ],
)
def test_errors_name_the_key(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "blocklist.toml"
    path.write_text(f'[exports.a]\ntarget = "rpz"\npath = "x"\nzone = "rpz.a"\n{line}\n')
    with pytest.raises(ConfigError, match=rf"blocklist.toml: exports.a.{message}"):
        load_config(path)


def test_networks_have_one_action(tmp_path: Path) -> None:
    path = tmp_path / "blocklist.toml"
    table = '[exports.a]\ntarget = "rpz-ip"\npath = "x"\nzone = "rpz.a"\naction = "drop"\n'
    path.write_text(table)
    assert load_config(path).exports["a"].action == "drop"
    path.write_text(f'{table}actions = {{ c2 = "nodata" }}\n')
    with pytest.raises(ConfigError, match=r"exports\.a\.actions: expected none, because networks"):
        load_config(path)


@pytest.mark.parametrize(
    ("target", "action", "expected"),
    [
        ("hosts", "nodata", "none; this target has no"),
        ("rpz-knot", "warning.example.org", "one of"),
    ],
)
def test_an_action_that_the_consumer_does_not_support(
    tmp_path: Path, target: str, action: str, expected: str
) -> None:
    path = tmp_path / "blocklist.toml"
    zone = 'zone = "rpz.a"\n' if target != "hosts" else ""
    path.write_text(f'[exports.a]\ntarget = "{target}"\npath = "x"\n{zone}action = "{action}"\n')
    with pytest.raises(ConfigError, match=rf"exports\.a\.action: expected {expected}"):
        load_config(path)
