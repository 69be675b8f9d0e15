"""A file made of the one in place is byte for byte the one that rendering all of it gives."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blocklist.config.exports import Export
from blocklist.config.targets import load_targets
from blocklist.export.dialects.lines import extract_listed_name
from blocklist.export.incremental import families, splice
from blocklist.export.incremental.patch import FileInPlace, is_patchable, patch_and_verify
from blocklist.export.select.release_content import ExportContext
from blocklist.export.stage.limits import render_within_limit
from blocklist.export.stage.prepare import PreparedExport, render_and_verify
from blocklist.export.update import install_prepared
from blocklist.ledger.releases.export_state import ExportRecord
from blocklist.ledger.releases.verdicts import VERDICT_ROW, diff_verdicts
from blocklist.release.proposal import select_export_rows
from tests.support.exports import NOW, ZONE, export_to

NAMES = [
    "top", "a.top", "b.a.top", "c.b.a.top", "x.c.b.a.top", "y.b.a.top", "d.top", "e.d.top",
    "under_score.d.top", "f.e.d.top", "z.org", "a.z.org", "b.z.org", "aa.top", "a-b.top",
    f"{'l' * 40}.b.a.top", f"{'l' * 20}.e.d.top", "a.rpz-ip",
]  # fmt: skip
#: Under the second, the longest of the names do not fit.
ZONES = [ZONE, ".".join(["o" * 63, "o" * 63, "o" * 63, "o" * 24])]
CANARIES = {"hosts": "0.0.0.0 {value}\n:: {value}", "rpz": "{value} A 0.0.0.0"}
TARGETS = [
    "hosts", "domains", "wildcard", "adblock", "dnsmasq", "unbound", "squid", "rpz", "rpz-unbound",
    "rpz-powerdns", "rpz-knot",
]  # fmt: skip
said = st.sampled_from([("block", "listed"), ("block", "operator"), ("allow", "operator")])
scopes = st.sampled_from(["exact", "subtree", "below"])
held = st.dictionaries(st.tuples(st.sampled_from(NAMES), scopes), said, min_size=1, max_size=12)
Held = dict[tuple[str, str], tuple[str, str]]


def verdicts(rows: Held) -> pl.DataFrame:
    """Return verdicts on names, and two of other kinds."""
    names = [("domain", name, scope, *said, None) for (name, scope), said in rows.items()]
    others = [("ip", "192.0.2.1", "exact", "block", "listed", None)]
    return pl.DataFrame([*names, *others], schema=VERDICT_ROW, orient="row")


def whole(
    export: Export, rows: pl.DataFrame, before: PreparedExport | None, number: int
) -> PreparedExport:
    state = before.state if before else None
    return render_and_verify(export, select_export_rows(rows), number, state, NOW, ExportContext())


def whole_rows(export: Export, rows: pl.DataFrame) -> int:
    return render_within_limit(export, select_export_rows(rows.filter(pl.col("kind") == "domain")))[
        0
    ].entry_count


def alter(
    export: Export, before: pl.DataFrame, after: pl.DataFrame, standing: PreparedExport
) -> PreparedExport:
    change = diff_verdicts(before, after)
    found = families.find_touched_families(before, change)
    assert found is not None
    made = ExportRecord("", None, standing.entry_count, standing.left_out)
    return patch_and_verify(
        export, found, FileInPlace(standing.state, made, ()), 8, NOW, ExportContext()
    )


@pytest.fixture(scope="module", autouse=True)
def _small() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(families, "_MAX_TOUCHED_SHARE", 99)
        patch.setattr(splice, "_BLOCK_BYTES", 30)
        patch.setattr(splice, "_PIECE_BYTES", 60)
        yield


@pytest.mark.slow
@settings(max_examples=40)
@pytest.mark.parametrize("target", TARGETS)
@given(before=held, after=held, zone=st.sampled_from(ZONES))
def test_what_is_altered_is_what_is_rendered(
    tmp_path_factory: pytest.TempPathFactory, target: str, before: Held, after: Held, zone: str
) -> None:
    folder = tmp_path_factory.mktemp("altered")
    export = export_to(folder, target, zone, canary=CANARIES.get(target, ""))
    was, now = verdicts(before), verdicts(after)
    standing = whole(export, was, None, 7)
    install_prepared(standing)
    if not standing.entry_count or not whole_rows(export, now):
        with pytest.raises(splice.NotPatchable):
            alter(export, was, now, standing)
        return
    wanted, found = whole(export, now, standing, 8), alter(export, was, now, standing)
    assert (found.state, found.entry_count, found.left_out) == (
        wanted.state,
        wanted.entry_count,
        wanted.left_out,
    )
    if wanted.new_file is None:
        assert found.new_file is None
        return
    assert found.new_file is not None
    assert found.new_file.read_text() == wanted.new_file.read_text()
    assert sorted(folder.iterdir()) == sorted([export.path, found.new_file, wanted.new_file])


def test_only_targets_that_are_tried_here_are_simple(tmp_path: Path) -> None:
    simple = [name for name in load_targets(tmp_path) if is_patchable(export_to(tmp_path, name))]
    assert sorted(simple) == sorted(TARGETS), "in others, such as suricata, no line tells its name"


LINES = [
    ("adblock", "||a.top^", "a.top"),
    ("adblock", "|a.top^", "a.top"),
    ("adblock", "||a.top", None),
    ("squid", ".a.top", "a.top"),
    ("dnsmasq", "server=/*.a.top/#", "a.top"),
    ("unbound", 'local-data: "a.top. TXT blocked"', "a.top"),
    ("hosts", "0.0.0.0 a top", None),
]


@pytest.mark.parametrize(("target", "line", "name"), LINES)
def test_a_line_tells_its_name(tmp_path: Path, target: str, line: str, name: str | None) -> None:
    found = extract_listed_name(export_to(tmp_path, target))
    assert pl.DataFrame({"line": [line]}).select(found).item() == name


def test_what_is_asked_of_families_is_in_them() -> None:
    before: Held = {("a.top", "subtree"): ("block", "listed")}
    after: Held = {**before, ("b.a.top", "exact"): ("allow", "operator")}
    change = diff_verdicts(verdicts(before), verdicts(after))
    found = families.find_touched_families(verdicts(before), change)
    assert found is not None
    asked = pl.Series(["top", "a.top", "x.b.a.top", "aa.top", "z.org"])
    assert families.are_at_or_below(asked, found.top_names).to_list() == [
        False,
        True,
        True,
        False,
        False,
    ]
