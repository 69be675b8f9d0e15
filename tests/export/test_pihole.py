"""The two lists for Pi-hole, read by its documented rules, block exactly what they say."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given

from blocklist.config.loader import load_config
from blocklist.errors import ExportFailed
from blocklist.export.update import export_one
from blocklist.export.verify.expected import (
    collect_rules,
    find_decisive_row,
    make_can_express,
    must_block,
)
from blocklist.frames.schemas import RELEASE
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.releases.verdicts import export_rows
from blocklist.model import Kind, Scope, Verdict
from tests.support.corpus import NON_LISTS, corpus_files, format_of_file
from tests.support.examples import at_most
from tests.support.exports import NOW, content, export_to, release, run
from tests.support.name_model import QUERIES, Row, is_blocked_by_rows, releases
from tests.support.pihole import Pihole, PiholeList
from tests.support.process import blocklist

TABLE = [
    ("block exact x.top", ["x.top"], [], {}, "a name alone"),
    ("block subtree x.top", ["||x.top^"], [], {}, "a name and its subtree"),
    ("block exact www.x.top\nblock exact a.b.c.x.top", ["a.b.c.x.top", "www.x.top"], [], {},
     "names of several labels"),
    ("block below x.top", [], [], {"below": 1}, "only the names below"),
    ("block subtree x.top\nblock exact a.x.top", ["||x.top^"], [], {}, "a rule above covers it"),
    ("block subtree x.top\nallow exact ok.x.top", ["x.top"], ["ok.x.top"],
     {"narrowed-to-exact": 1}, "the list of blocks alone must not block an allowed name"),
    ("block exact x.top\nallow subtree ok.top", ["x.top"], ["@@||ok.top^"], {},
     "an allow where nothing is blocked: a CNAME of it, or another list"),
    ("block exact x.top\nallow below ok.top", ["x.top"], [], {}, "an allow below a name"),
    ("block exact zip", [], [], {"exact": 1}, "a name of one label alone"),
    ("block subtree zip", ["||zip^"], [], {}, "a top-level domain"),
    ("block subtree zip\nallow exact ok.zip", [], ["ok.zip"],
     {"narrowed-to-exact": 1, "exact": 1}, "a narrowed top-level domain"),
    ("block exact x.a\nblock exact x.a-\nblock subtree x.-a", [], [], {"name-form": 3},
     "last labels that Pi-hole ignores"),
    ("block exact _dmarc.-x-.top", ["_dmarc.-x-.top"], [], {}, "underscores and hyphens"),
    ("block exact xn--bcher-kva.top", ["xn--bcher-kva.top"], [], {}, "an A-label"),
    ("block exact 1.2.3.4.top", ["1.2.3.4.top"], [], {}, "labels of digits are no address"),
    (f"block exact {'.'.join(['a' * 63] * 3 + ['a' * 57, 'top'])}",
     [".".join(["a" * 63] * 3 + ["a" * 57, "top"])], [], {}, "the longest name"),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "blocks", "allows", "left_out", "why"), TABLE)
def test_lines(
    tmp_path: Path, rows: str, blocks: list[str], allows: list[str], left_out: dict[str, int],
    why: str,
) -> None:  # fmt: skip
    block, allow = (export_to(tmp_path, target) for target in ("pihole", "pihole-allow"))
    result = run(block, rows)
    run(allow, rows)
    assert (content(block.path), content(allow.path)) == (blocks, allows), why
    assert result.left_out == left_out
    assert not _read(block.path, allow.path).block_list.ignored
    assert not _read(block.path, allow.path).allow_list.ignored


def _read(block: Path, allow: Path | None) -> Pihole:
    allows = allow.read_text() if allow else ""
    return Pihole(
        PiholeList.from_text(block.read_text()), PiholeList.from_text(allows, allows=True)
    )


WITH_LIST = [
    ("block subtree x.top\nallow exact ok.x.top", ["||x.top^"], ["ok.x.top"], {}, "an exact allow"),
    ("block subtree x.top\nallow subtree ok.x.top", ["||x.top^"], ["@@||ok.x.top^"], {}, "wide"),
    ("block subtree x.top\nallow subtree ok.x.top\nblock exact a.ok.x.top\nblock exact b.nok.x.top",
     ["||x.top^"], ["@@||ok.x.top^"], {"under-allow": 1}, "no block wins over an allow"),
    ("block exact x.top\nallow subtree x.top", ["x.top"], ["@@||x.top^"], {"under-allow": 1},
     "an exact block at an allowed subtree"),
    ("block subtree x.top\nallow below ok.x.top", ["x.top"], [], {"narrowed-to-exact": 1},
     "the list cannot hold an allow of the names below a name, so the block is narrowed"),
    ("block subtree zip\nallow exact zip", [], [], {"below": 1}, "nor one of a name of one label"),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "blocks", "allows", "left_out", "why"), WITH_LIST)
def test_blocks_beside_a_list_of_allows(
    tmp_path: Path, rows: str, blocks: list[str], allows: list[str], left_out: dict[str, int],
    why: str,
) -> None:  # fmt: skip
    block = replace(export_to(tmp_path, "pihole"), has_allow_list=True)
    allow = export_to(tmp_path, "pihole-allow")
    result = run(block, rows)
    run(allow, rows)
    assert (content(block.path), content(allow.path)) == (blocks, allows), why
    assert result.left_out == left_out


def test_a_list_of_which_all_is_allowed_becomes_empty(tmp_path: Path) -> None:
    block = replace(export_to(tmp_path, "pihole"), has_allow_list=True)
    first = run(block, "block exact x.top").state
    with pytest.raises(ExportFailed, match="has nothing for it"):
        run(block, "", first, 8)
    assert run(block, "allow exact x.top", first, 8).rows == 0


@pytest.mark.parametrize(
    ("keys", "expected", "why"),
    [
        ('target = "pihole-allow"', True, "a list of all allows"),
        ('target = "pihole-allow"\nkinds = ["domain"]', True, "of all names"),
        ('target = "pihole-allow"\nkinds = ["ip"]', False, "of no names"),
        ('target = "pihole-allow"\nmax_entries = 9', False, "of some names"),
        ('target = "rpz-allow"\nzone = "rpz.example"', False, "of another consumer"),
        ('target = "pihole"', False, "no allows"),
    ],
)
def test_which_export_is_the_list_of_allows(
    tmp_path: Path, keys: str, expected: bool, why: str
) -> None:
    path = tmp_path / "blocklist.toml"
    path.write_text(
        f'[exports.a]\ntarget = "pihole"\npath = "a"\n[exports.b]\npath = "b"\n{keys}\n'
    )
    exports = load_config(path).exports
    assert exports["a"].has_allow_list is expected, why
    assert not exports["b"].has_allow_list


def _export_both(
    folder: Path, frame: pl.DataFrame, *, relies_on_list: bool = True
) -> tuple[Path, Path]:
    block, allow = (export_to(folder, target) for target in ("pihole", "pihole-allow"))
    block = replace(block, has_allow_list=relies_on_list)
    for export in (block, allow):
        export_one(export, frame, 1, None, NOW)
    return block.path, allow.path


@given(releases)
@at_most(100)
def test_lists_never_block_more_than_the_rows(rows: list[Row]) -> None:
    """The list of blocks without a list of allows does not either."""
    rows = [(f"{name}.top", scope, action) for name, scope, action in rows]
    frame = pl.DataFrame([("domain", *row) for row in rows], schema=RELEASE, orient="row")
    with TemporaryDirectory() as folder:
        both = _read(*_export_both(Path(folder), frame))
        block, _ = _export_both(Path(folder), frame, relies_on_list=False)
        alone = _read(block, None)
    queries = [f"{query}.top" for query in QUERIES]
    expected = {query for query in queries if is_blocked_by_rows(rows, query)}
    assert {query for query in queries if both.blocks(query)} <= expected
    blocked = {query for query in queries if alone.blocks(query)}
    assert blocked <= expected
    if not any(action == "allow" or scope == "below" for _, scope, action in rows):
        assert blocked == expected


@pytest.mark.parametrize(
    ("line", "expected", "why"),
    [
        ("x.top", (["x.top"], []), "a name"),
        ("0.0.0.0 x.top", (["x.top"], []), "a hosts line"),
        ("||x.top^", ([], ["x.top"]), "a rule"),
        ("|x.top^", ([], []), "AdGuard's form for a name alone"),
        ("@@||x.top^", ([], []), "an allow in a list of blocks"),
        ("||x.top^$important", ([], []), "a modifier"),
        ("*.x.top", ([], []), "a wildcard"),
        ("x", ([], []), "no dot"),
        ("x.top # y.top", (["x.top"], []), "a comment after a name"),
    ],
)
def test_the_reimplementation(line: str, expected: tuple[list[str], list[str]], why: str) -> None:
    taken = PiholeList.from_text(line)
    assert (sorted(taken.exact), sorted(taken.subtrees)) == expected, why


@pytest.mark.corpus
@pytest.mark.slow
def test_two_thousand_names_of_real_feeds(corpus: Path, tmp_path: Path) -> None:
    feeds = [
        f'[feeds.own-{place}]\nurl = "{file}"\nformat = "{format_of_file(file)}"\n'
        for place, (name, file) in enumerate(corpus_files(corpus).items())
        if file.parent == corpus and name not in NON_LISTS
    ]
    (tmp_path / "blocklist.toml").write_text("".join(feeds))
    done = blocklist(tmp_path, "run")
    assert done.returncode == 0, done.stderr
    with read_transaction(tmp_path / "blocklist.db") as transaction:
        rows = export_rows(transaction, 1).filter(kind="domain")
    some = rows["value"].sample(60, seed=1).to_list()
    allows = [f"allow subtree deep.ok.{name}" for name in some[:20]]
    allows += [f"allow exact {name}" for name in some[20:]]
    rows = pl.concat([rows, release("\n".join(allows))])
    both = _read(*_export_both(tmp_path, rows))
    block, _ = _export_both(tmp_path, rows, relies_on_list=False)
    names = [*some, *(f"deep.ok.{name}" for name in some[:20])]
    names += rows["value"].sample(960, seed=2).to_list()
    names += [f"www.{name}" for name in names[:-80]]
    assert not _find_wrong_answers(both, rows, names[:2000])
    assert not _find_wrong_answers(_read(block, None), rows, names[:2000])
    rules = collect_rules(Kind.DOMAIN, rows, names)
    for name in names:
        row = find_decisive_row(Kind.DOMAIN, name, rules)
        assert both.blocks(name) is (row is not None and row[2] is Verdict.BLOCK), name


def _find_wrong_answers(pihole: Pihole, rows: pl.DataFrame, names: list[str]) -> list[str]:
    """Return the names with a wrong answer; a block around an allow may be narrower."""
    assert len(names) >= 1900
    assert not pihole.block_list.ignored
    assert not pihole.allow_list.ignored
    rules = collect_rules(Kind.DOMAIN, rows, names)
    allows = [
        (name, Scope(scope))
        for name, scope in rows.filter(action="allow").select("value", "scope").iter_rows()
    ]
    can_express = make_can_express(export_to(Path(), "pihole"), allows)
    expected = {name: must_block(Kind.DOMAIN, name, rules, can_express) for name in names}
    return [name for name in names if expected[name] not in (None, pihole.blocks(name))]
