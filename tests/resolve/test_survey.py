"""Surveys: facts in the ledger, and the output of `resolve`."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import dns.message
import pytest

from tests.support.cli import Run, commands
from tests.support.resolver_server import (
    FakeResolver,
    Play,
    changed,
    has,
    nxdomain,
    refused,
    resolvers,
    servfail,
    silent,
)
from tests.support.surveys import Looks, looks

NAMES = ("alive.top", "www.alive.top", "gone.top", "shop.gone.top", "parked.top", "taken.top")
PLAYS: dict[str, Play] = {
    "alive.top": has("198.51.100.7", "2001:db8:7::7", servers=("ns1.hoster.example",)),
    "parked.top": has("198.51.100.9", servers=("ns1.sedoparking.com", "ns2.sedoparking.com")),
    "taken.top": has("184.105.192.2"),
}
EVERYTHING = has("203.0.113.66")


@pytest.fixture
def look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Looks:
    return looks(tmp_path, monkeypatch)


def test_each_name_lands_in_its_state_and_the_dead_only_after_days(look: Looks) -> None:
    there = {"alive.top": "alive", "parked.top": "parked", "taken.top": "sinkholed"}
    # It is in a domain that is there, so its owner may bring it back at any time.
    there["www.alive.top"] = "alive"
    with resolvers(PLAYS, PLAYS) as (one, two):
        for day in (0, 3, 6):
            assert not look.at(day, NAMES, one, two).causes
        assert look.states(*NAMES) == {**there, "gone.top": "unknown", "shop.gone.top": "unknown"}
        report = look.at(8, NAMES, one, two)
    assert look.states(*NAMES) == {**there, "gone.top": "dead", "shop.gone.top": "dead"}
    assert report.states == {"alive": 2, "parked": 1, "sinkholed": 1, "dead": 2}


def test_a_domain_that_says_no_while_a_name_in_it_answers_is_there(look: Looks) -> None:
    plays = {"shop.gone.top": has("198.51.100.7")}
    with resolvers(plays, plays) as (one, two):
        for day in (0, 4, 8):
            look.at(day, ["gone.top", "shop.gone.top"], one, two)
    assert look.states("gone.top") == {"gone.top": "alive"}


SECONDS = [
    pytest.param(PLAYS["alive.top"], "alive", id="another finds it"),
    pytest.param(servfail, "unknown", id="another fails"),
    pytest.param(silent, "unknown", id="another says nothing", marks=pytest.mark.slow),
    pytest.param(None, "unknown", id="there is no other"),
    pytest.param(nxdomain, "dead", id="another says so, too"),
]


@pytest.mark.parametrize(("second", "state"), SECONDS)
def test_two_must_find_it_gone(look: Looks, second: Play | None, state: str) -> None:
    plays = [{}, {"alive.top": second}] if second else [{}]
    with resolvers(*plays) as running:
        for day in (0, 4, 8):
            look.at(day, ["alive.top"], *running)
    assert look.states("alive.top") == {"alive.top": state}


def test_the_dead_come_back_and_take_the_names_below_along(look: Looks) -> None:
    back = {"gone.top": has("198.51.100.7")}
    with resolvers({}, {}) as empty, resolvers(back, back) as filled:
        for day in (0, 4, 8):
            look.at(day, ["gone.top", "shop.gone.top"], *empty)
        look.at(9, ["gone.top"], *filled)
    facts = look.facts("gone.top")
    assert (facts["gone.top"].state, facts["gone.top"].pause) == ("alive", 6)


def filter_of_ours() -> FakeResolver:
    """Return a resolver that has loaded one of our lists, which answers for its canary."""
    return FakeResolver({"canary.test": EVERYTHING})


def cut_off() -> FakeResolver:
    """Return a resolver that has only a few names of its own."""
    return FakeResolver(dict.fromkeys(("com", "net", "org"), nxdomain))


def playing(play: Play) -> Callable[[], FakeResolver]:
    return lambda: FakeResolver(otherwise=play)


GARBLED = changed(nxdomain, lambda message: message[:2] + message[3:])
USELESS = [
    pytest.param(playing(silent), "does not answer", id="silent"),
    pytest.param(playing(refused), "answers nothing but refused", id="refusing"),
    pytest.param(playing(servfail), "answers nothing but servfail", id="failing"),
    pytest.param(playing(EVERYTHING), "do not exist, with 203.0.113.66", id="hijacked"),
    pytest.param(cut_off, "answers that com, net, org do not exist", id="cut off from the DNS"),
    pytest.param(filter_of_ours, "blocks names of our lists", id="filtering"),
    pytest.param(playing(GARBLED), "does not answer", id="garbled", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("bad", "cause"), USELESS)
def test_a_useless_resolver_is_named_and_changes_nothing(
    look: Looks, bad: Callable[[], FakeResolver], cause: str
) -> None:
    with FakeResolver(PLAYS) as good, bad() as useless:
        look.at(0, ["alive.top"], good)
        before = look.facts(*NAMES)
        alone = look.at(1, NAMES, useless)
        assert look.facts(*NAMES) == before
        beside = look.at(1, ["taken.top"], useless, good)
    assert look.states("taken.top") == {"taken.top": "sinkholed"}
    for report in (alone, beside):
        assert cause in report.causes[str(useless)]
    assert alone.recorded == 0


def test_a_resolver_that_begins_to_lie_spoils_no_batch(look: Looks) -> None:
    def turning(query: dns.message.Message, tcp: bool) -> list[bytes]:
        late = sum(turned.asked.values()) > 4  # when those asked first are through
        return (EVERYTHING if late else nxdomain)(query, tcp)

    with FakeResolver(otherwise=turning) as turned, FakeResolver(PLAYS) as honest:
        alone = look.at(0, NAMES, turned)
        assert (alone.recorded, look.facts(*NAMES)) == (0, {})
        turned.asked.clear()
        beside = look.at(0, NAMES, turned, honest)
    assert str(turned) in beside.causes
    assert not any("203.0.113.66" in fact.addresses for fact in look.facts(*NAMES).values())


CONFIG = """
[feeds.fraud]
url = "fraud.txt"
format = "domains"
[resolve]
timeout = 2
rate = 0
window = 50
"""


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    (tmp_path / "blocklist.toml").write_text(CONFIG)
    (tmp_path / "fraud.txt").write_text("\n".join(NAMES))
    run = commands(tmp_path, monkeypatch, capsys)
    assert run("run").code == 0
    return run


def test_names_are_due_new_first_and_check_shows_them(command: Run) -> None:
    with FakeResolver(PLAYS) as one:
        first = command("resolve", "--limit", "2", "--server", str(one))
        assert "looked up 2 of 2 names" in first.out
        assert "with one resolver, no name is reported as dead" in first.err
        second = command("resolve", "--json", "--server", str(one)).json
        assert (second["names"], second["recorded"]) == (4, 4)
        assert command("resolve", "--json", "--server", str(one)).json["names"] == 0
    (answer,) = command("check", "--json", "alive.top").json["answers"]
    facts = answer["facts"]
    assert (facts["state"], facts["domain"], facts["answer"]) == ("alive", "alive.top", "answer")
    assert facts["addresses"] == ["198.51.100.7", "2001:db8:7::7"]


def test_what_went_wrong_is_said(command: Run) -> None:
    for words in (("--server", "dns.example"), ("--server", "192.0.2.1#70000"), ("192.0.2.1",)):
        assert command("resolve", *words).code == 2
    with FakeResolver(otherwise=EVERYTHING) as liar:
        ended = command("resolve", "--server", str(liar))
    assert ended.code == 4
    assert f"resolver {liar}: answers for names that do not exist" in ended.err


def in_a_shop(query: dns.message.Message, tcp: bool) -> list[bytes]:
    return (has("198.51.100.7") if "shop" in str(query).lower() else nxdomain)(query, tcp)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["kill", "interrupt"])
def test_a_survey_that_ends_at_any_moment_loses_but_what_is_in_flight(
    look: Looks, command: Run, how: signal.Signals, tmp_path: Path
) -> None:
    names = [f"n{number}.shop{number}.top" for number in range(5_000)]
    (tmp_path / "fraud.txt").write_text("\n".join(names))
    (tmp_path / "blocklist.db").unlink()  # no feed may grow so much
    assert command("run").code == 0
    with FakeResolver(otherwise=in_a_shop) as one:
        words = [sys.executable, "-m", "blocklist", "resolve", "--server", str(one)]
        before: dict[str, object] = {}
        for moment in (1.5, 2.2, 3.4):
            process = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
            time.sleep(moment)
            process.send_signal(how)
            process.communicate()
            found = look.facts(*names)
            assert before.items() <= found.items()
            before = dict(found)
        assert command("resolve", "--server", str(one)).code == 0
    # What was asked for in a killed survey may have been too much for the resolver.
    assert set(look.facts(*names)) == set(names)


def test_excluded_resolvers_and_the_result_are_logged(
    look: Looks, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="blocklist")
    with FakeResolver(PLAYS) as good, FakeResolver(otherwise=EVERYTHING) as liar:
        look.at(0, ["alive.top"], liar, good)
    first, last = (record.getMessage() for record in caplog.records)
    assert first.startswith(f"resolver {liar.server}: excluded, answers for names that do not")
    assert last.startswith("survey: 1 of 1 names recorded in ")
