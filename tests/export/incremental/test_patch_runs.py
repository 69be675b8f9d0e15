"""A run in which little changed makes files of those in place, and renders whole where it must."""

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
from blocklist.export.incremental import patch, plan
from blocklist.export.incremental.splice import Splice
from blocklist.export.stage import prepare
from blocklist.export.stage.limits import render_within_limit
from tests.export.test_rehearsal import CONFIG, out
from tests.support.cli import Run, commands

NAMES = [f"name{number}.top" for number in range(40)]
CHANGED = "\n".join(["new.top", "a.name3.top", *NAMES[1:]])


class Clock(datetime):
    """It stands where a test says, for the first files of each week are rendered whole."""

    at = "2026-01-05T00:00:00+00:00"  # a Monday

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "Clock":
        return cls.fromisoformat(cls.at).astimezone(tz)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    for module in (plan, rehearsal, update):
        monkeypatch.setattr(module, "datetime", Clock)
    (tmp_path / "blocklist.toml").write_text(CONFIG)
    (tmp_path / "mine.txt").write_text("\n".join(NAMES))
    made = commands(tmp_path, monkeypatch, capsys)
    assert made("run").code == 0
    return made


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count how often each export is rendered whole."""
    rendered: Counter[str] = Counter()

    def counting(export: Export, *rest: Any) -> Any:  # noqa: ANN401
        rendered[export.name] += 1
        return render_within_limit(export, *rest)

    monkeypatch.setattr(prepare, "render_within_limit", counting)
    return rendered


def named(folder: Path) -> set[str]:
    lines = (folder / "out/names").read_text().split()
    return {line for line in lines if line.endswith(".top")}


def test_files_are_made_of_those_in_place(run: Run, tmp_path: Path, whole: Counter[str]) -> None:
    (tmp_path / "mine.txt").write_text(CHANGED)
    assert run("run").code == 0
    assert not whole
    assert named(tmp_path) == set(CHANGED.split())
    assert sorted(out(tmp_path)) == ["db.rpz", "names"], "and nothing is left beside them"
    for path in (tmp_path / "out").iterdir():
        path.touch()
    written = out(tmp_path)
    assert run("export").code == 0
    assert whole == {"names": 1, "dns": 1}
    assert out(tmp_path) == written, "rendered whole they are the same"


def test_an_allow_opens_what_it_should(run: Run, tmp_path: Path, whole: Counter[str]) -> None:
    (tmp_path / "mine.txt").write_text(CHANGED)
    assert run("allow", "add", "name5.top").code == 0
    assert run("run").code == 0
    assert not whole
    assert named(tmp_path) == {*CHANGED.split()} - {"name5.top"}


def touched(folder: Path) -> None:
    (folder / "out/names").touch()


def edited(folder: Path) -> None:
    with (folder / "out/names").open("a") as file:
        file.write("mine.top\n")


def scored(folder: Path) -> None:
    text = (folder / "blocklist.toml").read_text()
    (folder / "blocklist.toml").write_text(
        text.replace('"out/names"', '"out/names"\nmin_score = 0.1')
    )


def nearly_new(folder: Path) -> None:
    (folder / "mine.txt").write_text("\n".join(f"other{number}.top" for number in range(35)))


def unknown(folder: Path) -> None:
    """Leave the row of an export as a migration leaves it."""
    with closing(sqlite3.connect(folder / "blocklist.db")) as db, db:
        db.execute("UPDATE export SET made_of = NULL, mark = NULL WHERE name = 'names'")


REASONS = [
    ("an older version made its file", unknown, {"names": 1}),
    ("its file may be another", touched, {"names": 1}),
    ("its file is another", edited, {"names": 1}),
    ("it asks who lists what", scored, {"names": 1}),
    ("nearly all is new", nearly_new, {"names": 1, "dns": 1}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("why", "change", "wanted"), REASONS, ids=[why for why, *_ in REASONS])
def test_what_is_rendered_whole(
    run: Run,
    tmp_path: Path,
    whole: Counter[str],
    why: str,
    change: Callable[[Path], None],
    wanted: dict[str, int],
) -> None:
    (tmp_path / "mine.txt").write_text(CHANGED)
    change(tmp_path)
    assert run("run", "--accept", "mine").code == 0
    assert whole == wanted
    assert named(tmp_path) == {*(tmp_path / "mine.txt").read_text().split()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("moment", "wanted"),
    [
        pytest.param("2026-01-11T23:59:59+00:00", {}, id="the last moment of its week"),
        pytest.param("2026-01-12T00:00:00+00:00", {"names": 1, "dns": 1}, id="the next week"),
        pytest.param("2026-01-12T00:30:00+01:00", {}, id="a week begins in UTC"),
        pytest.param("2027-01-04T00:00:00+00:00", {"names": 1, "dns": 1}, id="the same a year on"),
        pytest.param("2026-01-04T23:59:59+00:00", {"names": 1, "dns": 1}, id="a clock went back"),
    ],
)
def test_the_first_of_each_week_is_rendered_whole(
    run: Run,
    tmp_path: Path,
    whole: Counter[str],
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
    wanted: dict[str, int],
) -> None:
    monkeypatch.setattr(Clock, "at", moment)
    (tmp_path / "mine.txt").write_text(CHANGED)
    assert run("run").code == 0
    assert whole == wanted
    assert named(tmp_path) == set(CHANGED.split())


@pytest.mark.slow
@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(lambda text: text.replace("name7.top", "name8.top"), id="a line is another"),
        pytest.param(lambda text: text + "last.top\n", id="a line more"),
        pytest.param(lambda text: text.replace("name3.top\n", ""), id="a line of the family less"),
        pytest.param(lambda text: text + "\udcff\n", id="bytes that are no text"),
        pytest.param(lambda text: text.replace("release: 1", "release: 2"), id="another head"),
    ],
)
def test_a_file_that_is_not_what_it_was_taken_for_is_rendered_whole(
    run: Run,
    tmp_path: Path,
    whole: Counter[str],
    monkeypatch: pytest.MonkeyPatch,
    lines: Callable[[str], str],
) -> None:
    monkeypatch.setattr(plan, "stands", lambda *_: True)
    path = tmp_path / "out/names"
    path.write_text(lines(path.read_text()), errors="surrogateescape")
    (tmp_path / "mine.txt").write_text(CHANGED)
    assert run("run").code == 0
    assert whole == {"names": 1}
    assert named(tmp_path) == set(CHANGED.split())


def dropping(changed: Callable[..., Any]) -> Callable[..., Any]:
    def wrong(*given: Any) -> Any:  # noqa: ANN401
        text, *rest = changed(*given)
        return (text.replace(b"name9.top\n", b""), *rest)

    return wrong


def test_a_file_that_comes_out_wrong_is_rendered_whole(
    run: Run, tmp_path: Path, whole: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Splice, "_patch_piece", dropping(Splice._patch_piece))
    (tmp_path / "mine.txt").write_text(CHANGED)
    ended = run("run")
    assert ended.code == 0
    assert "export names: the new file is not the old one with what changed" in ended.err
    assert whole == {"names": 1}
    assert named(tmp_path) == set(CHANGED.split())


def test_entries_that_say_something_else_are_rendered_whole(
    run: Run, tmp_path: Path, whole: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered = patch._render_rows

    def wrong(export: Export, rows: pl.DataFrame) -> Any:  # noqa: ANN401
        return rendered(export, rows.filter(pl.col("value") != "new.top"))

    monkeypatch.setattr(patch, "_render_rows", wrong)
    (tmp_path / "mine.txt").write_text(CHANGED)
    ended = run("run")
    assert ended.code == 0
    assert "would not block new.top" in ended.err
    assert whole == {"names": 1, "dns": 1}
    assert named(tmp_path) == set(CHANGED.split())
