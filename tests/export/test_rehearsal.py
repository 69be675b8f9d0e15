"""The gate's last question: can the files of a release be proved before the release is out."""

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
from tests.support.releases import KEYS, STATES, State
from tests.support.releases import add_name_entry as enter
from tests.support.releases import run_build as built
from tests.support.releases import verdict_frame as frame

CONFIG = """
[feeds.mine]
url = "mine.txt"
format = "domains"
[exports.names]
target = "domains"
path = "out/names"
[exports.dns]
target = "rpz"
path = "out/db.rpz"
zone = "rpz.test"
"""
#: Whether an export of these rows is written wrong.
Fault = Callable[[Export, set[str]], bool]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    (tmp_path / "blocklist.toml").write_text(CONFIG)
    (tmp_path / "mine.txt").write_text("a.top\nb.top\n")
    return commands(tmp_path, monkeypatch, capsys)


def broken(monkeypatch: pytest.MonkeyPatch, fault: Fault) -> Counter[str]:
    """Let files be wrong, and count how often each export is read back."""
    asked: Counter[str] = Counter()

    def asks(export: Export, *rest: Any) -> None:  # noqa: ANN401
        asked[export.name] += 1
        taken = rest[2]
        if fault(export, set(taken["value"])):
            raise ExportFailed("the new file would block the bank")
        verify_export_file(export, *rest)

    monkeypatch.setattr(prepare, "verify_export_file", asks)
    return asked


def zone_has(name: str) -> Fault:
    return lambda export, values: export.name == "dns" and name in values


