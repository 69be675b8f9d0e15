"""Render changes of entries: when they take effect, and what stands in the way."""

from blocklist import EntryChange
from blocklist.cli.streams import warn

#: When an entry begins to count.
EFFECT_NOTE = "takes effect with the next: blocklist run"


def warn_if_pinned(change: EntryChange) -> None:
    """Warn that nothing takes effect while a release is pinned."""
    if change.pin:
        warn(
            f"but not while release {change.pin.release} is pinned; "
            "end that: blocklist release unpin"
        )
