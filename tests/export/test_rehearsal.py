"""Rehearsal: a release is published only if the files of its exports can be verified."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blocklist.config.exports import Export
from blocklist.errors import ExportFailed
from blocklist.export.stage import prepare
from blocklist.export.stage.limits import render_within_limit
from blocklist.export.verify.verify import verify_export_file
from blocklist.ledger.db.connection import open_read_only
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.releases.candidate import Candidate, load_candidate
from blocklist.ledger.releases.history import Release, current_release
from blocklist.ledger.releases.verdicts import (
    VERDICT_ROW,
    apply_change,
    current_verdicts,
    diff_verdicts,
    export_rows,
    operator_blocks,
    values_to_verify,
)
from blocklist.model import Scope, Verdict
from blocklist.release.proposal import ProposedRelease
from tests.support.cli import Run, commands
from tests.support.exports import TWO_EXPORTS, read_folder
from tests.support.releases import KEYS, STATES, State
from tests.support.releases import add_name_entry as enter
from tests.support.releases import run_build as built
from tests.support.releases import verdict_frame as frame

#: Whether verification of an export with these values fails.
Fault = Callable[[Export, set[str]], bool]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    (tmp_path / "blocklist.toml").write_text(TWO_EXPORTS)
    (tmp_path / "mine.txt").write_text("a.top\nb.top\n")
    return commands(tmp_path, monkeypatch, capsys)


def break_exports(monkeypatch: pytest.MonkeyPatch, fault: Fault) -> Counter[str]:
    """Make verification fail, and return a counter of how often each export is verified."""
    verified: Counter[str] = Counter()

    def verify(export: Export, *rest: Any) -> None:  # noqa: ANN401
        verified[export.name] += 1
        rows = rest[2]
        if fault(export, set(rows["value"])):
            raise ExportFailed("the new file would block the bank")
        verify_export_file(export, *rest)

    monkeypatch.setattr(prepare, "verify_export_file", verify)
    return verified


def zone_has(name: str) -> Fault:
    return lambda export, values: export.name == "dns" and name in values


def out(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    return read_folder(folder / "out")


def current(folder: Path) -> int | None:
    with open_read_only(folder / "blocklist.db") as reader:
        assert reader is not None
        release = current_release(reader)
    return release.number if release else None


def candidate(folder: Path) -> Candidate | None:
    with open_read_only(folder / "blocklist.db") as reader:
        assert reader is not None
        return load_candidate(reader)


def test_a_release_that_fails_verification_is_not_published(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("run").code == 0
    before = out(tmp_path)
    (tmp_path / "mine.txt").write_text("a.top\nb.top\nbad.top\n")
    with monkeypatch.context() as patch:
        break_exports(patch, zone_has("bad.top"))
        for words in (("run",), ("run",), ("release", "build")):
            ended = run(*words)
            assert ended.code == 3, "each run reports it again"
            assert "the gate held the release, and release 1 stays in force" in ended.err
            assert "export dns: the new file would block the bank" in ended.err
            assert "new blocks are listed by: mine (1)" in ended.err
            assert out(tmp_path) == before, "no file changed, and none was added"
            assert current(tmp_path) == 1
    shown = run("release", "show", "candidate").out
    assert "held by the gate: export dns: the new file would block the bank" in shown
    assert run("run").code == 0, "without the fault it passes"
    assert current(tmp_path) == 2
    assert candidate(tmp_path) is None
    assert "bad.top" in (tmp_path / "out/names").read_text()


def test_a_first_release_that_fails_verification_is_not_published(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_exports(monkeypatch, zone_has("a.top"))
    ended = run("run")
    assert (ended.code, current(tmp_path), out(tmp_path)) == (3, None, {})
    assert "nothing is published yet" in ended.err


def test_a_run_renders_and_verifies_each_file_once(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified = break_exports(monkeypatch, lambda *_: False)
    rendered: Counter[str] = Counter()

    def counting(export: Export, *rest: Any) -> Any:  # noqa: ANN401
        rendered[export.name] += 1
        return render_within_limit(export, *rest)

    monkeypatch.setattr(prepare, "render_within_limit", counting)
    assert run("run").code == 0
    assert verified == rendered == {"names": 1, "dns": 1}
    (tmp_path / "mine.txt").write_text("a.top\nb.top\nc.top\n")
    assert run("run").code == 0
    assert verified == rendered == {"names": 2, "dns": 2}
    assert run("run").code == 0
    assert verified == rendered == {"names": 2, "dns": 2}


def test_an_unwritable_export_does_not_hold_the_release(run: Run, tmp_path: Path) -> None:
    (tmp_path / "out/db.rpz").mkdir(parents=True)
    ended = run("run")
    assert ended.code == 6
    assert "export dns:" in ended.err
    assert "cannot be written: Is a directory" in ended.err
    assert current(tmp_path) == 1
    assert "a.top" in (tmp_path / "out/names").read_text()
    assert set(out(tmp_path / "no")) == set()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["db.rpz", "names"]


def test_a_refusal_by_a_checker_does_not_hold_the_release(run: Run, tmp_path: Path) -> None:
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports/strict.toml").write_text(
        'title = "Strict"\ndialect = "lines"\nkinds = ["domain"]\nscopes = ["exact"]\n'
        'check = ["false", "{file}"]\n'
    )
    strict = '[exports.strict]\ntarget = "strict"\npath = "out/strict"\n'
    (tmp_path / "blocklist.toml").write_text(TWO_EXPORTS + strict)
    ended = run("run")
    assert ended.code == 6
    assert "false refuses the new file" in ended.err
    assert (current(tmp_path), set(out(tmp_path))) == (1, {"names", "db.rpz"})


def test_entries_of_the_operator_do_not_wait_for_the_rest(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("run")
    (tmp_path / "mine.txt").write_text("a.top\nb.top\nbad.top\n")
    enter(tmp_path, "b.top", Verdict.ALLOW)
    verified = break_exports(monkeypatch, zone_has("bad.top"))
    ended = run("run")
    assert ended.code == 3
    assert "release 2 is the previous one with your own entries" in ended.err
    held = candidate(tmp_path)
    assert held is not None
    assert (current(tmp_path), held.release.number, held.release.added) == (2, 3, 1)
    assert (tmp_path / "out/names").read_text().count(".top") == 1
    assert set(out(tmp_path)) == {"names", "db.rpz"}
    assert verified == {"names": 2, "dns": 2}, "those of the candidate, and the published ones"


def test_entries_of_the_operator_are_not_published_without_verification(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("run")
    before = out(tmp_path)
    enter(tmp_path, "bad.top", Verdict.BLOCK)
    break_exports(monkeypatch, zone_has("bad.top"))
    ended = run("run")
    assert ended.code == 3
    assert ended.err.count("would block the bank") == 1
    assert "your own entries are held, too" in ended.err
    assert (current(tmp_path), out(tmp_path)) == (1, before)


def test_after_accept_the_other_files_are_written(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("run")
    zone = (tmp_path / "out/db.rpz").read_bytes()
    (tmp_path / "mine.txt").write_text("a.top\nb.top\nbad.top\n")
    break_exports(monkeypatch, zone_has("bad.top"))
    assert run("run").code == 3
    assert run("release", "accept", "--reason", "the zone can wait").code == 6
    assert current(tmp_path) == 2
    assert "bad.top" in (tmp_path / "out/names").read_text()
    assert (tmp_path / "out/db.rpz").read_bytes() == zone
    assert run("run").code == 6, "each run reports it"


def test_accept_rehearses_later_changes(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "blocklist.toml"
    settings.write_text(TWO_EXPORTS + "[gate]\nalways = 2\nmax_added = 0.1\n")
    run("run")
    names = ["a.top", "b.top", *(f"n{number}.top" for number in range(8))]
    (tmp_path / "mine.txt").write_text("\n".join(names))
    assert run("run").code == 3
    (tmp_path / "mine.txt").write_text("\n".join([*names, "late.top"]))
    assert run("update").code == 0
    break_exports(monkeypatch, zone_has("late.top"))
    assert run("release", "accept", "--reason", "I looked").code == 3
    assert current(tmp_path) == 2, "the accepted release, without later changes"
    zone = (tmp_path / "out/db.rpz").read_text()
    assert "n7.top" in zone
    assert "late.top" not in zone


def test_release_build_leaves_no_file(run: Run, tmp_path: Path) -> None:
    run("update")
    assert run("release", "build").code == 0
    assert (current(tmp_path), out(tmp_path)) == (1, {})
    assert run("export").code == 0
    assert set(out(tmp_path)) == {"names", "db.rpz"}


def test_rollback_of_a_feed_goes_through_the_gate(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("run")
    (tmp_path / "mine.txt").write_text("a.top\nc.top\n")
    run("run")
    verified = break_exports(monkeypatch, lambda *_: False)
    assert run("release", "rollback", "--feed", "mine").code == 0
    assert verified == {"names": 1, "dns": 1}
    assert "b.top" in (tmp_path / "out/names").read_text()


def test_an_unchanged_file_needs_no_temporary_file(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("run")
    before = out(tmp_path)
    (tmp_path / "blocklist.toml").write_text(
        TWO_EXPORTS.replace(".mine]", '.mine]\ncategory = "scam"')
    )

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.mkstemp", full)
    assert run("export").code == 0
    assert out(tmp_path) == before


RELEASES = st.dictionaries(KEYS, st.sampled_from(STATES), max_size=6)


@settings(max_examples=40, deadline=None)
@given(RELEASES, RELEASES)
def test_a_proposal_has_the_rows_of_the_later_release(
    tmp_path_factory: pytest.TempPathFactory, before: State, after: State
) -> None:
    verdicts, change = frame(after), diff_verdicts(frame(before), frame(after))
    release = Release(2, "", "test", 0, 0, 0, 0)
    proposal = ProposedRelease(release, verdicts, change, [])
    exported = {
        (value, scope.value)
        for (value, scope), state in after.items()
        if state[0] is Verdict.BLOCK or (state[1] == "operator")
    }
    assert set(proposal.export_rows().select("value", "scope").iter_rows()) == exported
    must_verify = {value for (value, _), state in after.items() if state != STATES[0]}
    assert set(proposal.must_verify()["value"]) == must_verify
    assert (
        apply_change(frame(before).select(VERDICT_ROW.names()), change)
        .sort("value", "scope")
        .equals(verdicts.select(VERDICT_ROW.names()).sort("value", "scope"))
    )


def test_a_proposal_has_the_rows_that_the_ledger_returns(tmp_path: Path) -> None:
    (tmp_path / "blocklist.toml").write_text(TWO_EXPORTS.partition("[exports")[0])
    (tmp_path / "mine.txt").write_text("a.top\nb.top\nhttps://sites.google.com/view/x\n1.2.3.4\n")
    enter(tmp_path, "good.a.top", Verdict.ALLOW)
    enter(tmp_path, "mine.top", Verdict.BLOCK)
    built(tmp_path)
    with read_transaction(tmp_path / "blocklist.db") as transaction:
        verdicts = current_verdicts(transaction)
        rows, blocks = export_rows(transaction, 1), operator_blocks(transaction, 1)
        must_verify = values_to_verify(transaction, 1, None)
    change = diff_verdicts(verdicts.clear(), verdicts)
    proposal = ProposedRelease(Release(1, "", "", 0, 0, 0, 0), verdicts, change, [])
    for stored, proposed in (
        (rows, proposal.export_rows()),
        (blocks.to_frame(), proposal.operator_blocks().to_frame()),
        (must_verify, proposal.must_verify()),
    ):
        assert stored.schema == proposed.schema
        columns = stored.columns
        assert stored.sort(columns).equals(proposed.sort(columns))
    assert Scope.SUBTREE in set(rows["scope"])
