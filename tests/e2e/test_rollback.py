"""A bad day and the way back, before real servers: they block github.com, and then they do not."""

import re
from pathlib import Path

import pytest

from blocklist.config.loader import load_config
from blocklist.install.canary_probe import ProbeAnswer, probe_server
from tests.e2e.reloading import SERVERS, ZONE
from tests.support.corpus import corpus_settings
from tests.support.process import blocklist

BAD, LISTED = "github.com", "fraud-of-the-day.top"
BLOCKED = {ProbeAnswer.NO_ADDRESS, ProbeAnswer.NULL_ADDRESS}
_OF_A_RELEASE = re.compile(r"SOA|canary|^[;#]")

SERVED = [
    pytest.param("BIND", marks=pytest.mark.e2e("nsd", "named", "rndc", "named-checkzone")),
    pytest.param("Unbound", marks=pytest.mark.e2e("nsd", "unbound", "unbound-control")),
]


def content(file: Path) -> list[str]:
    """Return the lines that say what is blocked, not of which release they are."""
    return [line for line in file.read_text().splitlines() if not _OF_A_RELEASE.search(line)]


def serial(file: Path) -> int:
    (found,) = re.findall(r"SOA .*?(\d{9,10})", file.read_text())
    return int(found)


def drill(folder: Path, name: str, upstream: int, feeds: str) -> None:
    """Publish A, publish B with github.com in it, go back; the server follows each time."""
    start, target = SERVERS[name]
    (folder / "server").mkdir()
    file = folder / "list"
    (folder / "mine.txt").write_text(f"{LISTED}\n")
    mine = '\n[feeds.mine]\nurl = "mine.txt"\nformat = "domains"\n'
    export = f'\n[exports.dns]\ntarget = "{target}"\npath = "{file}"\nzone = "{ZONE}"\n'
    (folder / "blocklist.toml").write_text(feeds + mine + export)
    load_config(folder / "blocklist.toml")
    first = blocklist(folder, "run")
    assert first.returncode == 0, first.stderr
    with start(folder / "server", file, upstream) as server:
        reload = ", ".join(f'"{word}"' for word in server.reload)
        told = f'reload = [{reload}]\nprobe = ["{server.server}"]\nprobe_timeout = 120\n'
        (folder / "blocklist.toml").write_text(feeds + mine + export + told)
        before, number = content(file), serial(file)
        for words, bad in (
            (("run",), False),
            (("block", "add", BAD, "--anyway"), False),
            (("run",), True),
            (("release", "rollback", "--reason", "github is not fraud"), False),
        ):
            done = blocklist(folder, *words)
            assert done.returncode == 0, (words, done.stderr)
            assert (probe_server(server.server, BAD) in BLOCKED) == bad, words
            assert probe_server(server.server, LISTED) in BLOCKED, words
    assert content(file) == before
    assert serial(file) > number


@pytest.mark.parametrize("name", SERVED)
def test_a_server_follows_there_and_back(tmp_path: Path, upstream: int, name: str) -> None:
    drill(tmp_path, name, upstream, "")


@pytest.mark.slow
@pytest.mark.corpus
@pytest.mark.parametrize("name", SERVED)
def test_the_same_with_real_feeds(tmp_path: Path, upstream: int, corpus: Path, name: str) -> None:
    drill(tmp_path, name, upstream, corpus_settings(corpus))
