"""A patched file is byte for byte the file that rendering all rows gives."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blocklist.config.exports import Export
from blocklist.config.targets import load_targets
from blocklist.export.incremental import families, splice
from blocklist.export.incremental.entry_names import entry_name_expr
from blocklist.export.incremental.file_patch import FileInPlace, patch_file
from blocklist.export.incremental.patch import is_patchable
from blocklist.export.select.release_content import ExportContext
from blocklist.export.stage.limits import render_within_limit
from blocklist.export.stage.prepare import PreparedExport, render_and_verify
from blocklist.export.update import install_prepared
from blocklist.frames.names import are_at_or_below
from blocklist.ledger.releases.export_state import ExportRecord
from blocklist.ledger.releases.verdicts import VERDICT_ROW, diff_verdicts
from blocklist.release.proposal import select_export_rows
from tests.support.exports import NOW, ZONE, export_to

NAMES = [
    "top", "a.top", "b.a.top", "c.b.a.top", "x.c.b.a.top", "y.b.a.top", "d.top", "e.d.top",
    "under_score.d.top", "f.e.d.top", "z.org", "a.z.org", "b.z.org", "aa.top", "a-b.top",
    f"{'l' * 40}.b.a.top", f"{'l' * 20}.e.d.top", "a.rpz-ip",
]  # fmt: skip
#: The longest of the names do not fit under the second zone.
ZONES = [ZONE, ".".join(["o" * 63, "o" * 63, "o" * 63, "o" * 24])]
CANARIES = {"hosts": "0.0.0.0 {value}\n:: {value}", "rpz": "{value} A 0.0.0.0"}
SHIPPED = sorted(load_targets(Path("no-such-folder")))
TARGETS = [name for name in SHIPPED if is_patchable(export_to(Path(), name))]
decisions = st.sampled_from([("block", "listed"), ("block", "operator"), ("allow", "operator")])
scopes = st.sampled_from(["exact", "subtree", "below"])
row_sets = st.dictionaries(
    st.tuples(st.sampled_from(NAMES), scopes), decisions, min_size=1, max_size=12
)
#: Name and scope -> verdict and reason.
RowSet = dict[tuple[str, str], tuple[str, str]]


def verdicts(rows: RowSet) -> pl.DataFrame:
    """Return verdicts on names, and one on an address."""
    names = [("domain", name, scope, *decision, None) for (name, scope), decision in rows.items()]
    others = [("ip", "192.0.2.1", "exact", "block", "listed", None)]
    return pl.DataFrame([*names, *others], schema=VERDICT_ROW, orient="row")


def render_whole(
    export: Export, after: pl.DataFrame, previous: PreparedExport | None, number: int
) -> PreparedExport:
    state = previous.state if previous else None
    rows = select_export_rows(after)
    return render_and_verify(export, rows, number, state, NOW, ExportContext())


def count_entries(export: Export, after: pl.DataFrame) -> int:
    rows = select_export_rows(after.filter(pl.col("kind") == "domain"))
    return render_within_limit(export, rows)[0].entry_count


def patch(
    export: Export, before: pl.DataFrame, after: pl.DataFrame, current: PreparedExport
) -> PreparedExport:
    touched = families.find_touched_families(after, diff_verdicts(before, after))
    assert touched is not None
    record = ExportRecord("", None, current.entry_count, current.left_out, 1)
    file = FileInPlace(export, current.state, record)
    return patch_file(file, touched, 8, NOW, ExportContext().must_verify())


@pytest.fixture(scope="module", autouse=True)
def _small_pieces() -> object:
    with pytest.MonkeyPatch.context() as changes:
        changes.setattr(families, "_MAX_TOUCHED_SHARE", 99)
        changes.setattr(splice, "_BLOCK_BYTES", 30)
        changes.setattr(splice, "_PIECE_BYTES", 60)
        yield


@pytest.mark.slow
@settings(max_examples=40)
@pytest.mark.parametrize("target", TARGETS)
@given(old_rows=row_sets, new_rows=row_sets, zone=st.sampled_from(ZONES))
def test_patched_file_equals_rendered_file(
    tmp_path_factory: pytest.TempPathFactory,
    target: str,
    old_rows: RowSet,
    new_rows: RowSet,
    zone: str,
) -> None:
    folder = tmp_path_factory.mktemp("patched")
    export = export_to(folder, target, zone, canary=CANARIES.get(target, ""))
    before, after = verdicts(old_rows), verdicts(new_rows)
    current = render_whole(export, before, None, 7)
    install_prepared(current)
    if not current.entry_count or not count_entries(export, after):
        with pytest.raises(splice.NotPatchable):
            patch(export, before, after, current)
        return
    rendered, patched = (
        render_whole(export, after, current, 8),
        patch(export, before, after, current),
    )
    assert (patched.state, patched.entry_count, patched.left_out) == (
        rendered.state,
        rendered.entry_count,
        rendered.left_out,
    )
    if rendered.new_file is None:
        assert patched.new_file is None
        return
    assert patched.new_file is not None
    assert patched.new_file.read_text() == rendered.new_file.read_text()
    assert sorted(folder.iterdir()) == sorted([export.path, patched.new_file, rendered.new_file])


PATCHABLE = [
    ("hosts", {}, True, "one line a name"),
    ("rpz", {}, True, "records of a name"),
    ("suricata", {}, False, "its lines contain the name in base64"),
    ("nftables", {}, False, "a list of addresses"),
    ("rpz-allow", {}, False, "a list of allows"),
    ("hosts", {"foot": "end"}, False, "lines after the entries"),
]


@pytest.mark.parametrize(
    ("target", "changes", "expected", "why"), PATCHABLE, ids=[row[-1] for row in PATCHABLE]
)
def test_only_files_of_plain_names_are_patchable(
    tmp_path: Path, target: str, changes: dict[str, object], expected: bool, why: str
) -> None:
    assert is_patchable(export_to(tmp_path, target, None, **changes)) is expected, why


LINES = [
    ("adblock", "||a.top^", "a.top"),
    ("adblock", "|a.top^", "a.top"),
    ("adblock", "||a.top", None),
    ("squid", ".a.top", "a.top"),
    ("dnsmasq", "server=/*.a.top/#", "a.top"),
    ("unbound", 'local-data: "a.top. TXT blocked"', "a.top"),
    ("hosts", "0.0.0.0 a top", None),
    ("rpz", "a.top CNAME .", "a.top"),
    ("rpz", "*.a.top CNAME .", "a.top"),
]


@pytest.mark.parametrize(("target", "line", "name"), LINES)
def test_name_of_a_line(tmp_path: Path, target: str, line: str, name: str | None) -> None:
    expression = entry_name_expr(export_to(tmp_path, target))
    assert pl.DataFrame({"line": [line]}).select(expression).item() == name


def test_families_have_the_rows_before_and_after_a_change() -> None:
    old: RowSet = {
        ("a.top", "subtree"): ("block", "listed"),
        ("c.a.top", "exact"): ("block", "listed"),
        ("z.org", "exact"): ("block", "listed"),
    }
    new: RowSet = {**old, ("b.a.top", "exact"): ("allow", "operator")}
    del new["c.a.top", "exact"]
    before, after = verdicts(old), verdicts(new)
    touched = families.find_touched_families(after, diff_verdicts(before, after))
    assert touched is not None
    assert set(touched.old_rows["value"]) == {"a.top", "c.a.top"}
    assert set(touched.new_rows["value"]) == {"a.top", "b.a.top"}
    queries = pl.Series(["top", "a.top", "x.b.a.top", "aa.top", "z.org"])
    mask = are_at_or_below(queries, touched.top_names)
    assert mask.to_list() == [False, True, True, False, False]
