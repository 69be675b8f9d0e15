"""A hot zone before a base zone gives the answers of one zone of the new release."""

from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocklist.errors import NotHot
from blocklist.export.hot.overlay import render_overlay
from blocklist.export.registry import get_dialect
from blocklist.export.render.body import Body
from blocklist.frames.schemas import RELEASE
from tests.support.exports import export_to, release
from tests.support.name_model import (
    QUERIES,
    Row,
    is_allowed_by_rows,
    is_blocked_by_rows,
    releases,
)
from tests.support.two_zones import HEAD, TwoZones


def to_frame(rows: list[Row]) -> pl.DataFrame:
    return pl.DataFrame([("domain", *row) for row in rows], schema=RELEASE, orient="row").unique()


def render_pair(old: pl.DataFrame, new: pl.DataFrame) -> tuple[Body, Body]:
    """Return the hot zone that leads from one release to another, and the base zone of the old."""
    changed = pl.concat(
        [
            old.join(new, on=RELEASE.names(), how="anti"),
            new.join(old, on=RELEASE.names(), how="anti"),
        ]
    )["value"].unique()
    with TemporaryDirectory() as folder:
        export = export_to(Path(folder), "rpz")
        base = get_dialect("rpz").render_body(export, old)
        return render_overlay(export, [old], new, changed), base


@given(releases, releases, st.integers(0, 9))
def test_two_zones_answer_as_the_new_release(old: list[Row], extra: list[Row], kept: int) -> None:
    """Decisions add rows and remove some; every server then answers as for the new release."""
    new = old[:kept] + extra
    try:
        bodies = render_pair(to_frame(old), to_frame(new))
    except NotHot:
        assert any(
            is_allowed_by_rows(old, name)
            and not is_allowed_by_rows(new, name)
            and not is_blocked_by_rows(new, name)
            for name in QUERIES
        )
        return
    zones = TwoZones(*(HEAD + b"".join(body.encode_chunks()).decode() for body in bodies))
    for blocks in (zones.blocks_in_bind, zones.blocks_in_powerdns):
        assert not [name for name in QUERIES if blocks(name) != is_blocked_by_rows(new, name)]


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        pytest.param("", "block exact x.test", ["x.test CNAME ."], id="block-exact"),
        pytest.param(
            "", "block subtree x.test", ["x.test CNAME .", "*.x.test CNAME ."], id="block-subtree"
        ),
        pytest.param("block exact x.test", "", ["x.test CNAME rpz-passthru."], id="block-removed"),
        pytest.param(
            "block subtree p.test\nblock exact s.p.test",
            "block exact s.p.test",
            [
                "p.test CNAME rpz-passthru.",
                "*.p.test CNAME rpz-passthru.",
                "s.p.test CNAME .",
                "*.s.p.test CNAME rpz-passthru.",
            ],
            id="family-opened-with-a-name-still-blocked-below",
        ),
        pytest.param(
            "allow exact ok.p.test",
            "block subtree p.test\nallow exact ok.p.test",
            [
                "p.test CNAME .",
                "*.p.test CNAME .",
                "ok.p.test CNAME rpz-passthru.",
                "*.ok.p.test CNAME .",
            ],
            id="family-blocked-with-an-allow-below",
        ),
        pytest.param(
            "block subtree p.test",
            "block subtree p.test\nallow subtree a.b.p.test",
            ["a.b.p.test CNAME rpz-passthru.", "*.a.b.p.test CNAME rpz-passthru."],
            id="allow-below-a-blocked-family",
        ),
        pytest.param("", "block below x.test", ["*.x.test CNAME ."], id="block-below"),
        pytest.param("block exact x.test", "block exact x.test", [], id="nothing-changed"),
    ],
)
def test_rows_of_a_hot_zone(old: str, new: str, lines: list[str]) -> None:
    hot, _ = render_pair(release(old), release(new))
    assert b"".join(hot.encode_chunks()).decode().splitlines() == lines


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("allow exact x.test", "", id="a-pass-through-of-the-base-stays"),
        pytest.param("", f"block exact {'a.' * 115}test", id="too-long"),
        pytest.param("", "block exact 32.1.2.0.192.rpz-ip", id="a-trigger"),
    ],
)
def test_what_a_hot_zone_cannot_express(old: str, new: str) -> None:
    with pytest.raises(NotHot):
        render_pair(release(old), release(new))
