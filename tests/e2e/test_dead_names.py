"""Names of a real list and of ours at real name servers: each lands in its state."""

from pathlib import Path

import pytest

from blocklist.resolve import survey
from tests.e2e.servers import open_resolver
from tests.support.cli import Run, commands
from tests.support.surveys import Calendar

THERE = {
    "alive": ("45.95.168.7", 40),
    "parked": ("199.59.243.1", 20),
    "sinkholed": ("184.105.192.2", 10),
}
EACH = 50
CONFIG = """
[policy]
widen = false
[feeds.fraud]
url = "fraud.txt"
format = "domains"
[exports.all]
target = "domains"
path = "all.txt"
[exports.alive]
target = "domains"
path = "alive.txt"
alive = true
"""


def entries(path: str) -> set[str]:
    lines = Path(path).read_text().splitlines()
    return {line for line in lines if line and not line.startswith("#")}


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    monkeypatch.setattr(survey, "datetime", Calendar)
    (tmp_path / "blocklist.toml").write_text(CONFIG)
    return commands(tmp_path, monkeypatch, capsys)


@pytest.mark.slow
@pytest.mark.corpus
@pytest.mark.e2e("nsd")
def test_the_dead_of_a_real_list_leave_the_export_that_asks(
    corpus: Path, tmp_path: Path, command: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {f"{state}{n}.top": state for state, (_, count) in THERE.items() for n in range(count)}
    zone = "".join(f"{name}. 60 A {THERE[state][0]}\n" for name, state in names.items())
    zone += "a-name-there.com. 60 A 192.0.2.1\n"  # a resolver without com, net and org is cut off
    listed = (corpus / "jarelllama-dead.domains.txt").read_text().split()[::EACH]
    (tmp_path / "fraud.txt").write_text("\n".join([*listed, *names]))
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    with open_resolver(tmp_path / "one", zone) as one, open_resolver(tmp_path / "two", zone) as two:
        servers = [word for port in (one, two) for word in ("--server", f"127.0.0.1#{port}")]
        assert command("run").code == 0
        for day in (0, 4, 8):
            monkeypatch.setattr(Calendar, "ahead", day)
            ended = command("resolve", *servers, *entries("all.txt"))
            assert ended.code == 0, ended
    command("run")
    told = {
        one["query"]: one["facts"]["state"]
        for one in command("check", "--json", *names).json["answers"]
    }
    assert told == names
    assert entries("all.txt") - entries("alive.txt") == entries("all.txt") - names.keys()
    assert entries("alive.txt") == names.keys()
