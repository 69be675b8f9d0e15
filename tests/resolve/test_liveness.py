"""Liveness of domains over weeks of looks, against a plain model."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocklist.model import Liveness
from blocklist.resolve.liveness import (
    MAX_DUE_AHEAD,
    DeadDomainRule,
    DomainState,
    LookResult,
    update_domain_state,
)

START = datetime(2026, 5, 3, 6, tzinfo=UTC)
RULE = DeadDomainRule(looks=3, days=7)
THERE, GONE, SILENT = LookResult.EXISTS, LookResult.GONE, LookResult.UNANSWERED


@dataclass
class Plain:
    """The rule as a person would apply it to a diary of all looks."""

    rule: DeadDomainRule
    diary: list[tuple[datetime, LookResult, Liveness]] = field(default_factory=list)

    def state(self) -> Liveness:
        state = Liveness.UNKNOWN
        gone: list[datetime] = []
        for moment, look, here in self.diary:
            if look == LookResult.EXISTS:
                state, gone = here, []
            elif look == LookResult.GONE:
                # A clock that went back makes the looks before it worth nothing.
                gone = [*gone, moment] if not gone or gone[0] <= moment else [moment]
                long = moment - gone[0] >= timedelta(days=self.rule.days)
                if len(gone) >= self.rule.looks and long:
                    state = Liveness.DEAD
        return state


LIVES = st.sampled_from([Liveness.ALIVE, Liveness.PARKED, Liveness.SINKHOLED])
LOOKS = st.lists(
    st.tuples(st.integers(-48, 24 * 21), st.sampled_from(list(LookResult) + [GONE] * 3), LIVES),
    max_size=25,
)
RULES = st.builds(DeadDomainRule, st.integers(1, 4), st.integers(0, 10))


@given(LOOKS, RULES)
def test_weeks_of_looks_against_the_plain_account(
    looks: list[tuple[int, LookResult, Liveness]], rule: DeadDomainRule
) -> None:
    plain, now = Plain(rule), START
    standing: DomainState | None = None
    for hours, look, here in looks:
        now += timedelta(hours=hours)
        before = standing
        plain.diary.append((now, look, here))
        standing = update_domain_state(standing, look, here, now, rule)
        assert standing.liveness is plain.state()
        assert timedelta(0) < standing.due - now <= MAX_DUE_AHEAD
        same = before is not None and before.liveness is standing.liveness
        assert standing.since == (before.since if before and same else now)


def looked(*looks: tuple[float, LookResult], rule: DeadDomainRule = RULE) -> DomainState:
    standing = None
    for days, look in looks:
        moment = START + timedelta(days=days)
        standing = update_domain_state(standing, look, Liveness.ALIVE, moment, rule)
    assert standing is not None
    return standing


TABLE = [
    ([(0, THERE)], "alive", "an answer"),
    ([(0, SILENT)], "unknown", "nobody said anything yet"),
    ([(0, THERE), (1, SILENT), (2, SILENT), (30, SILENT)], "alive", "silence says nothing"),
    ([(0, THERE), (1, GONE), (5, GONE)], "alive", "two looks are too few"),
    ([(0, THERE), (1, GONE), (2, GONE), (3, GONE)], "alive", "two days are too few"),
    ([(0, THERE), (1, GONE), (2, GONE), (8, GONE)], "dead", "three looks over a week"),
    ([(0, GONE), (4, SILENT), (7, GONE), (8, GONE)], "dead", "silence between counts for nothing"),
    ([(0, GONE), (4, THERE), (7, GONE), (8, GONE)], "alive", "an answer between starts anew"),
    ([(0, GONE), (4, GONE), (8, GONE), (9, SILENT)], "dead", "the dead stay so in silence"),
    ([(0, GONE), (4, GONE), (8, GONE), (9, THERE)], "alive", "one answer brings it back"),
    ([(300, GONE), (0, GONE), (1, GONE)], "unknown", "the clock was ahead, and is right again"),
    ([(300, GONE), (0, GONE), (1, GONE), (8, GONE)], "dead", "and then a week went by"),
]


@pytest.mark.parametrize(("looks", "state", "why"), TABLE, ids=[row[2] for row in TABLE])
def test_when_a_domain_is_dead(looks: list[tuple[float, LookResult]], state: str, why: str) -> None:
    del why
    assert looked(*looks).liveness == state


def test_what_stays_the_same_is_looked_at_ever_less_often() -> None:
    standing, pauses = None, []
    for _ in range(6):
        moment = standing.due if standing else START
        standing = update_domain_state(standing, THERE, Liveness.ALIVE, moment, RULE)
        pauses.append(standing.pause_hours)
    assert pauses == [24, 48, 96, 192, 336, 336]


def test_a_return_is_looked_at_soon() -> None:
    dead = looked((0, GONE), (4, GONE), (8, GONE))
    back = update_domain_state(dead, THERE, Liveness.ALIVE, dead.due, RULE)
    assert (back.liveness, back.pause_hours) == (Liveness.ALIVE, 6)


def test_looks_when_they_are_due_find_a_dead_domain_in_the_days_of_the_rule() -> None:
    standing, moment = None, START
    while standing is None or standing.liveness is not Liveness.DEAD:
        standing = update_domain_state(standing, GONE, Liveness.ALIVE, moment, RULE)
        died, moment = moment, standing.due
    assert died - START == timedelta(days=7)
