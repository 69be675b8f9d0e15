"""Every fault against one configuration of twenty feeds, by the command that people run.

The table of it: pytest -s -m slow tests/test_fault_table.py
"""

from pathlib import Path

import pytest

from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.feeds.listings import load_listings
from tests.support import fault_server as faults
from tests.support.cli import commands
from tests.support.http_faults import FAULTS, Fault
from tests.support.http_feeds import GOOD, NAMES, QUICK, HttpFeeds, http_feeds, tls_contexts

__all__ = ["http_feeds", "tls_contexts"]  # fixtures

pytestmark = pytest.mark.slow
FEEDS = [f"feed-{number:02}" for number in range(1, 21)]
_KEYS = (
    "connect_timeout", "read_timeout", "total_timeout", "tries", "backoff", "max_wait", "per_host",
    "max_bytes",
)  # fmt: skip
_COLLECT = "\n".join(["[collect]", *(f"{key} = {getattr(QUICK, key)}" for key in _KEYS), ""])


def configure(http_feeds: HttpFeeds, faulty: str, fault: Fault | None) -> None:
    """Write the configuration, in which one feed is fetched as its fault wants it."""
    tables = []
    for name in FEEDS:
        kind = fault.kind if fault and name == faulty else "http"
        url = http_feeds.server.url(f"/{name}", kind)
        tables.append(f'[feeds.{name}]\nurl = "{url}"\nformat = "domains"\n')
    path = http_feeds.config.database.parent / "blocklist.toml"
    path.write_text("\n".join(['database = "x.db"', _COLLECT, *tables]))


def in_force(http_feeds: HttpFeeds) -> dict[str, list[str]]:
    with read_transaction(http_feeds.config.database) as transaction:
        return {name: sorted(load_listings(transaction, [name])["value"]) for name in FEEDS}


def test_every_fault_in_one_configuration(
    http_feeds: HttpFeeds,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = commands(tmp_path, monkeypatch, capsys)
    bodies = {name: GOOD.replace(b"n7.example", b"only-%s.top" % name.encode()) for name in FEEDS}
    rows = ["| fault | exit | state | in force before | after | others | cause |"]
    rows.append("|---|---|---|---|---|---|---|")
    for number, (title, fault) in enumerate(FAULTS.items()):
        faulty = FEEDS[number % len(FEEDS)]
        http_feeds.server.plays |= {f"/{name}": faults.good(body) for name, body in bodies.items()}
        configure(http_feeds, faulty, None)
        assert run("--quiet", "update", *FEEDS).code == 0, title
        before = in_force(http_feeds)
        assert [len(names) for names in before.values()] == [len(NAMES)] * len(FEEDS)
        for play in (fault.before, fault.play):
            if play is not None:
                http_feeds.server.plays[f"/{faulty}"] = play
                configure(http_feeds, faulty, fault)
                ended = run("--quiet", "run", "--json")
        outcomes = {each["feed"]: each for each in ended.json["feeds"]}
        outcome, after = outcomes[faulty], in_force(http_feeds)
        others = {each["state"] for name, each in outcomes.items() if name != faulty}
        sizes = [f"{sum(map(len, each.values())):,}" for each in (before, after)]
        cells = (title, ended.code, outcome["state"], *sizes, *others, outcome["cause"])
        rows.append(f"| {' | '.join(map(str, cells))} |")
        assert (ended.code, others) == (4, {"unchanged"}), title
        assert (outcome["state"], fault.cause in outcome["cause"]) == (fault.state, True), outcome
        assert after == before, title
    with capsys.disabled():
        print("", *rows, sep="\n")  # noqa: T201 - shown with -s
