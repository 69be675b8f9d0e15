"""From a look at a family to the facts of its names."""

from collections.abc import Iterator
from datetime import datetime

from blocklist.ledger.facts import DnsFact
from blocklist.ledger.times import format_timestamp
from blocklist.model import Liveness
from blocklist.resolve import signs, states
from blocklist.resolve.family import Family, Seen
from blocklist.resolve.states import Rule, Standing

#: States in which a name has no other than its domain has.
_NOT_THERE = (Liveness.DEAD, Liveness.UNKNOWN)


def facts(family: Family, now: datetime, rule: Rule) -> Iterator[DnsFact]:
    """Yield what is known of the domain and of each name that was asked for after a look.

    The domain decides for its names: all are dead with it, and none is without it.
    """
    before = family.known.get(family.domain)
    servers = family.servers
    if servers is None and before is not None:
        servers = before.servers
    standing = None if before is None else _standing(before)
    here = _state(family.seen[family.domain], before, Liveness.ALIVE, servers)
    after = states.after(standing, family.look, here, now, rule)
    for name in family.seen:
        yield _fact(name, family, after, servers, now)


def _state(
    seen: Seen, before: DnsFact | None, otherwise: Liveness, servers: tuple[str, ...] | None
) -> Liveness:
    """Return what a name is while its domain is there."""
    if seen.outcome is None and before is not None and before.state not in _NOT_THERE:
        return before.state
    if seen.addresses or servers:
        return signs.state(seen.addresses, servers or ())
    return otherwise


def _fact(
    name: str, family: Family, domain: Standing, servers: tuple[str, ...] | None, now: datetime
) -> DnsFact:
    before, seen = family.known.get(name), family.seen[name]
    said = seen.outcome is not None
    state = domain.state
    if state not in _NOT_THERE and name != family.domain:
        state = _state(seen, before, state, servers)
    unchanged = before is not None and before.state is state
    return DnsFact(
        name=name,
        domain=family.domain,
        state=state,
        since=before.since if before and unchanged else format_timestamp(now),
        answer=seen.outcome or (before.answer if before else ""),
        addresses=seen.addresses if said or before is None else before.addresses,
        servers=servers,
        checked=format_timestamp(now) if said else before.checked if before else None,
        due=format_timestamp(domain.due),
        pause=domain.pause,
        gone=domain.gone,
        gone_since=format_timestamp(domain.gone_since) if domain.gone_since else None,
    )


def _standing(fact: DnsFact) -> Standing:
    return Standing(
        fact.state, _time(fact.since), _time(fact.due), fact.pause, fact.gone,
        _time(fact.gone_since) if fact.gone_since else None,
    )  # fmt: skip


def _time(moment: str) -> datetime:
    return datetime.fromisoformat(moment)
