"""Random blocks and allows as a response policy zone, compared with an independent lookup."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import dns.name
import dns.zone
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from blocklist.export.update import export_one
from blocklist.frames.schemas import RELEASE
from tests.support.exports import NOW, ZONE, export_to
from tests.support.name_model import (
    QUERIES,
    Row,
    existing_names,
    is_allowed_by_rows,
    is_blocked_by_rows,
    is_blocked_by_zone,
    releases,
)

PASSTHRU = dns.name.from_text("rpz-passthru.")


def export_zone(
    rows: list[Row], origin: str, target: dns.name.Name = dns.name.root
) -> Callable[[str], bool]:
    """Export rows under a zone's name; return the independent lookup in the zone.

    It returns whether a name has a record with a target, by default the one that blocks.
    """
    frame = pl.DataFrame([("domain", *row) for row in rows], schema=RELEASE, orient="row")
    with TemporaryDirectory() as folder:
        export = export_to(Path(folder), "rpz", zone=origin)
        export_one(export, frame, 1, None, NOW)
        zone = dns.zone.from_file(str(export.path), origin=origin)
    existing = existing_names(zone)
    return lambda query: is_blocked_by_zone(zone, existing, query, target)


@given(releases)
def test_zone_gives_the_answers_of_the_rows(rows: list[Row]) -> None:
    is_blocked = export_zone(rows, ZONE)
    assert not [name for name in QUERIES if is_blocked(name) != is_blocked_by_rows(rows, name)]


@given(releases)
def test_exactly_the_allowed_names_pass(rows: list[Row]) -> None:
    """Only a pass-through row ends the comparison with CNAMEs and addresses."""
    passes = export_zone(rows, ZONE, PASSTHRU)
    for query in QUERIES:
        is_allowed = is_allowed_by_rows(rows, query)
        assert passes(query) is is_allowed, query


@given(releases, st.integers(1, 5))
def test_zone_with_a_long_name_never_blocks_more(rows: list[Row], room: int) -> None:
    """A query that does not fit loses labels until it does, as in BIND."""
    origin = ".".join(["o" * 63, "o" * 63, "o" * 63, "o" * (60 - room)])
    is_blocked = export_zone(rows, origin)
    allowed = {name for name, scope, action in rows if action == "allow" and scope != "below"}
    for query in [name for name in QUERIES if len(name) <= room or name in allowed]:
        fitting = query
        while len(fitting) > room:
            fitting = fitting.partition(".")[2]
        assert is_blocked_by_rows(rows, query) or not is_blocked(fitting)
