"""Lists of rules with subtrees: the lines of each target, as tables and compared with a model."""

from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given, settings

from blocklist.config.targets import load_targets
from blocklist.errors import ConfigError
from blocklist.export.registry import get_reader
from blocklist.export.update import export_one
from blocklist.frames.schemas import RELEASE
from blocklist.model import Kind
from tests.support.examples import at_most
from tests.support.exports import NOW, content, export_to, run
from tests.support.name_model import QUERIES, Row, is_blocked_by_rows, releases

ADBLOCK = [
    ("block exact x.example", ["|x.example^"], {}, "a name alone must not become a subtree"),
    ("block subtree x.example", ["||x.example^"], {}, "a name and all below it"),
    ("block below x.example", [], {"below": 1}, "not all consumers can express it"),
    (
        "block subtree p.example\nblock exact a.p.example\nblock subtree b.p.example",
        ["||p.example^"],
        {},
        "a rule above covers them",
    ),
    ("allow subtree x.example", [], {}, "an allow where nothing is blocked needs no rule"),
    (
        "block subtree p.example\nallow subtree ok.p.example",
        ["||p.example^", "@@||ok.p.example^"],
        {},
        "an allow inside a block",
    ),
    (
        "block subtree p.example\nallow exact ok.p.example",
        ["||p.example^", "@@||ok.p.example^"],
        {"allow-widened": 1},
        "@@|x^ would not hold everywhere",
    ),
    (
        "block subtree p.example\nallow subtree ok.p.example\nblock subtree x.ok.p.example",
        ["||p.example^", "@@||ok.p.example^"],
        {"under-allow": 1},
        "no block beats an allow",
    ),
    (
        "block subtree p.example\nallow subtree ok.p.example\nallow subtree a.ok.p.example",
        ["||p.example^", "@@||ok.p.example^"],
        {},
        "an allow in an allow",
    ),
    (
        "allow subtree p.example\nblock subtree x.p.example",
        ["||x.p.example^"],
        {},
        "an allow without a block above needs no rule",
    ),
    (
        "block subtree p.example\nallow exact p.example",
        [],
        {"below": 1},
        "no rule can allow only the name itself",
    ),
]
#: Without allows, as for Squid: `.x` covers a name and all names below it.
SQUID = [
    ("block exact x.example", ["x.example"], {}, "a name alone"),
    (
        "block subtree p.example\nblock exact a.p.example\nblock subtree q.b.p.example",
        [".p.example"],
        {},
        "Squid refuses a name below another's dot",
    ),
    (
        "block subtree p.example\nallow exact ok.b.p.example\nblock exact a.p.example\n"
        "block subtree c.p.example",
        ["p.example", "a.p.example", ".c.p.example"],
        {"narrowed-to-exact": 1},
        "around an allow each listed name has a rule of its own",
    ),
    (
        "block subtree p.example\nblock subtree q.p.example\nallow subtree ok.q.p.example\n"
        "block subtree x.ok.q.p.example",
        ["p.example", "q.p.example", ".x.ok.q.p.example"],
        {"narrowed-to-exact": 2},
        "at every level above it; a block below it stays",
    ),
]
DNSMASQ = [
    (
        "block exact x.example",
        ["local=/x.example/", "server=/*.x.example/#"],
        "a name alone: names below it are forwarded",
    ),
    ("block subtree x.example", ["local=/x.example/"], "a name and all below it"),
    (
        "block below x.example",
        ["server=/x.example/#", "local=/*.x.example/"],
        "the names below it",
    ),
    (
        "block subtree p.example\nallow exact ok.p.example\nallow subtree sub.p.example",
        [
            "local=/p.example/",
            "server=/ok.p.example/#",
            "local=/*.ok.p.example/",
            "server=/sub.p.example/#",
        ],
        "allows of both kinds",
    ),
]
UNBOUND = [
    (
        "block exact x.example",
        ['local-zone: "x.example." transparent', 'local-data: "x.example. TXT blocked"'],
        {},
        "a name alone",
    ),
    (
        "block subtree p.example\nallow exact ok.p.example\nblock exact a.ok.p.example",
        [
            'local-zone: "p.example." always_nxdomain',
            'local-zone: "ok.p.example." always_transparent',
            'local-zone: "a.ok.p.example." transparent',
            'local-data: "a.ok.p.example. TXT blocked"',
        ],
        {"allow-widened": 1},
        "an allow opens the names below it, except for listed ones",
    ),
]


