"""Canaries: which names, where they stand, what they survive, and what they never become."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from tldextract import TLDExtract

from blocklist.config.exports import DEFAULT_CANARY, Export
from blocklist.errors import ExportFailed
from blocklist.export.readers.reading import decode_lines
from blocklist.export.render.canary import (
    derive_canaries,
    exclude_canary_rows,
    split_canary_lines,
    verify_canaries,
)
from blocklist.export.update import export_one
from blocklist.indicators.names import canonicalize_name
from tests.support.exports import NOW, content, export_to, release, run

ROWS = "block exact x.example"
BASE = "blocklist-canary.zz"
HOSTS = "0.0.0.0 {value}"


def hosts(folder: Path, **changes: object) -> Export:
    told: dict[str, object] = {"line": HOSTS, "canary": HOSTS, **changes}
    return export_to(folder, "domains", None, **told)


def listed(export: Export) -> list[str]:
    return [line.removeprefix("0.0.0.0 ") for line in content(export.path)]


def test_a_list_has_a_fixed_canary_and_one_of_its_content(tmp_path: Path) -> None:
    export = hosts(tmp_path)
    first = run(export, ROWS)
    names = derive_canaries(export, first.state)
    assert names is not None
    assert listed(export) == [BASE, names.release_name, "x.example"]
    assert names.release_name == f"r7-{first.state.digest[:8]}.{BASE}"
    assert names.control_name == f"control.{BASE}"
    assert first.rows == 1, "they are ours, and not counted"
    assert "# entries: 1" in export.path.read_text()


def test_an_unchanged_list_keeps_the_canary_of_its_own_release(tmp_path: Path) -> None:
    export = hosts(tmp_path)
    first = run(export, ROWS)
    again = export_one(export, release(ROWS), 8, first.state, NOW)
    assert not again.changed
    assert derive_canaries(export, again.state) == derive_canaries(export, first.state)


@pytest.mark.parametrize(
    ("rows", "number", "why"),
    [
        ("block exact y.example", 8, "a new release"),
        ("block exact y.example", 7, "the same release, of which the export takes another part"),
    ],
)
def test_another_content_has_another_canary(
    tmp_path: Path, rows: str, number: int, why: str
) -> None:
    export = hosts(tmp_path)
    first = run(export, ROWS)
    second = run(export, rows, first.state, number)
    before, after = (derive_canaries(export, state) for state in (first.state, second.state))
    assert before is not None
    assert after is not None
    assert before.release_name != after.release_name, why
    assert before.release_name not in listed(export)


@pytest.mark.parametrize(
    "row",
    [
        f"block exact {BASE}",
        f"block subtree {BASE}",
        f"allow exact {BASE}",
        f"block exact control.{BASE}",
        f"block exact r7-00000000.{BASE}",
    ],
)
@pytest.mark.parametrize("target", ["hosts", "rpz"])
def test_nobody_else_may_have_their_place(tmp_path: Path, target: str, row: str) -> None:
    forms = {"hosts": "0.0.0.0 {value}\n:: {value}", "rpz": "{value} A 0.0.0.0"}
    export = export_to(tmp_path, target, canary=forms[target])
    plain = run(export, ROWS)
    export.path.unlink()
    assert run(export, f"{ROWS}\n{row}").state == plain.state


def test_an_allow_of_a_name_below_them_stays(tmp_path: Path) -> None:
    export = replace(export_to(tmp_path, "adblock"), canary="c.example.org")
    kept = "allow exact x.c.example.org"
    dropped = "allow exact control.c.example.org\nblock exact y.c.example.org"
    rows = exclude_canary_rows(export, release(f"block subtree example.org\n{kept}\n{dropped}"))
    assert sorted(rows["value"]) == ["example.org", "x.c.example.org"]
    assert run(export, f"block subtree example.org\n{kept}").changed
    assert "@@||x.c.example.org^" in export.path.read_text()


def test_a_zone_has_no_second_row_for_them(tmp_path: Path) -> None:
    export = export_to(tmp_path, "rpz", canary="{value} A 0.0.0.0")
    rows = "block subtree example.org\nallow exact x.c.example.org"
    with pytest.raises(ExportFailed, match=r"canary, c\.example\.org, is between"):
        run(replace(export, canary="c.example.org"), rows)
    assert run(replace(export, canary="d.example.org"), rows).changed


@pytest.mark.parametrize(
    ("changes", "base", "why"),
    [
        ({"canary": ""}, BASE, "a target that has none"),
        ({}, "", "an export that wants none"),
        ({}, ".".join(["c" * 60] * 4), "one that fits nowhere"),
    ],
)
def test_lists_without(tmp_path: Path, changes: dict[str, object], base: str, why: str) -> None:
    export = replace(hosts(tmp_path, **changes), canary=base)
    result = run(export, ROWS)
    assert derive_canaries(export, result.state) is None, why
    assert listed(export) == ["x.example"]


def test_a_zone_without_room_for_them(tmp_path: Path) -> None:
    zone = ".".join(["o" * 63] * 3 + ["o" * 36])
    export = export_to(tmp_path, "rpz", zone=zone, canary="{value} A 0.0.0.0")
    run(export, ROWS)
    assert "canary" not in export.path.read_text()


def test_a_name_of_ones_own(tmp_path: Path) -> None:
    export = replace(hosts(tmp_path), canary="c.example.org")
    run(export, f"{ROWS}\nblock exact {BASE}")
    assert listed(export)[0] == "c.example.org"
    assert BASE in listed(export), "the default is then a name like any other"


def test_a_template_without_a_place_for_the_name(tmp_path: Path) -> None:
    with pytest.raises(ExportFailed, match=r"canary = .*expected \{value\} in each of its lines"):
        run(hosts(tmp_path, canary="0.0.0.0 {value}\n:: canary"), ROWS)


def read_apart(export: Export) -> tuple[pl.Series, list[str]]:
    return split_canary_lines(decode_lines(export.path.read_bytes()), export)


@pytest.mark.parametrize(
    "lines",
    [
        [f"0.0.0.0 {BASE}"],
        [],
        [f"0.0.0.0 {BASE}", f"0.0.0.0 r7-00000000.{BASE}"],
        [f"0.0.0.0 {BASE}"] * 3,
    ],
)
def test_a_file_with_other_canaries_is_refused(tmp_path: Path, lines: list[str]) -> None:
    export = hosts(tmp_path)
    state = run(export, ROWS).state
    verify_canaries(export, state, read_apart(export)[1])
    export.path.write_text("\n".join([*lines, "0.0.0.0 x.example", ""]))
    with pytest.raises(ExportFailed, match="canaries"):
        verify_canaries(export, state, read_apart(export)[1])


def test_a_reader_sees_the_content_alone(tmp_path: Path) -> None:
    export = hosts(tmp_path)
    run(export, ROWS)
    text = f"0.0.0.0 {BASE}\n0.0.0.0 r1-ffffffff.{BASE}\n0.0.0.0 xblocklist-canary.zz\n"
    export.path.write_text(text)
    assert read_apart(export)[0].to_list() == ["0.0.0.0 xblocklist-canary.zz"]
    assert read_apart(hosts(tmp_path, canary=""))[1] == []


def test_the_default_comes_last_in_the_order_in_which_bind_takes_names_up() -> None:
    suffixes = TLDExtract(suffix_list_urls=(), cache_dir=None).tlds
    top = {canonicalize_name(suffix.rpartition(".")[2]) for suffix in suffixes}
    assert "zw" in top
    assert DEFAULT_CANARY.rpartition(".")[2] > max(top)
