"""Commands on entries: several names a call, names from stdin, files, and JSON documents."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import Run, commands

CHANGE_KEYS = {"schema", "entries", "replaced", "release", "exports", "pin", "notes", "error"}
IMPORT_KEYS = CHANGE_KEYS - {"entries", "replaced"} | {
    "added", "changed", "removed", "unchanged", "ended", "dry_run"
}  # fmt: skip


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a function that runs a command in a folder with a configuration."""
    (tmp_path / "blocklist.toml").write_text("")
    return commands(tmp_path, monkeypatch, capsys)


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> "Stdin":
    """Give a function that sets what stdin has."""
    return Stdin(monkeypatch)


class Stdin:
    """Sets what stdin has."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def __call__(self, content: bytes) -> None:
        stream = io.TextIOWrapper(io.BytesIO(content), "utf-8", errors="surrogateescape")
        self._monkeypatch.setattr(sys, "stdin", stream)


def listed(run: Run, action: str = "allow") -> list[tuple[str, str]]:
    return [(one["value"], one["scope"]) for one in run(action, "list", "--json").json["entries"]]


STREAMS = [
    (b"a.com\nb.com\n", ["a.com", "b.com"], "two lines"),
    (b"a.com", ["a.com"], "no line end"),
    (b"a.com\r\nb.com\r\n", ["a.com", "b.com"], "from Windows"),
    (b"\xef\xbb\xbfa.com\n", ["a.com"], "a byte order mark"),
    (b"# all\n\n  a.com  # why\n\tb.com\n", ["a.com", "b.com"], "comments and spaces"),
    (b"a.com\nA.COM.\na[.]com\n", ["a.com"], "one name, three spellings"),
    (b"192.0.2.1\n2001:db8::/32\n", ["192.0.2.1", "2001:db8::/32"], "addresses"),
]
BAD_STREAMS = [
    (b"", "standard input has no names"),
    (b"# nothing\n\n", "standard input has no names"),
    (b"ok.com\n\na..b\n", "line 3: 'a..b' is no name"),
    (
        b"a..b\nok.com\nc d\n",
        "nothing between two of its dots\n  line 3:",
    ),
    (b"ok.com\n\xff.com\n", "line 2: "),
    (b"ok.com\nx\0y.com\n", "line 2: "),
    (b"ok.com\n0.0.0.0/0\n", "line 2: 0.0.0.0/0: that is every address there is"),
    (b"ok.com\n" + b"a" * 300_000 + b"\n", "line 2: "),
]


@pytest.mark.parametrize(("content", "names", "why"), STREAMS)
def test_names_are_read_from_stdin(
    run: Run, stdin: Stdin, content: bytes, names: list[str], why: str
) -> None:
    stdin(content)
    assert run("allow", "add", "-").code == 0, why
    assert [value for value, _ in listed(run)] == names
    stdin(content)
    assert run("allow", "remove", "-").code == 0
    assert not listed(run)


@pytest.mark.parametrize(("content", "message"), BAD_STREAMS)
def test_a_mistake_on_stdin_is_told_by_line(
    run: Run, stdin: Stdin, content: bytes, message: str
) -> None:
    stdin(content)
    ended = run("allow", "add", "good.com", "-")
    if "no names" not in message:
        assert (ended.code, message in ended.err) == (2, True)
        assert not listed(run), "all or none"
    else:
        assert (ended.code, len(listed(run))) == (0, 1), "the argument is there"
        stdin(content)
        ended = run("allow", "add", "-")
        assert (ended.code, message in ended.err) == (2, True)


def test_several_names_with_their_own_scope(run: Run) -> None:
    assert run("allow", "add", "|a.com^", "a.com", "*.b.com", "192.0.2.1").code == 0
    assert listed(run) == [
        ("a.com", "exact"), ("a.com", "subtree"), ("b.com", "subtree"), ("192.0.2.1", "exact"),
    ]  # fmt: skip


def test_consent_is_asked_for_all_names_together(run: Run) -> None:
    ended = run("allow", "add", "co.uk", "fine.com", "com")
    assert ended.code == 2
    assert ended.err.count("is a public suffix") == 2
    assert not listed(run)
    assert run("allow", "add", "co.uk", "fine.com", "com", "--anyway").code == 0


def test_all_missing_entries_are_told_and_all_stay(run: Run) -> None:
    run("block", "add", "there.com")
    ended = run("block", "remove", "there.com", "one.com", "two.com")
    assert ended.code == 2
    assert (
        "one.com: no block entry\n  two.com: no block entry; see: blocklist block list" in ended.err
    )
    assert listed(run, "block")


def test_many_mistakes_are_counted(run: Run) -> None:
    ended = run("allow", "add", *(f"a..{number}" for number in range(100)))
    assert (ended.code, len(ended.err.splitlines())) == (2, 21)
    assert "and 80 more like these" in ended.err


@pytest.mark.parametrize("action", ["allow", "block"])
def test_documents_have_the_same_keys_in_every_outcome(
    run: Run, tmp_path: Path, action: str
) -> None:
    for words in (("add", "a.com", "b.com"), ("add", "a.com"), ("remove", "a.com")):
        document = run(action, *words, "--json").json
        assert (set(document), document["schema"]) == (CHANGE_KEYS, 1)
    failed = run(action, "add", "c.com", "--now", "--json")
    assert (failed.code, set(failed.json)) == (2, CHANGE_KEYS)
    assert "there is no release yet" in failed.json["error"]
    (tmp_path / "list.csv").write_text("value\nb.com\nc.com\nd.com\n")
    for options in (("--dry-run",), (), (), ("--prune",)):
        assert set(run(action, "import", "list.csv", "--json", *options).json) == IMPORT_KEYS


def test_a_file_goes_out_and_in(run: Run, stdin: Stdin) -> None:
    run("block", "add", "a.com", "b.com", "--reason", "=1+1")
    text = run("block", "export").out
    assert run("block", "export", "list.csv").code == 0
    for words in (("list.csv",), ("-", "--format", "toml")):
        stdin(text.encode())
        ended = run("block", "import", *words, "--prune")
        assert (ended.out, ended.err) == ("", "block: nothing changed, 2 unchanged\n")
    stdin(b"[[block]]\nvalue = 'c.com'\n")
    ended = run("block", "import", "-", "--format", "toml", "--prune")
    assert [line.split()[:2] for line in ended.out.splitlines()] == [
        ["added", "c.com"], ["removed", "a.com"], ["removed", "b.com"],
    ]  # fmt: skip
    assert "1 added, 0 changed, 2 removed, 0 unchanged" in ended.err
    assert run("--quiet", "block", "import", "list.csv", "--prune").err == ""


def test_a_stream_needs_a_format(run: Run, stdin: Stdin) -> None:
    stdin(b"value\na.com\n")
    assert "choose --format toml or csv" in run("allow", "import", "-").err


def test_eight_processes_decide_at_the_same_moment(run: Run, tmp_path: Path) -> None:
    run("allow", "add", "first.com")
    program = [sys.executable, "-m", "blocklist"]
    started = [
        subprocess.Popen(
            [*program, ("allow", "block")[number % 2], "add", f"n{number}.com", f"m{number}.com"],
            cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for number in range(8)
    ]  # fmt: skip
    errors = [process.communicate()[1] for process in started]
    assert [process.returncode for process in started] == [0] * 8, errors
    values = {value for action in ("allow", "block") for value, _ in listed(run, action)}
    assert values == {"first.com", *(f"{x}{number}.com" for number in range(8) for x in "nm")}
