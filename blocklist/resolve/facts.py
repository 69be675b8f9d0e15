"""Derive facts from a lookup: a finished domain lookup -> facts of its names."""

from collections.abc import Iterator
from datetime import datetime

from blocklist.ledger.db.timestamps import format_timestamp
from blocklist.ledger.dns.facts import DnsFact
from blocklist.model import Liveness
from blocklist.resolve.domain_lookup import DomainLookup, Observation
from blocklist.resolve.liveness import DeadDomainRule, DomainState, update_domain_state
from blocklist.resolve.parking import classify_liveness

#: States in which a name has no other than its domain has.
_ABSENT_STATES = (Liveness.DEAD, Liveness.UNKNOWN)


def derive_facts(family: DomainLookup, now: datetime, rule: DeadDomainRule) -> Iterator[DnsFact]:
    """Yield what is known of the domain and of each name that was asked for after a look.

    The domain decides for its names: all are dead with it, and none is without it.
    """
    before = family.earlier_facts.get(family.domain)
    servers = family.name_servers
    if servers is None and before is not None:
        servers = before.servers
    standing = None if before is None else _domain_state_from(before)
    here = _determine_liveness(family.observations[family.domain], before, Liveness.ALIVE, servers)
    after = update_domain_state(standing, family.look_result, here, now, rule)
    for name in family.observations:
        yield _build_fact(name, family, after, servers, now)


def _determine_liveness(
    seen: Observation, before: DnsFact | None, otherwise: Liveness, servers: tuple[str, ...] | None
) -> Liveness:
    """Return what a name is while its domain is there."""
    if seen.outcome is None and before is not None and before.state not in _ABSENT_STATES:
        return before.state
    if seen.addresses or servers:
        return classify_liveness(seen.addresses, servers or ())
    return otherwise


def _build_fact(
    name: str,
    family: DomainLookup,
    domain: DomainState,
    servers: tuple[str, ...] | None,
    now: datetime,
) -> DnsFact:
    before, seen = family.earlier_facts.get(name), family.observations[name]
    said = seen.outcome is not None
    state = domain.liveness
    if state not in _ABSENT_STATES and name != family.domain:
        state = _determine_liveness(seen, before, state, servers)
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
        pause=domain.pause_hours,
        gone=domain.gone_looks,
        gone_since=format_timestamp(domain.gone_since) if domain.gone_since else None,
    )


def _domain_state_from(fact: DnsFact) -> DomainState:
    return DomainState(
        fact.state, _parse_time(fact.since), _parse_time(fact.due), fact.pause, fact.gone,
        _parse_time(fact.gone_since) if fact.gone_since else None,
    )  # fmt: skip


def _parse_time(moment: str) -> datetime:
    return datetime.fromisoformat(moment)
