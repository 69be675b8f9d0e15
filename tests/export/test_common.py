"""What exports have in common: worked out once for equal rows, and not kept for longer."""

import polars as pl

from blocklist.export.render.common import FrameCache
from blocklist.export.render.precedence import (
    effective_rules,
    inherit_within,
    name_rules,
    share_frame_cache,
)
from tests.support.exports import release


class Work:
    """Counts how often it is done."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, frame: pl.DataFrame) -> pl.DataFrame:
        self.times += 1
        return frame.reverse()


ONE, LIKE_ONE, OTHER = (pl.DataFrame({"value": list(values)}) for values in ("ab", "ab", "ac"))


def test_equal_frames_are_worked_on_once() -> None:
    common, work = FrameCache(), Work()
    with common.keep_open():
        found = [common.get_or_compute(frame, work) for frame in (ONE, LIKE_ONE, OTHER)]
        with common.keep_open():
            common.get_or_compute(OTHER, work)
        common.get_or_compute(OTHER, work)
    assert [frame["value"].to_list() for frame in found] == [["b", "a"], ["b", "a"], ["c", "a"]]
    assert work.times == 2


def test_nothing_is_kept_unless_asked_for_and_not_for_longer() -> None:
    common, work = FrameCache(), Work()
    for _ in range(2):
        common.get_or_compute(ONE, work)
    with common.keep_open():
        common.get_or_compute(ONE, work)
    common.get_or_compute(ONE, work)
    assert work.times == 4


def test_what_is_in_common_is_what_each_would_find() -> None:
    rows = release("block subtree p.example\nallow exact ok.p.example\nblock exact a.b.p.example")
    alone = inherit_within(name_rules(rows))
    with share_frame_cache():
        for _ in range(2):
            assert effective_rules(rows).equals(alone)
