"""The commands as a person or a script uses them: what they print and how they end."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import cli
from tests.support.cli import Run, commands
from tests.support.releases import age_feed

CONFIG = """
[feeds.alpha]
url = "alpha.txt"
format = "domains"
reliability = 0.8

[feeds.beta]
url = "beta.hosts"
format = "hosts"

[feeds.pages]
url = "pages.txt"
format = "urls"

[feeds.nets]
url = "nets.txt"
format = "ips"

[guards.top]
url = "top.csv"
format = "csv"
column = 2
mandatory = true

[policy]
own = ["own-company.com"]

[exports.dns]
target = "rpz"
path = "out/db.rpz"
zone = "rpz.test"

[exports.hosts]
target = "hosts"
path = "out/hosts"
"""
FILES = {
    "blocklist.toml": CONFIG,
    "alpha.txt": "fraud-one.top\nshop.fraud-two.top\nfamous-site.com\nwww.own-company.com\n",
    "beta.hosts": "0.0.0.0 fraud-one.top\n0.0.0.0 0000153.0000255.0000011.0000125\n",
    "pages.txt": "https://bit.ly/abc\nhttps://hacked-shop.com/wp/login\n",
    "nets.txt": "45.155.205.0/24\n203.0.113.7\n",
    "top.csv": "1,famous-site.com\n2,other-famous.com\n",
}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a function that runs a command in a folder of its own."""
    return commands(tmp_path, monkeypatch, capsys)


@pytest.fixture
def world(run: Run, tmp_path: Path) -> Run:
    """Give the same in a folder with a configuration and feeds."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return run


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder in which the main job has run, which is not to be changed."""
    folder = tmp_path_factory.mktemp("ran")
    for name, text in FILES.items():
        (folder / name).write_text(text)
    assert cli.blocklist(folder, "run").code == 0
    return folder


