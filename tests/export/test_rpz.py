"""Response policy zones: rows of a release -> records; `test_rpz_model` compares with a model."""

from pathlib import Path

import pytest

from blocklist.errors import ExportFailed
from tests.support.exports import NOW, content, export_to, run

PASS = "CNAME rpz-passthru."
TABLE = [
    ("block exact x.example", ["x.example CNAME ."], "exact: no wildcard"),
    (
        "block subtree x.example",
        ["x.example CNAME .", "*.x.example CNAME ."],
        "subtree: both, because a wildcard does not cover its own name",
    ),
    ("block below x.example", ["*.x.example CNAME ."], "below: the wildcard alone"),
    (
        "block exact x.example\nblock below x.example",
        ["x.example CNAME .", "*.x.example CNAME ."],
        "two rows add up",
    ),
    (
        "block subtree p.example\nblock exact b.p.example\nblock subtree c.d.p.example",
        ["p.example CNAME .", "*.p.example CNAME ."],
        "rows below a wildcard would only cut holes into it",
    ),
    (
        "allow subtree x.example",
        [f"x.example {PASS}", f"*.x.example {PASS}"],
        "an allow where nothing is blocked: its CNAMEs or addresses may be",
    ),
    ("allow exact x.example", [f"x.example {PASS}"], "an exact allow"),
    ("allow below x.example", [f"*.x.example {PASS}"], "an allow of the names below"),
    (
        "allow subtree x.example\nallow exact a.b.x.example",
        [f"x.example {PASS}", f"*.x.example {PASS}"],
        "an allow below an allow would only cut a hole into it",
    ),
    (
        "allow exact x.example\nallow exact a.b.x.example",
        [f"x.example {PASS}", f"a.b.x.example {PASS}"],
        "two exact allows: nothing between",
    ),
    (
        "allow subtree x.example\nblock exact a.b.x.example",
        [
            f"x.example {PASS}",
            f"*.x.example {PASS}",
            f"b.x.example {PASS}",
            f"*.b.x.example {PASS}",
            "a.b.x.example CNAME .",
            f"*.a.b.x.example {PASS}",
        ],
        "the name between would be a hole in the allow",
    ),
    (
        "allow exact x.example\nblock below x.example",
        [f"x.example {PASS}", "*.x.example CNAME ."],
        "an exact allow above a block",
    ),
    (
        "block exact x.example\nallow below x.example",
        ["x.example CNAME .", f"*.x.example {PASS}"],
        "an exact block above an allow",
    ),
    ("allow exact 8.0.0.0.10.rpz-ip", [], "an allow that would be a trigger"),
    ("allow exact -a_.example", [f"-a_.example {PASS}"], "an allow of a name that is no host name"),
    (
        "block subtree p.example\nallow exact ok.p.example",
        [
            "p.example CNAME .",
            "*.p.example CNAME .",
            f"ok.p.example {PASS}",
            "*.ok.p.example CNAME .",
        ],
        "an exact allow: names below it stay blocked",
    ),
    (
        "block subtree p.example\nallow subtree ok.b.p.example",
        [
            "p.example CNAME .",
            "*.p.example CNAME .",
            "b.p.example CNAME .",
            "*.b.p.example CNAME .",
            f"ok.b.p.example {PASS}",
            f"*.ok.b.p.example {PASS}",
        ],
        "the name between has rows of its own",
    ),
    (
        "block subtree p.example\nallow subtree q.p.example\nblock exact x.e.q.p.example",
        [
            "p.example CNAME .",
            "*.p.example CNAME .",
            f"q.p.example {PASS}",
            f"*.q.p.example {PASS}",
            f"e.q.p.example {PASS}",
            f"*.e.q.p.example {PASS}",
            "x.e.q.p.example CNAME .",
            f"*.x.e.q.p.example {PASS}",
        ],
        "a block below an allow below a block",
    ),
    (
        "block subtree p.example\nallow exact p.example",
        [f"p.example {PASS}", "*.p.example CNAME ."],
        "an exact allow at the blocked name leaves the names below",
    ),
    (
        "block subtree p.example\nallow subtree p.example",
        [f"p.example {PASS}", f"*.p.example {PASS}"],
        "a tie is allow",
    ),
    (
        "allow subtree p.example\nblock exact x.p.example",
        [
            f"p.example {PASS}",
            f"*.p.example {PASS}",
            "x.p.example CNAME .",
            f"*.x.p.example {PASS}",
        ],
        "a block below an allow with no block above",
    ),
    ("block exact 1.0.0.127.rpz-ip", [], "a trigger for an address"),
    ("block subtree x.rpz-client-ip", [], "a trigger for a client"),
    ("block subtree rpz-nsdname", [], "a trigger for a name server"),
]
# FULL is the longest owner: 253 octets less the zone and its dot.
ROOM = 253 - len(".rpz.office.example")
FULL = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * (ROOM - 192)])
FULL_LESS_WILDCARD = FULL[2:]
NEST = FULL.partition(".")[2]
TOO_LONG = [
    (f"allow subtree {FULL}", [f"{FULL} {PASS}"], {}, "an allow without room for its wildcard"),
    (f"allow exact x.{FULL}", [], {"allow-widened": 1}, "an allow that does not fit, no block"),
    (f"block subtree {FULL}", [f"{FULL} CNAME ."], {"narrowed-to-exact": 1}, "no room for *."),
    (
        f"block subtree {FULL_LESS_WILDCARD}",
        [f"{FULL_LESS_WILDCARD} CNAME .", f"*.{FULL_LESS_WILDCARD} CNAME ."],
        {},
        "the longest owner with room for a wildcard",
    ),
    (f"block exact {FULL}d", [], {"owner-too-long": 1}, "one octet too many"),
    (f"block below {FULL}", [], {"owner-too-long": 1}, "the wildcard does not fit"),
    (
        f"block subtree {NEST}\nallow exact x.{FULL}",
        [],
        {"allow-widened": 1},
        "an allow that does not fit opens the nearest name whose wildcard fits",
    ),
    (
        f"block subtree {NEST.partition('.')[2]}\nallow exact x.{FULL}",
        [
            f"{NEST.partition('.')[2]} CNAME .",
            f"*.{NEST.partition('.')[2]} CNAME .",
            f"{NEST} {PASS}",
            f"*.{NEST} {PASS}",
        ],
        {"allow-widened": 1},
        "blocks of names above stay",
    ),
]


