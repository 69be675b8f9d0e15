"""Random blocks and allows as a response policy zone, looked up by a reader that is not ours.

The zone is parsed by dnspython, and the lookup below is RFC 4592, word for word.
"""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import dns.name
import dns.zone
import polars as pl
from dns.rdatatype import CNAME
from hypothesis import given
from hypothesis import strategies as st

from blocklist.export.update import export_one
from blocklist.frames.schemas import RELEASE
from tests.support.exports import NOW, ZONE, export_to

Row = tuple[str, str, str]
LABELS = ["a", "b"]
names = st.lists(st.sampled_from(LABELS), min_size=1, max_size=5).map(".".join)
rows = st.tuples(
    names, st.sampled_from(["exact", "subtree", "below"]), st.sampled_from(["block", "allow"])
)
releases = st.lists(rows, min_size=1, max_size=9)


def every_name(depth: int, labels: list[str]) -> list[str]:
    known = [""]
    for _ in range(depth):
        known += {f"{label}.{name}".rstrip(".") for label in labels for name in known}
    return sorted({name for name in known if name})


QUERIES = every_name(6, LABELS) + ["z." + name for name in every_name(5, LABELS)]


def blocked_by_meaning(known: list[Row], query: str) -> bool:
    """Say what DESIGN means: the most specific covering row, an exact one first, allow at a tie."""
    covering = [
        (name.count("."), scope == "exact", action == "allow")
        for name, scope, action in known
        if (query == name and scope != "below") or (query.endswith(f".{name}") and scope != "exact")
    ]
    return bool(covering) and not max(covering)[2]


def blocked_by_zone(zone: dns.zone.Zone, existing: set[dns.name.Name], query: str) -> bool:
    name = dns.name.from_text(query, None)
    if name not in existing:
        encloser = name
        while encloser not in existing:
            encloser = encloser.parent()
        name = dns.name.Name(("*", *encloser.labels))
    found = zone.get_rdataset(name, CNAME)
    return found is not None and found[0].target == dns.name.root


def existing_names(zone: dns.zone.Zone) -> set[dns.name.Name]:
    found = {dns.name.empty}
    for owner in zone.nodes:
        found |= {dns.name.Name(owner.labels[place:]) for place in range(len(owner.labels))}
    return found


def exported(known: list[Row], origin: str) -> Callable[[str], bool]:
    """Export a release under a zone's name; return what the independent lookup says of a query."""
    frame = pl.DataFrame([("domain", *row) for row in known], schema=RELEASE, orient="row")
    with TemporaryDirectory() as folder:
        export = export_to(Path(folder), "rpz", zone=origin)
        export_one(export, frame, 1, None, NOW)
        zone = dns.zone.from_file(str(export.path), origin=origin)
    existing = existing_names(zone)
    return lambda query: blocked_by_zone(zone, existing, query)


@given(releases)
def test_zone_means_what_the_rows_mean(known: list[Row]) -> None:
    blocked = exported(known, ZONE)
    assert not [name for name in QUERIES if blocked(name) != blocked_by_meaning(known, name)]


@given(releases, st.integers(1, 5))
def test_zone_with_little_room_never_blocks_more(known: list[Row], room: int) -> None:
    """Ask as BIND does: a query that does not fit loses labels until it does."""
    origin = ".".join(["o" * 63, "o" * 63, "o" * 63, "o" * (60 - room)])
    blocked = exported(known, origin)
    allowed = {name for name, scope, action in known if action == "allow" and scope != "below"}
    for query in [name for name in QUERIES if len(name) <= room or name in allowed]:
        fitting = query
        while len(fitting) > room:
            fitting = fitting.partition(".")[2]
        assert blocked_by_meaning(known, query) or not blocked(fitting)
