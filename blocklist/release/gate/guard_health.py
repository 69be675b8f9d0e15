"""Health of mandatory guards: configuration and feed health -> faults that stop publishing."""

from datetime import UTC, datetime, timedelta

from blocklist.config.loader import Config
from blocklist.ledger.db.timestamps import format_timestamp
from blocklist.ledger.feeds.health import FeedHealth
from blocklist.model import FeedState


def find_guard_faults(config: Config, healths: dict[str, FeedHealth]) -> list[str]:
    """Return a sentence for each mandatory guard that is missing, empty or out of date."""
    guards = (guard for guard in config.guards.values() if guard.enabled and guard.mandatory)
    faults = (find_guard_fault(config, guard.name, healths.get(guard.name)) for guard in guards)
    return [fault for fault in faults if fault]


def find_guard_fault(config: Config, name: str, health: FeedHealth | None) -> str | None:
    """Return a sentence if a mandatory guard is missing, empty or out of date.

    A guard that failed counts by its last good version, until that is `gate.max_guard_days` old.
    """
    fault = _describe_fault(name, health, config.gate.max_guard_days)
    return f"the mandatory guard {name} {fault}" if fault else None


def _describe_fault(name: str, health: FeedHealth | None, days: int) -> str | None:
    if health is None or health.state is FeedState.NEVER:
        return f"was never fetched; run: blocklist update {name}"
    if not health.entries:
        return "lists nothing"
    if _is_outdated(health.good_at, days):
        cause = "" if health.state.is_good else f" ({health.state}: {health.cause})"
        return f"was last good at {health.good_at}{cause}; run: blocklist update {name}"
    return None


def _is_outdated(good_at: str | None, days: int) -> bool:
    oldest = format_timestamp(datetime.now(UTC) - timedelta(days=days))
    return good_at is None or good_at < oldest
