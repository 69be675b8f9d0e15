"""Response policy zones of addresses: rows of a release -> rows of networks and allowed names."""

from dataclasses import replace
from pathlib import Path

import pytest

from blocklist.errors import ExportFailed
from blocklist.export.select.filters import filter_rows
from blocklist.export.update import export_one
from blocklist.model import Kind
from tests.support.exports import NOW, content, export_to, release, run

PASS = "CNAME rpz-passthru."
NETWORK = "24.0.2.0.192.rpz-ip CNAME ."
TABLE = [
    ("block 192.0.2.0/24", [NETWORK], "no allow"),
    (
        "block 192.0.2.0/24\nallow exact ok.example",
        [NETWORK, f"ok.example {PASS}"],
        "an allowed name passes whatever its addresses are",
    ),
    (
        "block 192.0.2.0/24\nallow subtree ok.example",
        [NETWORK, f"ok.example {PASS}", f"*.ok.example {PASS}"],
        "and the names below it",
    ),
    (
        "block 192.0.2.0/24\nallow below ok.example",
        [NETWORK, f"*.ok.example {PASS}"],
        "only the names below it",
    ),
    (
        "block 192.0.2.0/24\nallow subtree ok.example\nallow exact a.b.ok.example",
        [NETWORK, f"ok.example {PASS}", f"*.ok.example {PASS}"],
        "no row below a wildcard that says the same",
    ),
    (
        "block 192.0.2.0/24\nblock subtree bad.example\nallow exact ok.bad.example",
        [NETWORK, f"ok.bad.example {PASS}"],
        "blocked names are in another zone",
    ),
    (
        "block 192.0.2.0/24\nallow exact 1.0.0.10.rpz-ip",
        [NETWORK],
        "a name that would be a trigger for addresses",
    ),
    (
        f"block 192.0.2.0/24\nallow exact {'.'.join(['a' * 60] * 4)}",
        [NETWORK],
        "a name that does not fit under the zone",
    ),
]


@pytest.mark.parametrize(("rows", "expected", "why"), TABLE)
def test_rows(tmp_path: Path, rows: str, expected: list[str], why: str) -> None:
    export = export_to(tmp_path, "rpz-ip")
    result = run(export, rows)
    assert content(export.path, ";")[3:] == expected, why
    assert result.rows == 1, "allowed names are no entries"


def test_names_are_left_out_of_the_counts_but_for_blocks(tmp_path: Path) -> None:
    result = run(export_to(tmp_path, "rpz-ip"), "block 192.0.2.1\nblock exact x.example")
    assert result.left_out == {"kind-domain": 1}


def test_a_filter_by_kind_keeps_the_allowed_names(tmp_path: Path) -> None:
    export = export_to(tmp_path, "rpz-ip")
    export = replace(export, kinds=(Kind.IP,))
    text = "block 192.0.2.0/24\nallow exact ok.example\nblock exact x.example"
    export_one(export, filter_rows(export, release(text), None), 1, None, NOW)
    assert content(export.path, ";")[3:] == [NETWORK, f"ok.example {PASS}"]


def test_allowed_names_do_not_make_an_emptied_list_right(tmp_path: Path) -> None:
    export = export_to(tmp_path, "rpz-ip")
    first = run(export, "block 192.0.2.0/24\nallow exact ok.example").state
    with pytest.raises(ExportFailed, match="has nothing for it"):
        run(export, "allow exact ok.example", first, 8)
    assert run(export, "allow 192.0.2.0/24\nallow exact ok.example", first, 8).rows == 0