@pytest.fixture
def asked(ran: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a function that asks there."""
    return commands(ran, monkeypatch, capsys)


@pytest.fixture
def again(run: Run, ran: Path, tmp_path: Path) -> Run:
    """Give a function that runs a command in a copy of it."""
    shutil.copytree(ran, tmp_path, dirs_exist_ok=True)
    return run


@pytest.mark.parametrize(
    "words",
    [("run",), ("update",), ("release", "build"), ("export",), ("allow", "add", "fine.com")],
    ids=" ".join,
)
def test_quiet_job_that_succeeds_prints_nothing(again: Run, words: tuple[str, ...]) -> None:
    ended = again("--quiet", *words)
    assert (ended.code, ended.out) == (0, "")


def test_quiet_run_prints_what_failed(again: Run, tmp_path: Path) -> None:
    (tmp_path / "alpha.txt").unlink()
    ended = again("--quiet", "run")
    assert (ended.code, ended.out) == (4, "")
    assert "alpha" in ended.err


def test_quiet_query_answers(again: Run) -> None:
    assert "fraud-one.top" in again("--quiet", "release", "show").out


def test_the_main_job_and_what_check_says(world: Run, tmp_path: Path) -> None:
    ended = world("run")
    assert ended.code == 0, ended.err
    assert "release 1: " in ended.out
    assert "fraud-one.top CNAME ." in (tmp_path / "out/db.rpz").read_text()
    rows = [
        ("fraud-one.top", "block", "listed", "two feeds list it"),
        ("www.fraud-one.top", "block", "listed", "and so all below it"),
        ("shop.fraud-two.top", "block", "listed", "listed as it stands"),
        ("fraud-two.top", "clear", "unlisted", "its parent is not"),
        ("famous-site.com", "hold", "popular", "a top list has it"),
        ("www.own-company.com", "allow", "protected", "it is one's own"),
        ("107.173.9.85", "block", "listed", "as browsers read the octal host"),
        ("45.155.205.9", "block", "listed", "inside a listed network"),
        ("45.155.0.0/16", "block", "listed", "a part of it is blocked"),
        ("203.0.113.7", "allow", "protected", "documentation networks are reserved"),
        ("https://bit.ly/abc", "hold", "url-only", "DNS cannot block one page of a shared host"),
        ("bit.ly", "clear", "unlisted", "a page says nothing about its shared host"),
        ("https://hacked-shop.com/wp/login", "block", "listed", "its host is blocked"),
        ("hacked-shop.com", "block", "listed", "nothing else lives there"),
        ("www.hacked-shop.com", "clear", "unlisted", "a page does not widen"),
        ("hxxps://fraud-one[.]top/x", "block", "listed", "a defanged URL on a blocked host"),
        ("nobody-lists-this.org", "clear", "unlisted", "nobody lists it"),
    ]
    for query, verdict, reason, why in rows:
        ended = world("check", "--json", query)
        (answer,) = ended.json["answers"]
        assert (answer["verdict"], answer["reason"]) == (verdict, reason), (query, why)
        assert ended.code == (1 if verdict == "block" else 0), (query, why)
        assert answer["release"] == 1


def test_check_tells_feeds_dates_and_evidence(asked: Run) -> None:
    (answer,) = asked("check", "--json", "fraud-one.top").json["answers"]
    assert {"query", "kind", "verdict", "reason", "match", "listings", "release", "facts"} <= (
        answer.keys()
    )
    assert answer["match"] == {"indicator": "fraud-one.top", "scope": "subtree"}
    assert sorted(one["feed"] for one in answer["listings"]) == ["alpha", "beta"]
    (octal,) = asked("check", "--json", "107.173.9.85").json["answers"]
    assert octal["listings"][0]["evidence"] == "0000153.0000255.0000011.0000125"
    assert octal["listings"][0]["until"] is None


def test_a_name_in_disguise_is_shown_as_it_reads(world: Run, tmp_path: Path) -> None:
    (tmp_path / "alpha.txt").write_text("fraud-one.top\nb\u00fccher-fraud.top\nfamous-site.com\n")
    world("run")
    shown = world("check", "xn--bcher-fraud-thb.top").out
    assert "by xn--bcher-fraud-thb.top = b\u00fccher-fraud.top (subtree)" in shown


@pytest.mark.parametrize("options", [(), ("--json",), ("--at", "1"), ("--at", "2020-01-01")])
def test_many_names_are_answered_as_one_by_one(
    world: Run, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    asked = ["www.fraud-one.top", "fraud-one.top", "Good.Example", "192.0.2.1", "no name!", "a.b.c"]
    single = world("check", *options, *asked)
    monkeypatch.setattr("blocklist.check.answers.BATCH_MINIMUM", 1)
    together = world("check", *options, *asked)
    assert (single.code, single.out, single.err) == (together.code, together.out, together.err)


def test_check_reads_names_from_stdin(asked: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from io import StringIO

    monkeypatch.setattr(sys, "stdin", StringIO("fraud-one.top\n\nnobody.org\n"))
    ended = asked("check", "--json", "-")
    assert [answer["verdict"] for answer in ended.json["answers"]] == ["block", "clear"]
    assert ended.code == 1


def test_a_second_run_changes_nothing_and_says_so(world: Run, tmp_path: Path) -> None:
    world("run")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    ended = world("run")
    assert ended.code == 0
    assert "nothing changed: release 1 stays" in ended.out
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()} == before


def test_an_allowed_child_of_a_blocked_parent(world: Run, tmp_path: Path) -> None:
    world("allow", "add", "good.fraud-one.top", "--reason", "a customer")
    assert world("run").code == 0
    assert world("check", "good.fraud-one.top").code == 0
    assert world("check", "fraud-one.top").code == 1
    assert "good.fraud-one.top CNAME rpz-passthru." in (tmp_path / "out/db.rpz").read_text()
    assert world("allow", "list", "--json").json["entries"][0]["reason"] == "a customer"
    assert world("allow", "remove", "good.fraud-one.top").code == 0
    assert world("run").code == 0
    assert world("check", "good.fraud-one.top").code == 1


def test_review_decides_what_is_held(again: Run) -> None:
    page = again("review", "list", "--json").json
    assert page["held"] == 2
    held = {item["indicator"]: item for item in page["items"]}
    assert held["famous-site.com"]["cause"] == "famous-site.com (top)"
    assert held["famous-site.com"]["feeds"] == ["alpha"]
    assert again("review", "accept", "famous-site.com").code == 0
    assert again("review", "reject", "https://bit.ly/abc").code == 0
    assert again("run").code == 0
    assert again("check", "famous-site.com").code == 1
    assert "nothing is held" in again("review", "list").out


def test_a_failing_feed_keeps_its_last_good_and_harms_no_other(again: Run, tmp_path: Path) -> None:
    (tmp_path / "alpha.txt").write_text("<!DOCTYPE html><html>please log in</html>")
    (tmp_path / "beta.hosts").unlink()
    ended = again("run")
    assert ended.code == 4
    assert "alpha: refused: a web page, not a list" in ended.err
    assert "no such file" in ended.err
    assert again("check", "fraud-one.top").code == 1
    states = {one["name"]: one["state"] for one in again("feeds", "list", "--json").json["feeds"]}
    assert (states["alpha"], states["beta"], states["pages"]) == ("refused", "failed", "unchanged")


def test_a_missing_mandatory_guard_holds_the_release(again: Run, tmp_path: Path) -> None:
    (tmp_path / "top.csv").unlink()
    age_feed(next(tmp_path.glob("*.db")), "top")
    (tmp_path / "alpha.txt").write_text("fraud-one.top\nfraud-new.top\nfamous-site.com\n")
    ended = again("run")
    assert ended.code == 3
    assert "the mandatory guard top was last good at " in ended.err
    assert again("check", "fraud-new.top").code == 0
    assert len(again("release", "list", "--json").json["releases"]) == 1


@pytest.mark.parametrize(
    ("words", "code", "says", "why"),
    [
        (("chek",), 2, "Did you mean", "a typo in a command"),
        (("check", "a name"), 2, "is no name, address or URL", "a space"),
        (("check", 'a".top; include'), 2, "is no name, address or URL", "an injection"),
        (("feeds", "test", "nowhere.txt"), 2, "nowhere.txt: no such file", "a missing file"),
        (("feeds", "test", "."), 2, "is a folder", "a folder"),
        (("feeds", "test", "alpha.txt", "--format", "hots"), 2, "did you mean 'hosts'", "a typo"),
        (("feeds", "test", "blocklist.toml"), 2, "its format was not recognised", "no list at all"),
        (("feeds", "show", "alhpa"), 2, "did you mean 'alpha'", "a typo in a feed"),
        (("update", "alhpa"), 2, "did you mean 'alpha'", "a typo in a feed"),
        (("export",), 2, "run: blocklist run", "nothing to export yet"),
        (("export", "dsn"), 2, "did you mean 'dns'", "a typo in an export"),
        (("release", "show", "7"), 2, "there is no release 7", "no such release"),
        (("allow", "add", "x.top", "--for", "soon"), 2, "as in 2h", "a bad time"),
        (("allow", "remove", "x.top"), 2, "no allow entry", "nothing to remove"),
        (("block", "add", "0.0.0.0/0"), 2, "every address", "everything at once"),
        (("review", "accept", "x.top"), 2, "is not held", "nothing to decide"),
        (("init",), 2, "exists already", "an existing configuration"),
        (("--config", "none.toml", "run"), 2, "none.toml: cannot be read", "a missing one"),
    ],
)
def test_wrong_use_says_what_where_and_what_next(
    world: Run, words: tuple[str, ...], code: int, says: str, why: str
) -> None:
    ended = world(*words)
    assert ended.code == code, why
    assert says in ended.err, why
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("query", "shown"),
    [("", "''"), ("a name", "a name"), ("a..top", "a..top")],
    ids=["nothing", "a space", "an empty label"],
)
def test_what_is_not_looked_up_is_not_called_clear(
    run: Run, tmp_path: Path, query: str, shown: str
) -> None:
    (tmp_path / "blocklist.toml").touch()
    ended = run("check", query)
    assert ended.out.startswith(f"{shown}: not looked up (invalid: ")
    assert "clear" not in ended.out


def test_the_first_steps_name_each_other(run: Run) -> None:
    assert "write one here: blocklist init" in run("run").err
    assert "then: blocklist run" in run("init").err
    assert "then: blocklist --config new/blocklist.toml run" in run("init", "new").err


def test_init_writes_a_configuration_for_a_small_office(run: Run, tmp_path: Path) -> None:
    assert run("init", "new").code == 0
    used = run("--config", "new/blocklist.toml", "feeds", "list", "--enabled", "--json").json[
        "feeds"
    ]
    feeds = [feed for feed in used if not feed["guard"]]
    assert 6 <= len(feeds) <= 10
    assert {"phishing", "scam", "malware", "criminal-network"} <= {
        feed["category"] for feed in feeds
    }
    assert "non-commercial" not in " ".join(feed["licence"] for feed in feeds)
    assert [feed["name"] for feed in used if feed["mandatory"]] == ["tranco10k"]
    assert not list((tmp_path / "new").glob("*.db"))


def test_without_a_ledger_nothing_is_known(run: Run, tmp_path: Path) -> None:
    (tmp_path / "blocklist.toml").touch()
    ended = run("check", "fraud-one.top")
    assert ended.code == 0
    assert "no release yet" in ended.err
    assert [path.name for path in tmp_path.iterdir()] == ["blocklist.toml"], "asking makes no files"


def test_feeds_test_accounts_for_every_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_bytes(
        b"# a\nok.top\nbad name\nx..y\n\x1b[31mred.top\nb\xc3\xbccher.de\n"
    )
    account = run("feeds", "test", "list.txt", "--format", "domains", "--json").json
    assert account["lines"] == 6
    refused = account["refused"]
    assert account["accepted"] + account["comments"] + sum(refused.values()) == 6
    assert account["indicators"][0] == {
        "kind": "domain",
        "value": "ok.top",
        "scope": "exact",
        "evidence": "ok.top",
    }
    shown = run("feeds", "test", "list.txt", "--format", "domains").out
    assert "\x1b" not in shown, "a feed cannot steer the terminal"


def test_a_newer_database_is_refused(again: Run, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "blocklist.db") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    for words in (("run",), ("check", "fraud-one.top")):
        ended = again(*words)
        assert ended.code == 2
        assert "written by a newer version" in ended.err


def test_a_second_writer_is_told_who_holds_the_lock(again: Run, tmp_path: Path) -> None:
    holder = (
        "import pathlib, sys; from blocklist.ledger.db.lock import hold_writer_lock\n"
        "with hold_writer_lock(pathlib.Path(sys.argv[1]), 'holding'): print(flush=True); input()"
    )
    command = [sys.executable, "-c", holder, str(tmp_path / "blocklist.db")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdin
        process.stdout.readline()
        ended = again("run")
        process.stdin.write(b"\n")
        process.stdin.close()
    assert ended.code == 5
    assert f"process {process.pid} (holding)" in ended.err


def test_an_export_that_cannot_be_written_fails_alone(world: Run, tmp_path: Path) -> None:
    (tmp_path / "blocklist.toml").write_text(CONFIG.replace("out/hosts", "alpha.txt/hosts"))
    ended = world("run")
    assert ended.code == 6
    assert "cannot be written" in ended.err
    assert (tmp_path / "out/db.rpz").exists(), "the other one is written"


def reload_by(folder: Path, command: str) -> None:
    """Let a command of the shell reload the server of the zone."""
    line = f'[exports.dns]\nreload = ["sh", "-c", "{command}"]'
    (folder / "blocklist.toml").write_text(CONFIG.replace("[exports.dns]", line))


def test_export_by_force_reloads_an_unchanged_file(world: Run, tmp_path: Path) -> None:
    reload_by(tmp_path, "echo read")
    assert world("run").code == 0
    assert "reload: read" not in world("export").err
    forced = world("export", "--force", "dns", "--json")
    (export,) = forced.json["exports"]
    assert (forced.code, export["result"]["changed"]) == (0, True)
    assert export["result"]["said"] == ["reload: read"]
    assert world("export", "--json").json["exports"][0]["result"]["changed"] is False


def test_an_export_that_its_server_does_not_load_is_undone_alone(
    world: Run, tmp_path: Path
) -> None:
    reload_by(tmp_path, "echo read anew")
    first = world("run")
    assert (first.code, "export dns: reload: read anew" in first.err) == (0, True)
    zone, hosts = (tmp_path / "out" / name for name in ("db.rpz", "hosts"))
    before = zone.read_bytes()
    reload_by(tmp_path, "echo no such zone; exit 1")
    world("block", "add", "one-more.example.com")
    ended = world("run", "--json")
    assert ended.code == 6
    (cause,) = [export["cause"] for export in ended.json["exports"] if export["cause"]]
    assert "undone. reload failed: sh: no such zone.\nThe previous list is back in place" in cause
    assert cause in ended.err
    assert zone.read_bytes() == before
    assert "one-more.example.com" in hosts.read_text(), "the other one goes on"


@pytest.mark.slow
def test_a_run_that_is_killed_in_an_install_is_mended_by_the_next(
    world: Run, tmp_path: Path
) -> None:
    assert world("run").code == 0
    zone = tmp_path / "out" / "db.rpz"
    proved = zone.read_bytes()
    world("block", "add", "one-more.example.com")
    reload_by(tmp_path, "kill -9 $PPID")
    assert blocklist(tmp_path, "run", stdout=subprocess.DEVNULL).returncode == -9
    assert zone.read_bytes() != proved, "it is in place, and nobody knows whether it is loaded"
    reload_by(tmp_path, "exit 1")
    assert world("run").code == 6
    assert zone.read_bytes() == proved
    reload_by(tmp_path, "true")
    assert world("run").code == 0
    assert b"one-more.example.com" in zone.read_bytes()
    assert not [*zone.parent.glob(".*")]


def blocklist(folder: Path, *words: str, **options: Any) -> subprocess.CompletedProcess[bytes]:  # noqa: ANN401
    command = [sys.executable, "-m", "blocklist", *words]
    return subprocess.run(command, check=False, cwd=folder, stderr=subprocess.PIPE, **options)


@pytest.mark.parametrize(
    ("name", "code"), [("unheard-of.example", 0), ("fraud-one.top", 1), ("bücher.example", 0)]
)
def test_a_reader_that_goes_away_changes_no_answer(ran: Path, name: str, code: int) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    ended = blocklist(ran, "check", *[name] * 999, stdout=writing)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (code, b"")


def test_no_byte_and_no_encoding_ends_a_batch(ran: Path) -> None:
    for encoding in ("ascii", "utf-8"):
        settings = {**os.environ, "PYTHONIOENCODING": f"{encoding}:strict"}
        options = {"input": b"\xff\nfraud-one.top\n", "env": settings, "stdout": subprocess.PIPE}
        ended = blocklist(ran, "check", "--json", "-", "b\u00fccher.example", **options)
        assert ended.returncode == 2, "the first line is no name"
        answers = json.loads(ended.stdout)["answers"]
        assert [answer["verdict"] for answer in answers] == [None, "block", "clear"]


def test_json_steers_no_terminal(run: Run, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("http://evil.example/\x9b31m\x7f\u202e\U000e0001\n")
    ended = run("feeds", "test", str(tmp_path / "list.txt"), "--format", "urls", "--json")
    assert ended.out.replace("\n", "").isprintable()
    evidence = ended.json["indicators"][0]["evidence"]
    assert evidence == "http://evil.example/\x9b31m\x7f\u202e\U000e0001"


def test_a_fault_of_the_program_is_not_taken_for_a_block(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "blocklist.toml").touch()

    def fails(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("blocklist.check.answers.check_one", fails)
    ended = run("check", "a.example")
    assert ended.code == 2
    assert "please report it" in ended.err


def test_every_command_has_help(run: Run) -> None:
    for words in (
        (),
        ("feeds",),
        ("release",),
        ("allow",),
        ("block",),
        ("review",),
        ("check",),
        ("run",),
    ):
        ended = run(*words, "--help")
        assert ended.code == 0
        assert "Usage: blocklist" in ended.out
    assert run("--version").out.startswith("blocklist ")


def test_a_risky_block_asks_on_a_terminal(world: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = world("block", "add", "co.uk")
    assert ended.code == 2
    assert "co.uk: a public suffix" in ended.err
    assert "--anyway" in ended.err
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    for answer, code in ((False, 2), (True, 0)):
        monkeypatch.setattr("typer.confirm", lambda *_, answer=answer, **__: answer)
        ended = world("block", "add", "co.uk")
        assert (ended.code, "co.uk: a public suffix" in ended.err) == (code, True)
        assert ("co.uk" in world("block", "list").out) == answer
