"""The gate and the way back, as commands: hold, look, accept, roll back, unpin."""

import re
from pathlib import Path

import pytest

from blocklist.ledger.db.connection import open_read_write
from tests.support.cli import Run, blocklist

CONFIG = """
[feeds.mine]
url = "mine.txt"
format = "domains"
category = "phishing"
max_shrink = 1.0

[feeds.scam]
url = "scam.txt"
format = "domains"
category = "scam"

[gate]
always = 0

[exports.names]
target = "domains"
path = "out/names"

[exports.dns]
target = "rpz"
path = "out/db.rpz"
zone = "rpz.test"
"""
NAMES_RELEASE = re.compile("SOA|canary")
MINE = "".join(f"fraud{number}.top\n" for number in range(9))


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder where a first release is out, to be copied."""
    folder = tmp_path_factory.mktemp("undo")
    (folder / "blocklist.toml").write_text(CONFIG)
    (folder / "mine.txt").write_text(MINE)
    (folder / "scam.txt").write_text("scam.top\n")
    assert blocklist(folder, "run").code == 0
    return folder


def content(folder: Path) -> list[str]:
    """Return what the exports list, without what names release, time and serial."""
    lines = [
        line
        for name in ("names", "db.rpz")
        for line in (folder / "out" / name).read_text().splitlines()
    ]
    return [line for line in lines if line[:1] not in "#;" and not NAMES_RELEASE.search(line)]


def serial(folder: Path) -> int:
    (line,) = [line for line in (folder / "out/db.rpz").read_text().splitlines() if "SOA" in line]
    return int(next(word for word in line.split() if word.isdigit() and len(word) > 6))


def test_what_the_gate_holds_is_looked_at_and_accepted(run: Run, tmp_path: Path) -> None:
    before = content(tmp_path)
    (tmp_path / "mine.txt").write_text("fraud0.top\nfraud1.top\n")
    ended = run("run")
    assert ended.code == 3
    assert (
        "7 blocks would be removed from 10 (70%); the limit is gate.max_removed = 0.3" in ended.err
    )
    assert "phishing would shrink from 9 to 2 blocked (78%)" in ended.err
    assert "to see it: blocklist release diff current candidate" in ended.err
    assert content(tmp_path) == before
    assert run("check", "fraud8.top").code == 1, "the old release is in force"
    shown = run("release", "show", "candidate").out
    assert "the candidate of " in shown
    assert "held by the gate: 7 blocks would be removed" in shown
    said = run("release", "diff", "current", "candidate", "--limit", "1").out
    assert "from release 1 to the candidate: +0 -7" in said
    assert "removed rows are listed by: mine (7)" in said
    assert "... and 6 more" in said
    diff = ("release", "diff", "current", "candidate", "--json")
    assert run(*diff, "--category", "phishing").json["removed"] == 7
    assert run(*diff, "--feed", "scam").json["removed"] == 0
    assert run("release", "accept").code == 2, "a reason is asked for"
    ended = run("release", "accept", "--reason", "they retired it")
    assert ended.code == 0, ended.err
    assert "release 2: 3 blocked (+0 -7)" in ended.out
    assert run("check", "fraud8.top").code == 0
    assert "fraud8.top" not in content(tmp_path)
    (last, _) = run("release", "list", "--json").json["releases"]
    assert (last["cause"], last["reason"]) == ("release accept", "they retired it")
    assert last["categories"] == {"phishing": 2, "scam": 1}
    assert last["serial"] == serial(tmp_path)
    assert run("release", "show", "candidate").code == 2


def test_back_to_the_release_before(run: Run, tmp_path: Path) -> None:
    before, first = content(tmp_path), serial(tmp_path)
    run("block", "add", "github.com", "--anyway")
    run("allow", "add", "fraud0.top")
    assert "github.com is blocked by your entry, although it is shared-host" in run("run").err
    assert content(tmp_path) != before
    ended = run("release", "rollback", "--reason", "github!")
    assert ended.code == 0, ended.err
    assert "release 3: 10 blocked (+1 -1)" in ended.out
    assert "your allow of fraud0.top (subtree) is not in release 1" in ended.err
    assert content(tmp_path) == before
    assert serial(tmp_path) > first
    for words in (("run",), ("release", "build")):
        ended = run(*words)
        assert ended.code == 0
        assert "release 3 is pinned since" in ended.err
        assert "(github!): only your own entries are published until: blocklist" in ended.err
    assert content(tmp_path) == before
    shown = run("release", "list").out
    assert "release rollback" in shown
    assert "release 3 is pinned" in shown
    assert run("release", "rollback").code == 2, "what came before release 1?"
    assert "same as release 1" in run("release", "rollback", "1").err
    assert "only your own entries are published" in run("allow", "add", "fraud1.top").err
    assert "release 4: 9 blocked (+0 -1)" in run("run").out, "a pinned list can be repaired"
    assert run("check", "fraud0.top").code == 1, "but what was undone stays undone"
    assert run("check", "github.com").code == 0
    assert run("release", "unpin").code == 0
    assert "is not pinned" in run("release", "unpin").err
    run("block", "remove", "github.com")
    assert "release 5: 8 blocked (+0 -1)" in run("run").out


def test_entries_that_are_over_and_come_back_are_told(run: Run) -> None:
    run("block", "add", "partner.top")
    run("run")
    run("block", "remove", "partner.top")
    run("allow", "add", "fraud0.top")
    run("run")
    ended = run("release", "rollback")
    assert "your block of partner.top (subtree) has ended, but is in force again: " in ended.err
    assert ended.err.count("in force again") == 1
    assert run("check", "partner.top").code == 1


def test_what_ends_while_a_release_is_pinned_ends(run: Run, tmp_path: Path) -> None:
    run("block", "add", "partner.top", "--for", "2h")
    run("run")
    run("allow", "add", "fraud0.top")
    run("run")
    run("release", "rollback")
    now = "(SELECT strftime('%Y-%m-%dT%H:%M:%SZ', created, '+1 seconds') FROM pin)"
    expired = f"UPDATE entry SET expires = {now} WHERE value = 'partner.top'"
    with open_read_write(tmp_path / "blocklist.db") as opened:
        opened.execute("UPDATE pin SET created = '2026-01-01T00:00:00Z'")
        opened.execute("UPDATE entry SET created = '2026-01-01T00:00:00Z'")
        opened.execute(expired)
    assert "block partner.top (subtree) ended at 2026-01-01T00:00:01Z" in run("run").err
    assert run("check", "partner.top").code == 0, "an entry ends on time, also under a pin"
    assert run("check", "fraud0.top").code == 1, "what was undone stays undone"


def test_a_rejection_that_new_evidence_holds_is_in_force(run: Run, tmp_path: Path) -> None:
    (tmp_path / "blocklist.toml").write_text(CONFIG + "[policy]\nthreshold = 0.1\n")
    guard = '[guards.top]\nurl = "top.txt"\nformat = "domains"\n'
    (tmp_path / "top.txt").write_text("famous.top\n")
    (tmp_path / "scam.txt").write_text("scam.top\nfamous.top\n")
    (tmp_path / "blocklist.toml").write_text(CONFIG + guard)
    run("run")
    assert run("review", "reject", "famous.top").code == 0
    (tmp_path / "mine.txt").write_text(MINE + "famous.top\n")
    run("run")
    assert "new: mine lists it" in run("review").out
    run("allow", "add", "fraud0.top")
    run("run")
    told = run("release", "rollback").err
    assert "your allow of fraud0.top (subtree) is not in release" in told
    assert "famous.top" not in told


def test_one_feeds_last_update_is_taken_back(run: Run, tmp_path: Path) -> None:
    before = content(tmp_path)
    rollback = ("release", "rollback", "--feed", "scam")
    assert "has no earlier update" in run(*rollback).err
    (tmp_path / "scam.txt").write_text("good-shop.com\nother-shop.com\n")
    (tmp_path / "mine.txt").write_text(MINE + "fraud9.top\n")
    run("run")
    # The same again in other bytes changes nothing, and is nothing to be taken back.
    (tmp_path / "scam.txt").write_text("# later\ngood-shop.com\nother-shop.com\n")
    run("run")
    ended = run(*rollback, "--reason", "nonsense")
    assert ended.code == 0, ended.err
    assert "scam: its last update was undone (+1 -2)" in ended.err
    assert "release 3: 11 blocked (+1 -2)" in ended.out
    assert run("check", "good-shop.com").code == 0
    assert run("check", "scam.top").code == 1
    assert run("check", "fraud9.top").code == 1, "the other feed's update stays"
    assert "is pinned since" in run(*rollback).err
    (tmp_path / "scam.txt").write_text("good-shop.com\nother-shop.com\nthird-shop.com\n")
    ended = run("run")
    assert "until: blocklist release unpin --feed scam" in ended.err
    assert "nothing changed: release 3 stays" in ended.out
    (tmp_path / "mine.txt").write_text(MINE)
    run("run")
    assert content(tmp_path) == before
    assert run("release", "unpin", "--feed", "scam").code == 0
    (tmp_path / "scam.txt").write_text("good-shop.com\nscam.top\n")
    assert "release 5: 11 blocked (+1 -0)" in run("run").out


WRONG = [
    (("rollback", "7"), "there is no release 7", "no such release"),
    (("rollback",), "no release before this one", "nothing to go back to"),
    (("rollback", "1", "--feed", "mine"), "either a release or --feed", "one of the two"),
    (("rollback", "--feed", "mien"), "did you mean 'mine'", "a typo"),
    (("unpin", "--feed", "mien"), "no such feed", "a typo"),
    (("unpin", "--feed", "mine"), "mine: is not pinned", "nothing to end"),
    (("accept", "--reason", "x"), "the gate holds no release", "nothing to accept"),
    (("diff", "1", "2"), "there is no release 2", "no such release"),
    (("diff", "1"), "For example: blocklist release diff 11 current", "the second is missing"),
    (("diff", "current"), "which two releases?", "the second is missing, the first is a word"),
    (("diff",), "which two releases?", "both are missing"),
    (("diff", "--limit", "3"), "which two releases?", "an option alone"),
    (("diff", "1", "--feed", "mine"), "which two releases?", "an option in place of the second"),
    (("diff", "1", "candidate"), "there is no candidate", "nothing is held"),
    (("diff", "1", "1", "--feed", "mien"), "did you mean 'mine'", "a typo"),
    (("show", "next"), "there is no release next", "no word for a release"),
]


def test_wrong_use(run: Run) -> None:
    for words, says, why in WRONG:
        ended = run("release", *words)
        assert ended.code == 2, why
        assert says in ended.err, why
