"""Derive facts from a lookup: a finished domain lookup -> facts of its names."""

from collections.abc import Iterator
from datetime import datetime

from blocklist.ledger.db.timestamps import format_timestamp
from blocklist.ledger.dns.facts import DnsFact
from blocklist.model import Liveness
from blocklist.resolve.domain_lookup import DomainLookup, Observation
from blocklist.resolve.liveness import DeadDomainRule, DomainState, update_domain_state
from blocklist.resolve.parking import classify_liveness

#: States of a domain that all its names have, too.
_ABSENT_STATES = (Liveness.DEAD, Liveness.UNKNOWN)


def derive_facts(lookup: DomainLookup, now: datetime, rule: DeadDomainRule) -> Iterator[DnsFact]:
    """Yield the facts of the domain and of each looked-up name.

    The domain decides for its names: if it is dead, so are they; no name is dead while it is not.
    """
    earlier = lookup.earlier_facts.get(lookup.domain)
    servers = lookup.name_servers
    if servers is None and earlier is not None:
        servers = earlier.servers
    state_before = None if earlier is None else _domain_state_from(earlier)
    liveness = _determine_liveness(
        lookup.observations[lookup.domain], earlier, Liveness.ALIVE, servers
    )
    state = update_domain_state(state_before, lookup.look_result, liveness, now, rule)
    for name in lookup.observations:
        yield _build_fact(name, lookup, state, servers, now)


def _determine_liveness(
    observation: Observation,
    earlier: DnsFact | None,
    default: Liveness,
    servers: tuple[str, ...] | None,
) -> Liveness:
    """Return the liveness of a name while its domain exists."""
    if observation.outcome is None and earlier is not None and earlier.state not in _ABSENT_STATES:
        return earlier.state
    if observation.addresses or servers:
        return classify_liveness(observation.addresses, servers or ())
    return default


def _build_fact(
    name: str,
    lookup: DomainLookup,
    domain: DomainState,
    servers: tuple[str, ...] | None,
    now: datetime,
) -> DnsFact:
    earlier, observation = lookup.earlier_facts.get(name), lookup.observations[name]
    is_conclusive = observation.outcome is not None
    state = domain.liveness
    if state not in _ABSENT_STATES and name != lookup.domain:
        state = _determine_liveness(observation, earlier, state, servers)
    is_unchanged = earlier is not None and earlier.state is state
    return DnsFact(
        name=name,
        domain=lookup.domain,
        state=state,
        since=earlier.since if earlier and is_unchanged else format_timestamp(now),
        answer=observation.outcome or (earlier.answer if earlier else ""),
        addresses=observation.addresses if is_conclusive or earlier is None else earlier.addresses,
        servers=servers,
        checked=format_timestamp(now) if is_conclusive else earlier.checked if earlier else None,
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
