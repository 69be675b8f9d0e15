"""Canaries: their names, their lines in a file, and collisions with rows of a release."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from tldextract import TLDExtract

from blocklist.config.exports import Export
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
from blocklist.model import DEFAULT_CANARY
from tests.support.exports import NOW, content, export_to, release, run

ROWS = "block exact x.example"
BASE = "blocklist-canary.zz"
HOSTS = "0.0.0.0 {value}"


def hosts(folder: Path, **changes: object) -> Export:
    keys: dict[str, object] = {"line": HOSTS, "canary": HOSTS, **changes}
    return export_to(folder, "domains", None, **keys)


def listed(export: Export) -> list[str]:
    return [line.removeprefix("0.0.0.0 ") for line in content(export.path)]


def test_a_list_has_a_fixed_canary_and_one_of_its_content(tmp_path: Path) -> None:
    export = hosts(tmp_path)
    first = run(export, ROWS)
    canaries = derive_canaries(export, first.state)
    assert canaries is not None
    assert listed(export) == [BASE, canaries.release_name, "x.example"]
    assert canaries.release_name == f"r7-{first.state.digest[:8]}.{BASE}"
    assert canaries.control_name == f"control.{BASE}"
    assert first.rows == 1, "canaries are not counted"
    assert "# entries: 1" in export.path.read_text()


def test_an_unchanged_list_keeps_its_canary(tmp_path: Path) -> None:
    export = hosts(tmp_path)
    first = run(export, ROWS)
    again = export_one(export, release(ROWS), 8, first.state, NOW)
    assert not again.changed
    assert derive_canaries(export, again.state) == derive_canaries(export, first.state)


@pytest.mark.parametrize(
    ("rows", "number", "why"),
    [
        ("block exact y.example", 8, "a new release"),
        ("block exact y.example", 7, "another part of the same release"),
    ],
)
def test_new_content_has_a_new_canary(tmp_path: Path, rows: str, number: int, why: str) -> None:
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
def test_rows_at_canaries_are_left_out(tmp_path: Path, target: str, row: str) -> None:
    templates = {"hosts": "0.0.0.0 {value}\n:: {value}", "rpz": "{value} A 0.0.0.0"}
    export = export_to(tmp_path, target, canary=templates[target])
    plain = run(export, ROWS)
    export.path.unlink()
    assert run(export, f"{ROWS}\n{row}").state == plain.state


def test_an_allow_below_the_fixed_canary_stays(tmp_path: Path) -> None:
    export = replace(export_to(tmp_path, "adblock"), canary="c.example.org")
    kept = "allow exact x.c.example.org"
    dropped = "allow exact control.c.example.org\nblock exact y.c.example.org"
    rows = exclude_canary_rows(export, release(f"block subtree example.org\n{kept}\n{dropped}"))
    assert sorted(rows["value"]) == ["example.org", "x.c.example.org"]
    assert run(export, f"block subtree example.org\n{kept}").changed
    assert "@@||x.c.example.org^" in export.path.read_text()


def test_a_canary_between_block_and_allow_is_refused(tmp_path: Path) -> None:
    export = export_to(tmp_path, "rpz", canary="{value} A 0.0.0.0")
    rows = "block subtree example.org\nallow exact x.c.example.org"
    with pytest.raises(ExportFailed, match=r"canary, c\.example\.org, is between"):
        run(replace(export, canary="c.example.org"), rows)
    assert run(replace(export, canary="d.example.org"), rows).changed


@pytest.mark.parametrize(
    ("changes", "base", "why"),
    [
        ({"canary": ""}, BASE, "a target without canaries"),
        ({}, "", "an export without canaries"),
        ({}, ".".join(["c" * 60] * 4), "a name that is too long"),
    ],
)
def test_lists_without_canaries(
    tmp_path: Path, changes: dict[str, object], base: str, why: str
) -> None:
    export = replace(hosts(tmp_path, **changes), canary=base)
    result = run(export, ROWS)
    assert derive_canaries(export, result.state) is None, why
    assert listed(export) == ["x.example"]


def test_a_zone_without_room_for_canaries(tmp_path: Path) -> None:
    zone = ".".join(["o" * 63] * 3 + ["o" * 36])
    export = export_to(tmp_path, "rpz", zone=zone, canary="{value} A 0.0.0.0")
    run(export, ROWS)
    assert "canary" not in export.path.read_text()


def test_a_configured_canary(tmp_path: Path) -> None:
    export = replace(hosts(tmp_path), canary="c.example.org")
    run(export, f"{ROWS}\nblock exact {BASE}")
    assert listed(export)[0] == "c.example.org"
    assert BASE in listed(export), "the default is then an ordinary name"


def test_a_template_without_a_field(tmp_path: Path) -> None:
    with pytest.raises(ExportFailed, match=r"canary = .*expected \{value\} in each of its lines"):
        run(hosts(tmp_path, canary="0.0.0.0 {value}\n:: canary"), ROWS)


def split_file(export: Export) -> tuple[pl.Series, list[str]]:
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
    verify_canaries(export, state, split_file(export)[1])
    export.path.write_text("\n".join([*lines, "0.0.0.0 x.example", ""]))
    with pytest.raises(ExportFailed, match="canaries"):
        verify_canaries(export, state, split_file(export)[1])


def test_lines_of_canaries_are_split_off(tmp_path: Path) -> None:
    export = hosts(tmp_path)
    run(export, ROWS)
    text = f"0.0.0.0 {BASE}\n0.0.0.0 r1-ffffffff.{BASE}\n0.0.0.0 xblocklist-canary.zz\n"
    export.path.write_text(text)
    assert split_file(export)[0].to_list() == ["0.0.0.0 xblocklist-canary.zz"]
    assert split_file(hosts(tmp_path, canary=""))[1] == []


def test_the_default_canary_is_after_all_top_level_domains() -> None:
    suffixes = TLDExtract(suffix_list_urls=(), cache_dir=None).tlds
    top = {canonicalize_name(suffix.rpartition(".")[2]) for suffix in suffixes}
    assert "zw" in top
    assert DEFAULT_CANARY.rpartition(".")[2] > max(top)
