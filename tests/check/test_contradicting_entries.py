"""Entries on one name that contradict each other: `check` answers as the exported files do."""

from itertools import product
from pathlib import Path

import pytest

from blocklist.api.library import Blocklist
from blocklist.model import Scope, Verdict
from tests.support.worlds import make_world

NAMES = ["mine.top", "a.mine.top", "x.a.mine.top"]


@pytest.mark.parametrize(("blocked", "allowed"), list(product(Scope, Scope)))
def test_check_says_what_the_zone_does(tmp_path: Path, blocked: Scope, allowed: Scope) -> None:
    library = Blocklist.open(make_world(tmp_path))
    library.block.add("mine.top", scope=blocked)
    library.allow.add("mine.top", scope=allowed)
    library.run()
    single = [library.check(name).verdict for name in NAMES]
    many = [answer.verdict for answer in library.check([*NAMES, *["unlisted.top"] * 2000])]
    assert many[:3] == single
    # An exact entry is more specific than one on the name and all below it; else the allow counts.
    expected = [find_verdict(blocked, allowed, is_self=name == "mine.top") for name in NAMES]
    assert single == expected


def find_verdict(blocked: Scope, allowed: Scope, *, is_self: bool) -> Verdict:
    covers = [s.covers_self if is_self else s.covers_below for s in (blocked, allowed)]
    if not any(covers):
        return Verdict.CLEAR
    if all(covers):
        is_exact_block = blocked is Scope.EXACT and allowed is not Scope.EXACT
        return Verdict.BLOCK if is_exact_block else Verdict.ALLOW
    return Verdict.BLOCK if covers[0] else Verdict.ALLOW