@pytest.mark.parametrize(
    ("target", "rows", "expected", "left_out", "why"),
    [
        *(("adblock", *row) for row in ADBLOCK),
        *(("squid", *row) for row in SQUID),
        *(("dnsmasq", rows, expected, {}, why) for rows, expected, why in DNSMASQ),
        *(("unbound", *row) for row in UNBOUND),
    ],
)
def test_rules(
    tmp_path: Path, target: str, rows: str, expected: list[str], left_out: dict[str, int], why: str
) -> None:
    export = export_to(tmp_path, target)
    result = run(export, rows)
    lines = content(export.path, export.target.comment)
    assert lines[len(export.target.head.splitlines()) :] == expected, why
    assert result.left_out == left_out


def test_a_wildcard_does_not_cover_its_own_name(tmp_path: Path) -> None:
    export = export_to(tmp_path, "wildcard")
    run(export, "block exact one.example\nblock subtree x.example")
    assert content(export.path) == ["one.example", "x.example", "*.x.example"]


on_each = pytest.mark.parametrize("target", ["adblock", "dnsmasq", "squid", "unbound", "wildcard"])


@on_each
@given(rows=releases)
@at_most(10)
def test_rules_never_block_more_than_the_rows(target: str, rows: list[Row]) -> None:
    compare(target, rows)


@pytest.mark.slow
@on_each
@given(rows=releases)
@settings(max_examples=300)
def test_many_rules_never_block_more_than_the_rows(target: str, rows: list[Row]) -> None:
    compare(target, rows)


def compare(target: str, rows: list[Row]) -> None:
    """Compare the answers for all names with a model that verification does not use."""
    frame = pl.DataFrame([("domain", *row) for row in rows], schema=RELEASE, orient="row")
    with TemporaryDirectory() as folder:
        export = export_to(Path(folder), target)
        export_one(export, frame, 1, None, NOW)
        result = get_reader("lines").read_file(export.path, export, {Kind.DOMAIN: QUERIES})
    blocked = result.blocked_queries[Kind.DOMAIN]
    expected = {query for query in QUERIES if is_blocked_by_rows(rows, query)}
    assert blocked <= expected
    if target == "dnsmasq":
        assert blocked == expected, "dnsmasq can express all rules"
    if not any(action == "allow" or scope == "below" for _, scope, action in rows):
        assert blocked == expected, "without allows every target can"


@pytest.mark.parametrize(
    ("key", "template"),
    [
        ("line", "no field"),
        ("line", "{value} {other}"),
        ("line", "}{value}"),
        ("line", "{value}\nno field"),
        ("line", "{value} {value}"),
        ("ip_line", "{{value}}"),
        ("url_line", "}} {values}"),
        ("subtree_line", "||{values}^"),
        ("allow_line", "@@{}"),
    ],
)
def test_a_template_with_a_wrong_field(tmp_path: Path, key: str, template: str) -> None:
    (tmp_path / "exports").mkdir()
    text = f"title='x'\ndialect='lines'\nkinds=['domain']\nscopes=['exact']\n{key}='''{template}'''"
    (tmp_path / "exports" / "mine.toml").write_text(text)
    with pytest.raises(ConfigError, match=rf"mine\.toml: {key}: expected one of .* in each line"):
        load_targets(tmp_path)
