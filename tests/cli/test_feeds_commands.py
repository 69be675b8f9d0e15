"""`feeds list`, `show` and `add`, as a person or a script uses them."""

import re
import sys
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import typer

from blocklist.config.add_feed import append_to_config, render_feed_table, suggest_feed_name
from blocklist.config.loader import load_config
from blocklist.errors import ConfigError
from tests.support.cli import Run, commands

CONFIG = """# mine; keep this
[feeds.taken]   # and this
url = "lists/taken.txt"
format = "domains"
"""
LIST = "0.0.0.0 fraud-one.top\n0.0.0.0 fraud-two.top\nno host\n"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a function that runs a command in a folder with a configuration and lists."""
    (tmp_path / "lists").mkdir()
    (tmp_path / "blocklist.toml").write_text(CONFIG)
    (tmp_path / "lists/taken.txt").write_text("fraud-one.top\n")
    (tmp_path / "lists/Shop Frauds.txt").write_text(LIST)
    (tmp_path / "lists/page.txt").write_text("<html><body>log in</body></html>\n" * 9)
    (tmp_path / "lists/comments.txt").write_text("# none yet\n")
    return commands(tmp_path, monkeypatch, capsys)


def answering(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    """Sit at a terminal and answer what is asked."""
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: answer == "y")
    monkeypatch.setattr("typer.prompt", lambda *_, default, **__: default)


# --- List and show ----------------------------------------------------------------------------


def test_the_catalogue_is_long(run: Run) -> None:
    assert len(run("feeds", "list", "--json").json["feeds"]) >= 50


def test_feeds_that_were_never_verified_are_named_in_80_columns(run: Run) -> None:
    lines = run("feeds", "list", "--category", "gambling").err.splitlines()
    assert lines == ["1 with a format that was never verified: anj-gambling"]
    lines = run("feeds", "list").err.splitlines()
    assert lines[0].startswith("15 with a format that was never verified: ")
    assert max(map(len, lines)) <= 80
    assert not run("--quiet", "feeds", "list").err


@pytest.mark.parametrize("name", ["taken", "cert-pl", "tranco"], ids=["own", "feed", "guard"])
def test_show_has_no_empty_rows(run: Run, name: str) -> None:
    rows = run("feeds", "show", name).out.splitlines()[1:]
    assert rows
    assert [row for row in rows if len(row.split()) < 2] == []


@pytest.mark.parametrize(
    ("name", "hint", "_why"),
    [
        ("cert-p", "did you mean 'cert-pl'?", "a slip"),
        ("cert_pl", "did you mean 'cert-pl'?", "a line below in place of a hyphen"),
        ("CERT-PL", "did you mean 'cert-pl'?", "capitals"),
        ("hage", "near it are hagezi-fake, hagezi-gambling, hagezi-tif", "the start of several"),
        ("malware", "near it are blocklistproject-malware, dandelion-anti-malware, ", "a part"),
        ("nope", "near it are openphish, tranco, google;", "nothing alike, but some letters"),
        ("xyzzy", "names are known; see", "no letter in common"),
        ("", "names are known; see", "nothing"),
        ("a" * 5000, "names are known; see", "comparing is cut"),
        ("[b]x[/b]\x1b[2J", "names are known; see", "control characters"),
    ],
)
def test_an_unknown_feed_gets_near_names_and_not_all(
    run: Run, name: str, hint: str, _why: str
) -> None:
    for command in (("feeds", "show"), ("update",)):
        ended = run(*command, "--", name)
        assert ended.code == 2
        assert hint in ended.err
        assert ended.err.endswith("; see: blocklist feeds list\n")
        assert len(ended.err) <= len(name) + 300


def test_show_names_the_copy_that_was_read_or_the_reason_that_none_was(run: Run) -> None:
    never = run("feeds", "show", "cert-pl").out
    assert re.search("^verified +never$", never, re.MULTILINE)
    assert re.search("^evidence +only a cleaned copy was read", never, re.MULTILINE)
    read = run("feeds", "show", "stalkerware").out
    assert re.search("^verified +2026-06-21$", read, re.MULTILINE)
    assert re.search("^evidence +https://github.com/AssoEchap/.*/generated/hosts$", read, re.M)


@pytest.mark.parametrize(
    ("words", "has", "lacks"),
    [
        (("--category", "gambling"), "acma-gambling", "cert-pl"),
        (("--licence", "mit"), "maltrail-malware", "cert-pl"),
        (
            ("--category", "gambling", "--licence", "MIT"),
            "sinfonietta-gambling",
            "acma-gambling",
        ),
        (("--enabled",), "taken", "cert-pl"),
        (("--category", "bank"), "banks", "tranco10k"),
    ],
)
def test_list_filters(run: Run, words: tuple[str, ...], has: str, lacks: str) -> None:
    names = {feed["name"] for feed in run("feeds", "list", *words, "--json").json["feeds"]}
    assert has in names
    assert lacks not in names
    lines = run("feeds", "list", *words).out.splitlines()
    assert {line.split()[0] for line in lines[1:]} == names


def test_show_keeps_secrets(run: Run, tmp_path: Path) -> None:
    with (tmp_path / "blocklist.toml").open("a") as file:
        file.write(
            '[feeds.paid]\nurl = "https://me:hunter2@lists.top/x?key=hunter3"\n'
            'format = "hosts"\nheaders = ["Auth-Key: hunter4"]\n'
            'sha256 = "https://lists.top/x.sha256?key=hunter5"\n'
            'signature = "https://me:hunter6@lists.top/x.minisig"\n'
        )
    for words in (("feeds", "show", "paid"), ("feeds", "list", "--json")):
        assert "hunter" not in run(*words).out


def test_show_tells_all(run: Run) -> None:
    shown = run("feeds", "show", "spamhaus-drop", "--json").json
    assert shown["direction"] == "both"
    assert shown["redistribute"] is None
    assert shown["documented"].startswith("https://")
    text = run("feeds", "show", "phishing-army").out
    for said in ("lineage", "phishtank, openphish", "reliability_reason", "interval", "6h"):
        assert said in text


# --- Add --------------------------------------------------------------------------------------


def test_add_shows_asks_and_writes(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, "y")
    ended = run("feeds", "add", "lists/Shop Frauds.txt", "--category", "fraud-shop")
    assert ended.code == 0, ended.err
    assert "hosts: 3 lines = 2 accepted + 1 refused" in ended.out
    assert "fraud-one.top" in ended.out
    assert "blocklist update shop-frauds" in ended.err
    text = (tmp_path / "blocklist.toml").read_text()
    assert text.startswith(CONFIG)
    assert tomllib.loads(text)["feeds"]["shop-frauds"] == {
        "url": "lists/Shop Frauds.txt",
        "format": "hosts",
        "category": "fraud-shop",
    }
    assert run("update", "shop-frauds").code == 0


def test_no_is_no(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, "n")
    ended = run("feeds", "add", "lists/Shop Frauds.txt")
    assert (ended.code, "left as it is" in ended.err) == (2, True)
    assert (tmp_path / "blocklist.toml").read_text() == CONFIG


def test_a_script_says_yes(run: Run, tmp_path: Path) -> None:
    place = f"file://{tmp_path}/lists/taken.txt"
    report = run("feeds", "add", place, "--name", "by-url", "--yes", "--json").json
    assert report["feed"] == "by-url"
    assert report["parsed"]["accepted"] == 1
    table = tomllib.loads((tmp_path / "blocklist.toml").read_text())
    assert table["feeds"]["by-url"]["url"] == place


class Lists(BaseHTTPRequestHandler):
    """A server that has one list."""

    def do_GET(self) -> None:
        found = self.path == "/lists/scams.txt"
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(LIST) if found else 0))
        self.end_headers()
        if found:
            self.wfile.write(LIST.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Lists) as serving:
        Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_address[1]}"
        serving.shutdown()


def test_add_with_a_reliability(run: Run, tmp_path: Path) -> None:
    (tmp_path / "new.txt").write_text("fraud-x.top\nfraud-y.top\n")
    options = ("--category", "scam", "--reliability", "0.8", "--yes")
    ended = run("feeds", "add", str(tmp_path / "new.txt"), *options)
    assert ended.code == 0, ended.err
    feed = load_config(tmp_path / "blocklist.toml").feeds["new"]
    assert (feed.category.value, feed.reliability) == ("scam", 0.8)
    wrong = run("feeds", "add", str(tmp_path / "new.txt"), "--reliability", "7", "--yes")
    assert wrong.code == 2


def test_add_asks_on_a_terminal(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "new.txt").write_text("fraud-x.top\nfraud-y.top\n")
    answers = iter(["phishing", 0.7])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(typer, "prompt", lambda *_, **__: next(answers))
    monkeypatch.setattr(typer, "confirm", lambda *_, **__: True)
    assert run("feeds", "add", str(tmp_path / "new.txt")).code == 0
    feed = load_config(tmp_path / "blocklist.toml").feeds["new"]
    assert (feed.category.value, feed.reliability) == ("phishing", 0.7)


def test_add_from_the_web(run: Run, tmp_path: Path, server: str) -> None:
    ended = run("feeds", "add", f"{server}/lists/scams.txt", "--yes")
    assert ended.code == 0, ended.err
    table = tomllib.loads((tmp_path / "blocklist.toml").read_text())
    assert table["feeds"]["scams"] == {"url": f"{server}/lists/scams.txt", "format": "hosts"}
    again = run("feeds", "add", f"{server}/lists/scams.txt", "--name", "twin", "--yes")
    assert (again.code, "feed scams" in again.err) == (2, True)
    gone = run("feeds", "add", f"{server}/lists/none.txt", "--yes")
    assert (gone.code, "404" in gone.err) == (2, True)


@pytest.mark.parametrize(
    ("words", "says", "why"),
    [
        (("lists/Shop Frauds.txt",), "add --yes", "nobody there to ask"),
        (("lists/Shop Frauds.txt", "--name", "taken", "--yes"), "taken", "a name in use"),
        (("lists/Shop Frauds.txt", "--name", "urlhaus", "--yes"), "enable it", "a shipped name"),
        (("lists/Shop Frauds.txt", "--name", "tranco", "--yes"), "[guards.tranco]", "a guard"),
        (("lists/taken.txt", "--name", "twin", "--yes"), "feed taken", "a list in use"),
        (("https://phishing.army/download/phishing_army_blocklist.txt", "--yes"), "phishing-army",
         "a shipped list"),
        (("lists/Shop Frauds.txt", "--name", "a b", "--yes"), "small letters", "no name"),
        (("lists/page.txt", "--yes"), "a web page", "a page, no list"),
        (("lists/comments.txt", "--format", "domains", "--yes"), "not one line", "an empty list"),
        (("lists/none.txt", "--yes"), "no such file", "no file"),
        (("lists/taken.txt", "--name", "x", "--format", "hots", "--yes"), "feed taken", "both"),
    ],
)  # fmt: skip
def test_refused_and_nothing_written(
    run: Run, tmp_path: Path, words: tuple[str, ...], says: str, why: str
) -> None:
    ended = run("feeds", "add", *words)
    assert ended.code == 2, why
    assert says in ended.err, why
    assert (tmp_path / "blocklist.toml").read_text() == CONFIG


@pytest.mark.parametrize(
    ("body", "words", "cause"),
    [
        (b"<!DOCTYPE html><title>Log in</title>\n", (), "a web page, not a list"),
        (b"\xef\xbb\xbf\n<HTML>\n", ("--format", "domains"), "a web page, not a list"),
        (b"<?xml version='1.0'?><Error/>\n", (), "a web page, not a list"),
        (b"", (), "empty: 0 bytes of content"),
        (b"\n \r\n", ("--format", "hosts"), "empty: 0 bytes of content"),
        (b"# gone\n# for good\n", (), "lists nothing: 2 lines, all empty or comments"),
        (b'{"error": "limit"}', ("--format", "domains"), "a JSON document, not a list"),
        (b"a\0.\0t\0o\0p\0\n\0", (), "UTF-16 without a byte order mark"),
    ],
)
def test_no_list_is_named_in_plain_words(
    run: Run, tmp_path: Path, body: bytes, words: tuple[str, ...], cause: str
) -> None:
    (tmp_path / "x.txt").write_bytes(body)
    for command in (("feeds", "test"), ("feeds", "add", "--yes")):
        ended = run(*command, "x.txt", *words)
        assert ended.code == 2
        assert f"x.txt: {cause}" in ended.err, "as `run` says it"
    assert "[feeds.x]" not in (tmp_path / "blocklist.toml").read_text()


def test_without_a_configuration(run: Run, tmp_path: Path) -> None:
    (tmp_path / "blocklist.toml").unlink()
    ended = run("feeds", "add", "lists/taken.txt", "--yes")
    assert (ended.code, "blocklist init" in ended.err) == (2, True)


@pytest.mark.parametrize(
    ("old", "why"),
    [
        ("", "an empty file"),
        ("# no newline at the end", "a comment that must not swallow the table"),
        ("a = 1\r\n", "line ends of Windows"),
        ("\ufeffa = 1\n", "a byte order mark"),
    ],
)
def test_append_keeps_what_is_there(tmp_path: Path, old: str, why: str) -> None:
    path = tmp_path / "blocklist.toml"
    path.write_bytes(old.encode())
    append_to_config(path, render_feed_table("x", "a.txt", "domains", None))
    new = path.read_bytes()
    assert new.startswith(old.encode().rstrip()), why
    assert tomllib.loads(new.decode("utf-8-sig"))["feeds"] == {
        "x": {"url": "a.txt", "format": "domains"}
    }, why


def test_append_refuses_what_toml_would(tmp_path: Path) -> None:
    path = tmp_path / "blocklist.toml"
    path.write_text("feeds = {}\n")
    with pytest.raises(ConfigError, match="write it by hand"):
        append_to_config(path, render_feed_table("x", "a.txt", "domains", None))
    assert path.read_text() == "feeds = {}\n"


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("lists/Shop Frauds.txt", "shop-frauds"),
        ("https://example.org/lists/scam.txt", "scam"),
        ("https://lists.example.org/hosts", "lists-example-org"),
        ("https://example.org/?format=hosts", "example-org"),
        ("Ж.txt", "feed"),
        ("https://example.org/a/nrd%20list.csv?x=1", "nrd-20list"),
    ],
)
def test_names(source: str, name: str) -> None:
    assert suggest_feed_name(source) == name


@pytest.mark.parametrize("url", ['a"b.txt', "a\\b.txt", "a\nb.txt", "a\x7fb.txt", "ü.txt"])
def test_any_path_is_quoted_or_refused(url: str) -> None:
    try:
        text = render_feed_table("x", url, "domains", "scam")
    except ConfigError:
        assert url == "a\x7fb.txt"
        return
    assert tomllib.loads(text)["feeds"]["x"]["url"] == url
