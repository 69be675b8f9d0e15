"""Completion in the shell: names of the configuration and the ledger, and never an error."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import Ended, blocklist
from tests.support.start import HEAVY

CONFIG = """
[feeds.mine]
url = "mine.txt"
format = "domains"
enabled = true
[guards.top]
url = "top.txt"
format = "domains"
enabled = true
[exports.dns]
target = "domains"
path = "out/names.txt"
[exports.proxy]
target = "urls"
path = "out/urls.txt"
"""
CODE = """
import sys
from blocklist.cli import main
sys.argv = ["blocklist"]
try:
    main()
finally:
    print(*sys.modules, file=sys.stderr)
"""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a release, two exports, two held names and an entry of each kind."""
    folder = tmp_path_factory.mktemp("completion")
    (folder / "blocklist.toml").write_text(CONFIG)
    (folder / "mine.txt").write_text("shop.com\nnews.com\nevil.com\n")
    (folder / "top.txt").write_text("first.com\nnews.com\nshop.com\n")
    (folder / "feeds").mkdir()
    (folder / "feeds/ours-too.toml").write_text('url = "mine.txt"\nformat = "domains"\n')
    assert blocklist(folder, "run").code == 0
    for action, name in (("allow", "good.example"), ("block", "bad.example")):
        assert blocklist(folder, action, "add", name).code == 0
    return folder


def ask(folder: Path, line: str, monkeypatch: pytest.MonkeyPatch, instruction: str = "") -> Ended:
    """Ask as bash does: the last word of the line is being typed."""
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(line.count(" ")))
    monkeypatch.setenv("_BLOCKLIST_COMPLETE", instruction or "complete_bash")
    return blocklist(folder)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("blocklist re", "review release resolve"),
        ("blocklist allow ", "add remove list import export"),
        ("blocklist feeds show min", "mine"),
        ("blocklist feeds show top", "top"),
        ("blocklist feeds show our", "ours-too"),
        ("blocklist feeds show hagezi-t", "hagezi-tif"),
        ("blocklist update mine cert-", "cert-pl"),
        ("blocklist run --accept min", "mine"),
        ("blocklist update --accept min", "mine"),
        ("blocklist release rollback --feed min", "mine"),
        ("blocklist release unpin --feed min", "mine"),
        ("blocklist release diff --feed min", "mine"),
        ("blocklist review list --feed min", "mine"),
        ("blocklist review accept --feed min", "mine"),
        ("blocklist feeds list --category ph", "phishing"),
        ("blocklist export ", "dns proxy"),
        ("blocklist export dns p", "proxy"),
        ("blocklist release show ", "current candidate 1"),
        ("blocklist release diff 1 cu", "current"),
        ("blocklist release rollback ", "1"),
        ("blocklist review accept ", "news.com shop.com"),
        ("blocklist review reject s", "shop.com"),
        ("blocklist review reject %", ""),
        ("blocklist allow remove ", "good.example"),
        ("blocklist block remove ", "bad.example"),
        ("blocklist block remove g", ""),
        ("blocklist --config blocklist.toml export d", "dns"),
        ("blocklist -v export d", "dns"),
    ],
)
def test_what_can_follow_is_given(
    folder: Path, line: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = ask(folder, line, monkeypatch)
    assert (ended.code, ended.err) == (0, "")
    assert sorted(ended.out.split()) == sorted(expected.split())


QUESTIONS = (
    "blocklist feeds show cert-",
    "blocklist export ",
    "blocklist release show ",
    "blocklist review accept ",
    "blocklist allow remove ",
)


@pytest.mark.parametrize("line", QUESTIONS)
@pytest.mark.parametrize(
    "fault",
    [
        "rm blocklist.toml blocklist.db",
        "rm blocklist.db",
        "echo '[[[' > blocklist.toml",
        "echo 'database = 3' > blocklist.toml",
        "echo 'exports = 3' > blocklist.toml; echo 'feeds = 3' >> blocklist.toml",
        "rm blocklist.toml; mkdir blocklist.toml",
        "rm blocklist.db*; echo no database > blocklist.db",
        "rm blocklist.db*; : > blocklist.db",
        "rm blocklist.db*; mkdir blocklist.db",
        "truncate -s 5000 blocklist.db",
        "rm -r feeds; : > feeds",
    ],
)
def test_no_fault_writes_into_the_prompt(
    folder: Path, tmp_path: Path, line: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "copy"
    shutil.copytree(folder, place)
    subprocess.run(["sh", "-c", fault], cwd=place, check=True)
    ended = ask(place, line, monkeypatch)
    assert (ended.code, ended.err) == (0, "")
    assert "error" not in ended.out.lower()


@pytest.mark.parametrize(
    "line",
    [
        "blocklist --config /none/blocklist.toml export ",
        "blocklist --config export ",
        "blocklist nonsense ",
        "blocklist review accept 'open quote ",
        "blocklist check --only nothing x ",
        "blocklist release diff 1 2 3 4 ",
        "blocklist --version ",
        "",
    ],
)
def test_a_broken_line_is_no_error(
    folder: Path, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = ask(folder, line, monkeypatch)
    assert (ended.code, ended.err) == (0, "")


def test_a_variable_that_is_missing_is_no_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_BLOCKLIST_COMPLETE", "complete_bash")
    monkeypatch.delenv("COMP_WORDS", raising=False)
    assert blocklist(folder) == (0, "", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_is_written(
    folder: Path, shell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_BLOCKLIST_COMPLETE", f"source_{shell}")
    ended = blocklist(folder)
    assert (ended.code, ended.err) == (0, "")
    assert f"complete_{shell}" in ended.out


@pytest.mark.parametrize("line", ["blocklist ", "blocklist update cert-", *QUESTIONS])
def test_completion_loads_nothing_heavy(folder: Path, line: str) -> None:
    asked = {
        "COMP_WORDS": line,
        "COMP_CWORD": str(line.count(" ")),
        "_BLOCKLIST_COMPLETE": "complete_bash",
    }
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        cwd=folder,
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout
    assert HEAVY & set(done.stderr.split()) == set()
