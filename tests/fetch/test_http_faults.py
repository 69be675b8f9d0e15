"""HTTP faults: whatever a server does, a bad download never becomes the list."""

import ssl
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from blocklist.collect.outcome import UpdateOutcome
from blocklist.collect.snapshot_files import feed_file_path
from tests.support import fault_server as faults
from tests.support.fault_server import FaultServer
from tests.support.http_faults import FAULTS, add_faulty_feed
from tests.support.http_feeds import FRESH, GOOD, NAMES, REFUSED, UNCHANGED, HttpFeeds


@dataclass(frozen=True)
class Played:
    """The result of a fault that was played together with all others, beside good feeds."""

    outcome: UpdateOutcome
    before: list[str]
    after: list[str]
    kept: bool
    #: The headers of the next request.
    again: dict[str, str]


FINE = [f"fine {number}" for number in range(3)]


@pytest.fixture(scope="module")
def world_of_faults(
    tls_contexts: dict[str, ssl.SSLContext], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[HttpFeeds]:
    with faults.running(FaultServer(), tls_contexts) as server:
        yield HttpFeeds(server, tmp_path_factory.mktemp("faults"))


@pytest.fixture(scope="module")
def played(world_of_faults: HttpFeeds) -> dict[str, Played]:
    http_feeds = world_of_faults
    pairs = {name: add_faulty_feed(http_feeds, name, fault) for name, fault in FAULTS.items()}
    fine = [http_feeds.feed(name, faults.good(GOOD)) for name in FINE]
    first = http_feeds.update(*(well for well, _ in pairs.values()), *fine)
    assert {outcome.state for outcome in first} == {FRESH}
    before = {name: http_feeds.in_force(name) for name in pairs}
    doubtful = http_feeds.update(
        *(pairs[name][0] for name, fault in FAULTS.items() if fault.before)
    )
    assert not any(outcome.is_good for outcome in doubtful)
    outcomes = http_feeds.update(*(ill for _, ill in pairs.values()), *fine)
    assert [outcome.feed for outcome in outcomes] == [*pairs, *FINE], "in their order"
    assert {outcome.state for outcome in outcomes[len(pairs) :]} == {UNCHANGED}
    seen = {
        name: (http_feeds.in_force(name), feed_file_path(http_feeds.config.database, name).exists())
        for name in pairs
    }
    refused = [pairs[name][1] for name, fault in FAULTS.items() if fault.state is REFUSED]
    http_feeds.update(*refused, ignore_schedule=True)
    asked = {each.path: each.headers for each in http_feeds.server.asked}
    paths = {name: f"/{ill.urls[0].rpartition('/')[2]}" for name, (_, ill) in pairs.items()}
    return {
        outcome.feed: Played(
            outcome, before[outcome.feed], *seen[outcome.feed], asked.get(paths[outcome.feed], {})
        )
        for outcome in outcomes[: len(pairs)]
    }


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault(played: dict[str, Played], name: str) -> None:
    fault, came = FAULTS[name], played[name]
    cause = came.outcome.cause or ""
    assert (came.outcome.state, fault.cause in cause) == (fault.state, True), came.outcome
    assert "\n" not in cause
    assert came.after == came.before == sorted(NAMES)
    assert came.outcome.entries == len(NAMES)
    assert came.kept == fault.kept
    if fault.state is REFUSED:
        assert "if-none-match" not in came.again, "forgotten"


def test_a_redirect_into_a_private_network_is_not_followed(
    played: dict[str, Played], world_of_faults: HttpFeeds
) -> None:
    assert played
    assert "/secret" not in world_of_faults.server.counts, "never asked"