@pytest.mark.parametrize(("rows", "expected", "why"), TABLE)
def test_rows(tmp_path: Path, rows: str, expected: list[str], why: str) -> None:
    export = export_to(tmp_path, "rpz")
    run(export, rows)
    assert content(export.path, ";")[3:] == expected, why


@pytest.mark.parametrize(("rows", "expected", "left_out", "why"), TOO_LONG)
def test_owners_that_do_not_fit(
    tmp_path: Path, rows: str, expected: list[str], left_out: dict[str, int], why: str
) -> None:
    export = export_to(
        tmp_path, "rpz", check=("named-checkzone", "-i", "none", "-k", "fail", "{zone}", "{file}")
    )
    result = run(export, rows)
    assert content(export.path, ";")[3:] == expected, why
    assert result.left_out == left_out


def test_triggers_are_counted(tmp_path: Path) -> None:
    result = run(export_to(tmp_path, "rpz"), "block exact x.example\nblock exact 8.0.0.0.10.rpz-ip")
    assert result.left_out == {"rpz-trigger": 1}
    assert result.rows == 1


def test_records_of_the_apex(tmp_path: Path) -> None:
    export = export_to(tmp_path, "rpz")
    result = run(export, "block exact x.example")
    serial = int(NOW.timestamp())
    assert result.state.serial == serial
    assert content(export.path, ";")[:3] == [
        "$TTL 300",
        f"@ SOA localhost. hostmaster.localhost. {serial} 3600 600 604800 300",
        "@ NS localhost.",
    ]


def test_a_zone_is_needed(tmp_path: Path) -> None:
    export = export_to(tmp_path, "rpz", needs_zone=False)
    with pytest.raises(ExportFailed, match="zone ="):
        run(export, "block exact x.example")
