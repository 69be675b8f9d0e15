"""JSON documents and streams: a version, the same keys, and no lie about what was not looked up."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import Run, blocklist, commands

CONFIG = '[feeds.mine]\nurl = "mine.txt"\nformat = "domains"\n'


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of an installation that blocks evil.com."""
    folder = tmp_path_factory.mktemp("ready")
    (folder / "blocklist.toml").write_text(CONFIG)
    (folder / "mine.txt").write_text("evil.com\n")
    assert blocklist(folder, "run").code == 0
    return folder


@pytest.fixture
def run(ready: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a function that runs a command there."""
    return commands(ready, monkeypatch, capsys)


@pytest.mark.parametrize(
    "words",
    [
        "run", "update", "export", "release build", "release list", "release show", "feeds list",
        "feeds show mine", "allow list", "block list", "review list", "status", "doctor", "prune",
        "check evil.com", "check a..b", "check --explain evil.com", "feeds overlap",
        "feeds test mine.txt",
    ],
)  # fmt: skip
def test_every_document_has_a_version(run: Run, words: str) -> None:
    assert run(*words.split(), "--json").json["schema"] == 1


@pytest.mark.parametrize("name", ["", "bad name", "a..b", "-", "*.x.*", "x" * 300])
def test_what_is_no_name_has_no_verdict(run: Run, name: str) -> None:
    ended = run("check", "--json", "--", name if name != "-" else "..", "evil.com")
    assert [one["verdict"] for one in ended.json["answers"]] == [None, "block"]
    assert ended.code == 2, "a blocked name beside it hides nothing"


@pytest.mark.parametrize(
    ("only", "shown"), [("block", ["evil.com"]), ("clear", ["good.com"]), ("hold", [])]
)
@pytest.mark.parametrize("form", ["--json", "--jsonl", "text"])
def test_only_one_verdict(run: Run, only: str, shown: list[str], form: str) -> None:
    options = () if form == "text" else (form,)
    ended = run("check", *options, "--only", only, "evil.com", "good.com")
    if form == "text":
        found = [line.split(":")[0] for line in ended.out.splitlines() if line[0] != " "]
    else:
        lines = ended.out.splitlines() if form == "--jsonl" else []
        answers = [json.loads(line) for line in lines] or (
            ended.json["answers"] if form == "--json" else []
        )
        found = [answer["query"] for answer in answers]
    assert (found, ended.code) == (shown, 1), "the exit code tells of all names"


def start(folder: Path, shell: str, *words: str) -> subprocess.Popen[bytes]:
    """Start a command through the shell; `shell` redirects its streams."""
    script = f'exec "$@" {shell}'
    program = [sys.executable, "-m", "blocklist", *words]
    return subprocess.Popen(
        ["/bin/sh", "-c", script, "sh", *program],
        cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def test_a_stream_gets_its_answers_while_it_goes_on(ready: Path) -> None:
    process = start(ready, "", "check", "--jsonl", "-")
    assert process.stdin and process.stdout
    for name, verdict in (("evil.com", "block"), ("good.com", "clear"), ("a..b", None)):
        process.stdin.write(f"{name}\n".encode())
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        assert (answer["schema"], answer["query"], answer["verdict"]) == (1, name, verdict)
    process.communicate()
    assert process.returncode == 2


@pytest.mark.parametrize("shell", [">&-", "> /dev/full", ">&- 2>&-", "2> /dev/full", "<&-"])
@pytest.mark.parametrize(("name", "code"), [("good.com", 0), ("evil.com", 1), ("a..b", 2)])
def test_a_lost_output_changes_no_exit_code(ready: Path, shell: str, name: str, code: int) -> None:
    process = start(ready, shell, "check", name)
    _, error = process.communicate()
    assert (process.returncode, b"Traceback" in error) == (code, False)


@pytest.mark.parametrize("shell", [">&-", "> /dev/full", "> /dev/full 2>&1"])
def test_a_lost_output_changes_nothing_that_is_done(copied: Path, shell: str) -> None:
    (copied / "mine.txt").write_text("evil.com\nworse.com\n")
    process = start(copied, shell, "run")
    process.communicate()
    assert process.returncode == 0
    assert blocklist(copied, "check", "worse.com").code == 1