def out(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """Return all that is where the exports are, hidden files, too."""
    if not (folder / "out").exists():
        return {}
    return {
        path.name: (path.read_bytes(), path.stat().st_ino, path.stat().st_mtime_ns)
        for path in (folder / "out").iterdir()
    }


def in_force(folder: Path) -> int | None:
    with open_read_only(folder / "blocklist.db") as reader:
        assert reader is not None
        current = current_release(reader)
    return current.number if current else None


def waiting(folder: Path) -> Candidate | None:
    with open_read_only(folder / "blocklist.db") as reader:
        assert reader is not None
        return load_candidate(reader)


def test_what_cannot_be_proved_is_not_published(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("run").code == 0
    before = out(tmp_path)
    (tmp_path / "mine.txt").write_text("a.top\nb.top\nbad.top\n")
    with monkeypatch.context() as patch:
        broken(patch, zone_has("bad.top"))
        for words in (("run",), ("run",), ("release", "build")):
            ended = run(*words)
            assert ended.code == 3, "each run says it again"
            assert "the gate held the release; release 1 stays" in ended.err
            assert "export dns: the new file would block the bank" in ended.err
            assert "new blocks are listed by: mine (1)" in ended.err
            assert out(tmp_path) == before, "no file, and nothing beside one"
            assert in_force(tmp_path) == 1
    shown = run("release", "show", "candidate").out
    assert "held by the gate: export dns: the new file would block the bank" in shown
    assert run("run").code == 0, "and when the fault is mended, it passes"
    assert in_force(tmp_path) == 2
    assert waiting(tmp_path) is None
    assert "bad.top" in (tmp_path / "out/names").read_text()


def test_without_proof_there_is_no_first_release(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch, zone_has("a.top"))
    ended = run("run")
    assert (ended.code, in_force(tmp_path), out(tmp_path)) == (3, None, {})
    assert "nothing is published yet" in ended.err


def test_a_run_renders_and_proves_each_file_once(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = broken(monkeypatch, lambda *_: False)
    rendered: Counter[str] = Counter()

    def counting(export: Export, *rest: Any) -> Any:  # noqa: ANN401
        rendered[export.name] += 1
        return render_within_limit(export, *rest)

    monkeypatch.setattr(prepare, "render_within_limit", counting)
    assert run("run").code == 0
    assert asked == rendered == {"names": 1, "dns": 1}
    (tmp_path / "mine.txt").write_text("a.top\nb.top\nc.top\n")
    assert run("run").code == 0
    assert asked == rendered == {"names": 2, "dns": 2}
    assert run("run").code == 0
    assert asked == rendered == {"names": 2, "dns": 2}


def test_what_cannot_be_written_harms_no_other_and_holds_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "out/db.rpz").mkdir(parents=True)
    ended = run("run")
    assert ended.code == 6
    assert "export dns:" in ended.err
    assert "cannot be written: Is a directory" in ended.err
    assert in_force(tmp_path) == 1
    assert "a.top" in (tmp_path / "out/names").read_text()
    assert set(out(tmp_path / "no")) == set()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["db.rpz", "names"]


def test_a_checker_that_refuses_a_file_holds_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports/strict.toml").write_text(
        'title = "Strict"\ndialect = "lines"\nkinds = ["domain"]\nscopes = ["exact"]\n'
        'check = ["false", "{file}"]\n'
    )
    strict = '[exports.strict]\ntarget = "strict"\npath = "out/strict"\n'
    (tmp_path / "blocklist.toml").write_text(CONFIG + strict)
    ended = run("run")
    assert ended.code == 6
    assert "false refuses the new file" in ended.err
    assert (in_force(tmp_path), set(out(tmp_path))) == (1, {"names", "db.rpz"})


def test_what_the_operator_decided_does_not_wait_for_the_rest(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("run")
    (tmp_path / "mine.txt").write_text("a.top\nb.top\nbad.top\n")
    enter(tmp_path, "b.top", Verdict.ALLOW)
    asked = broken(monkeypatch, zone_has("bad.top"))
    ended = run("run")
    assert ended.code == 3
    assert "release 2 is the previous one with your own changes" in ended.err
    kept = waiting(tmp_path)
    assert kept is not None
    assert (in_force(tmp_path), kept.release.number, kept.release.added) == (2, 3, 1)
    assert (tmp_path / "out/names").read_text().count(".top") == 1
    assert set(out(tmp_path)) == {"names", "db.rpz"}
    assert asked == {"names": 2, "dns": 2}, "the candidate's, and what was published"


def test_nor_is_what_the_operator_decided_published_unproved(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("run")
    before = out(tmp_path)
    enter(tmp_path, "bad.top", Verdict.BLOCK)
    broken(monkeypatch, zone_has("bad.top"))
    ended = run("run")
    assert ended.code == 3
    assert ended.err.count("would block the bank") == 1
    assert "your own changes are held, too" in ended.err
    assert (in_force(tmp_path), out(tmp_path)) == (1, before)


def test_a_person_may_accept_it_and_the_other_files_are_written(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("run")
    zone = (tmp_path / "out/db.rpz").read_bytes()
    (tmp_path / "mine.txt").write_text("a.top\nb.top\nbad.top\n")
    broken(monkeypatch, zone_has("bad.top"))
    assert run("run").code == 3
    assert run("release", "accept", "--reason", "the zone can wait").code == 6
    assert in_force(tmp_path) == 2
    assert "bad.top" in (tmp_path / "out/names").read_text()
    assert (tmp_path / "out/db.rpz").read_bytes() == zone
    assert run("run").code == 6, "which each run says"


def test_what_came_after_the_gate_looked_is_rehearsed_when_a_person_accepts(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "blocklist.toml"
    settings.write_text(CONFIG + "[gate]\nalways = 2\nmax_added = 0.1\n")
    run("run")
    names = ["a.top", "b.top", *(f"n{number}.top" for number in range(8))]
    (tmp_path / "mine.txt").write_text("\n".join(names))
    assert run("run").code == 3
    (tmp_path / "mine.txt").write_text("\n".join([*names, "late.top"]))
    assert run("update").code == 0
    broken(monkeypatch, zone_has("late.top"))
    assert run("release", "accept", "--reason", "I looked").code == 3
    assert in_force(tmp_path) == 2, "what was accepted, and not what came since"
    zone = (tmp_path / "out/db.rpz").read_text()
    assert "n7.top" in zone
    assert "late.top" not in zone


def test_a_build_alone_leaves_no_file(run: Run, tmp_path: Path) -> None:
    run("update")
    assert run("release", "build").code == 0
    assert (in_force(tmp_path), out(tmp_path)) == (1, {})
    assert run("export").code == 0
    assert set(out(tmp_path)) == {"names", "db.rpz"}


def test_a_feeds_update_that_is_taken_back_goes_through_the_gate(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("run")
    (tmp_path / "mine.txt").write_text("a.top\nc.top\n")
    run("run")
    asked = broken(monkeypatch, lambda *_: False)
    assert run("release", "rollback", "--feed", "mine").code == 0
    assert asked == {"names": 1, "dns": 1}
    assert "b.top" in (tmp_path / "out/names").read_text()


def test_a_file_that_stays_needs_no_place_beside_it(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("run")
    before = out(tmp_path)
    (tmp_path / "blocklist.toml").write_text(CONFIG.replace(".mine]", '.mine]\ncategory = "scam"'))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.mkstemp", full)
    assert run("export").code == 0
    assert out(tmp_path) == before


RELEASES = st.dictionaries(KEYS, st.sampled_from(STATES), max_size=6)


@settings(max_examples=40, deadline=None)
@given(RELEASES, RELEASES)
def test_a_prospect_says_what_the_ledger_says_when_it_is_out(
    tmp_path_factory: pytest.TempPathFactory, before: State, after: State
) -> None:
    verdicts, change = frame(after), diff_verdicts(frame(before), frame(after))
    release = Release(2, "", "test", 0, 0, 0, 0)
    prospect = ProposedRelease(release, verdicts, change, [])
    carried = {
        (value, scope.value)
        for (value, scope), said in after.items()
        if said[0] is Verdict.BLOCK or (said[1] == "operator")
    }
    assert set(prospect.export_rows().select("value", "scope").iter_rows()) == carried
    watched = {value for (value, _), said in after.items() if said != STATES[0]}
    assert set(prospect.must_verify()["value"]) == watched
    assert (
        apply_change(frame(before).select(VERDICT_ROW.names()), change)
        .sort("value", "scope")
        .equals(verdicts.select(VERDICT_ROW.names()).sort("value", "scope"))
    )


def test_its_rows_are_those_that_are_read_back(tmp_path: Path) -> None:
    (tmp_path / "blocklist.toml").write_text(CONFIG.partition("[exports")[0])
    (tmp_path / "mine.txt").write_text("a.top\nb.top\nhttps://sites.google.com/view/x\n1.2.3.4\n")
    enter(tmp_path, "good.a.top", Verdict.ALLOW)
    enter(tmp_path, "mine.top", Verdict.BLOCK)
    built(tmp_path)
    with read_transaction(tmp_path / "blocklist.db") as bulk:
        known = current_verdicts(bulk)
        rows, own = export_rows(bulk, 1), operator_blocks(bulk, 1)
        watched = values_to_verify(bulk, 1, None)
    change = diff_verdicts(known.clear(), known)
    prospect = ProposedRelease(Release(1, "", "", 0, 0, 0, 0), known, change, [])
    for one, other in (
        (rows, prospect.export_rows()),
        (own.to_frame(), prospect.operator_blocks().to_frame()),
        (watched, prospect.must_verify()),
    ):
        assert one.schema == other.schema
        assert one.sort(one.columns).equals(other.sort(one.columns))
    assert Scope.SUBTREE in set(rows["scope"])
