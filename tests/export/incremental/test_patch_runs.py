"""A run with a small change patches the files in place, and renders whole where it must."""

import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from blocklist.config.exports import Export
from blocklist.export import rehearsal, update
from blocklist.export.incremental import file_patch, patch
from blocklist.export.incremental.splice import Splice
from blocklist.export.stage import prepare
from blocklist.export.stage.limits import render_within_limit
from tests.support.cli import Run, commands
from tests.support.exports import TWO_EXPORTS, read_folder

NAMES = [f"name{number}.top" for number in range(40)]
CHANGED = "\n".join(["new.top", "a.name3.top", *NAMES[1:]])


class Clock(datetime):
    """A clock that a test sets: the first files of each week are rendered whole."""

    at = "2026-01-05T00:00:00+00:00"  # a Monday

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "Clock":
        return cls.fromisoformat(cls.at).astimezone(tz)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    for module in (patch, rehearsal, update):
        monkeypatch.setattr(module, "datetime", Clock)
    (tmp_path / "blocklist.toml").write_text(TWO_EXPORTS)
    (tmp_path / "mine.txt").write_text("\n".join(NAMES))
    command = commands(tmp_path, monkeypatch, capsys)
    assert command("run").code == 0
    return command


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Return a counter of how often each export is rendered whole."""
    rendered: Counter[str] = Counter()

    def counting(export: Export, *rest: Any) -> Any:  # noqa: ANN401
        rendered[export.name] += 1
        return render_within_limit(export, *rest)

    monkeypatch.setattr(prepare, "render_within_limit", counting)
    return rendered


def listed_names(folder: Path) -> set[str]:
    lines = (folder / "out/names").read_text().split()
    return {line for line in lines if line.endswith(".top")}


def test_files_in_place_are_patched(run: Run, tmp_path: Path, whole: Counter[str]) -> None:
    (tmp_path / "mine.txt").write_text(CHANGED)
    assert run("run").code == 0
    assert not whole
    assert listed_names(tmp_path) == set(CHANGED.split())
    assert sorted(read_folder(tmp_path / "out")) == ["db.rpz", "names"], "no other file is left"
    for path in (tmp_path / "out").iterdir():
        path.touch()
    written = read_folder(tmp_path / "out")
    assert run("export").code == 0
    assert whole == {"names": 1, "dns": 1}
    assert read_folder(tmp_path / "out") == written, "rendered whole, they are the same"


def test_an_allow_removes_its_name(run: Run, tmp_path: Path, whole: Counter[str]) -> None:
    (tmp_path / "mine.txt").write_text(CHANGED)
    assert run("allow", "add", "name5.top").code == 0
    assert run("run").code == 0
    assert not whole
    assert listed_names(tmp_path) == {*CHANGED.split()} - {"name5.top"}


def touch(folder: Path) -> None:
    (folder / "out/names").touch()


def edit(folder: Path) -> None:
    with (folder / "out/names").open("a") as file:
        file.write("mine.top\n")


def add_min_score(folder: Path) -> None:
    text = (folder / "blocklist.toml").read_text()
    (folder / "blocklist.toml").write_text(
        text.replace('"out/names"', '"out/names"\nmin_score = 0.1')
    )


def replace_most(folder: Path) -> None:
    (folder / "mine.txt").write_text("\n".join(f"other{number}.top" for number in range(35)))


def change_inputs(folder: Path) -> None:
    """Leave the row of an export as that of a file with other inputs."""
    with closing(sqlite3.connect(folder / "blocklist.db")) as db, db:
        db.execute("UPDATE export SET inputs_digest = '' WHERE name = 'names'")


REASONS = [
    ("its file had other inputs", change_inputs, {"names": 1}),
    ("its file may have changed", touch, {"names": 1}),
    ("its file has changed", edit, {"names": 1}),
    ("it depends on listings", add_min_score, {"names": 1}),
    ("nearly all names are new", replace_most, {"names": 1, "dns": 1}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("why", "change", "expected"), REASONS, ids=[why for why, *_ in REASONS])
def test_reasons_to_render_whole(
    run: Run,
    tmp_path: Path,
    whole: Counter[str],
    why: str,
    change: Callable[[Path], None],
    expected: dict[str, int],
) -> None:
    (tmp_path / "mine.txt").write_text(CHANGED)
    change(tmp_path)
    assert run("run", "--accept", "mine").code == 0
    assert whole == expected
    assert listed_names(tmp_path) == {*(tmp_path / "mine.txt").read_text().split()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        pytest.param("2026-01-11T23:59:59+00:00", {}, id="the last moment of its week"),
        pytest.param("2026-01-12T00:00:00+00:00", {"names": 1, "dns": 1}, id="the next week"),
        pytest.param("2026-01-12T00:30:00+01:00", {}, id="a week begins in UTC"),
        pytest.param("2027-01-04T00:00:00+00:00", {"names": 1, "dns": 1}, id="a year later"),
        pytest.param("2026-01-04T23:59:59+00:00", {"names": 1, "dns": 1}, id="the clock went back"),
    ],
)
def test_the_first_files_of_each_week_are_rendered_whole(
    run: Run,
    tmp_path: Path,
    whole: Counter[str],
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
    expected: dict[str, int],
) -> None:
    monkeypatch.setattr(Clock, "at", moment)
    (tmp_path / "mine.txt").write_text(CHANGED)
    assert run("run").code == 0
    assert whole == expected
    assert listed_names(tmp_path) == set(CHANGED.split())


@pytest.mark.slow
@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(lambda text: text.replace("name7.top", "name8.top"), id="another line"),
        pytest.param(lambda text: text + "last.top\n", id="one line more"),
        pytest.param(lambda text: text.replace("name3.top\n", ""), id="one line less"),
        pytest.param(lambda text: text + "\udcff\n", id="bytes that are not UTF-8"),
        pytest.param(lambda text: text.replace("release: 1", "release: 2"), id="another head"),
    ],
)
def test_an_unexpected_file_in_place_is_rendered_whole(
    run: Run,
    tmp_path: Path,
    whole: Counter[str],
    monkeypatch: pytest.MonkeyPatch,
    lines: Callable[[str], str],
) -> None:
    monkeypatch.setattr(patch, "is_export_fresh", lambda *_: True)
    path = tmp_path / "out/names"
    path.write_text(lines(path.read_text()), errors="surrogateescape")
    (tmp_path / "mine.txt").write_text(CHANGED)
    assert run("run").code == 0
    assert whole == {"names": 1}
    assert listed_names(tmp_path) == set(CHANGED.split())


def drop_a_line(patch_piece: Callable[..., Any]) -> Callable[..., Any]:
    def wrong(*given: Any) -> Any:  # noqa: ANN401
        text, *rest = patch_piece(*given)
        return (text.replace(b"name9.top\n", b""), *rest)

    return wrong


def test_a_wrong_patch_is_rendered_whole(
    run: Run, tmp_path: Path, whole: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Splice, "_patch_piece", drop_a_line(Splice._patch_piece))
    (tmp_path / "mine.txt").write_text(CHANGED)
    ended = run("run")
    assert ended.code == 0
    assert "export names: the new file is not the old one with what changed" in ended.err
    assert whole == {"names": 1}
    assert listed_names(tmp_path) == set(CHANGED.split())


def test_wrong_entries_are_rendered_whole(
    run: Run, tmp_path: Path, whole: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    render_rows = file_patch._render_rows

    def wrong(export: Export, rows: pl.DataFrame) -> Any:  # noqa: ANN401
        return render_rows(export, rows.filter(pl.col("value") != "new.top"))

    monkeypatch.setattr(file_patch, "_render_rows", wrong)
    (tmp_path / "mine.txt").write_text(CHANGED)
    ended = run("run")
    assert ended.code == 0
    assert "would not block new.top" in ended.err
    assert whole == {"names": 1, "dns": 1}
    assert listed_names(tmp_path) == set(CHANGED.split())
