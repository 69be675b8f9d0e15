"""The gate: what must hold before a candidate replaces the release in force."""

from blocklist.config import Config
from blocklist.ledger.health import FeedHealth
from blocklist.model import FeedState

_SOUND = (FeedState.FRESH, FeedState.UNCHANGED)


def objections(
    config: Config, healths: dict[str, FeedHealth], blocked: int, blocked_before: int
) -> list[str]:
    """Return why the candidate must not be published, in words for a person; none is a pass.

    `blocked_before` leaves out what the operator has since decided: an unblock is no accident.
    """
    found = unguarded(config, healths)
    enabled = (feed.name for feed in config.feeds.values() if feed.enabled)
    failed = [name for name in enabled if name in healths and healths[name].state not in _SOUND]
    if not blocked and blocked_before:
        found.append(f"the candidate blocks nothing; {blocked_before:,} are blocked now")
    elif not blocked and failed:
        found.append(f"the candidate blocks nothing, for these feeds failed: {', '.join(failed)}")
    return found


def unguarded(config: Config, healths: dict[str, FeedHealth]) -> list[str]:
    """Return which mandatory guards are missing, failed or empty, and how."""
    found = []
    for guard in config.guards.values():
        if guard.enabled and guard.mandatory:
            health = healths.get(guard.name)
            if health is None or health.state is FeedState.NEVER:
                found.append(f"guard {guard.name} is mandatory and was never collected; run update")
            elif health.state not in _SOUND:
                found.append(f"guard {guard.name} is mandatory and {health.state}: {health.cause}")
            elif not health.entries:
                found.append(f"guard {guard.name} is mandatory and lists nothing")
    return found
