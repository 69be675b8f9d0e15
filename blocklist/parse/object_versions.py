"""Find the latest version of STIX objects: objects -> positions of those that count.

Source: OASIS STIX 2.1, section 3.6: versions of an object share its `id`, and the one with the
latest `modified` counts. A version that revokes the object is the last one.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from blocklist.parse.json_documents import is_marked

_OLDEST = datetime.min.replace(tzinfo=UTC)


def latest_positions(objects: Iterable[object]) -> list[int]:
    """Return the positions of the latest version of each object, in order.

    Of equal times a revoked version counts, else the later one. Objects without an `id` are no
    versions of each other.
    """
    latest: dict[object, tuple[tuple[datetime, bool], int]] = {}
    for position, item in enumerate(objects):
        object_id = item.get("id") if isinstance(item, dict) else None
        key = object_id.lower() if isinstance(object_id, str) and object_id else position
        rank = _version_rank(item)
        if key not in latest or rank >= latest[key][0]:
            latest[key] = rank, position
    return sorted(position for _, position in latest.values())


def parse_time(text: object) -> datetime | None:
    """Return a STIX timestamp, in UTC unless it has another zone; None if it is no time."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _version_rank(item: object) -> tuple[datetime, bool]:
    if not isinstance(item, dict):
        return _OLDEST, False
    modified = parse_time(item.get("modified")) or parse_time(item.get("created"))
    return modified or _OLDEST, is_marked(item, "revoked")
