"""Evidence grows with fame: ranks of top lists, the needed score, and the cause."""

import math
from dataclasses import replace

import polars as pl
import pytest

from blocklist.frames.schemas import LISTINGS
from blocklist.judge.explain import Rule, explain_rules
from blocklist.judge.fame import LAST_RANK, RANKS, FameRule, match_fame
from blocklist.judge.guards import GUARDS, GuardLists, load_guards
from blocklist.judge.judge import JudgeInput, decide_verdicts
from blocklist.model import Indicator, Kind, Reason

RELIABILITY = {"weak": 0.5, "good": 0.8, "sure": 0.96}
#: `LIST RANK NAME`; both lists know `shop.com`.
TOP = (
    "top 9 famous.com, top 35102 shop.com, top 90000 deep.host.net, top 150000 host.org, "
    "top 1000000 last.com, top 1000001 beyond.com, top 20000 co.uk, top 50 giant.com, "
    "top 5000 weebly.com, other 60000 shop.com, other 300000 news.fr"
)


def ranked(text: str = TOP) -> pl.DataFrame:
    rows = [part.split() for part in text.split(", ")]
    table = [(source, name, int(rank)) for source, rank, name in rows]
    return pl.DataFrame(table, schema=RANKS, orient="row")


def case(listed: str, ranks: pl.DataFrame | None = None, guarded: str = "") -> JudgeInput:
    """Return the inputs for `FEED NAME, ...`; `guarded` has `CLASS NAME, ...`."""
    rows = [part.split() for part in listed.split(", ")]
    kinds = [Kind.URL if "://" in name else Kind.DOMAIN for _, name in rows]
    table = [
        (feed, kind, name.lstrip("."), "subtree" if name[0] == "." else "exact")
        for (feed, name), kind in zip(rows, kinds, strict=True)
    ]
    guards = [
        (Kind.DOMAIN, name, kind, f"list-{kind}", True)
        for kind, name in (part.split() for part in guarded.split(", ") if part)
    ]
    entries = pl.DataFrame(guards, schema=GUARDS, orient="row")
    lists = GuardLists(entries, ranked() if ranks is None else ranks)
    frame = pl.DataFrame(table, schema=LISTINGS, orient="row")
    return JudgeInput(frame, RELIABILITY, load_guards((), lists), [])


def outcome(judge_input: JudgeInput, name: str) -> tuple[str, str, str | None]:
    rows = decide_verdicts(judge_input).filter(pl.col("value") == name)
    ((verdict, reason, cause),) = rows.select("verdict", "reason", "cause").iter_rows()
    return verdict, reason, cause


SHOP = "rank 35,102 of top (of shop.com)"


@pytest.mark.parametrize(
    ("listed", "expected", "cause", "why"),
    [
        ("sure famous.com", "hold", "rank 9 of top (of famous.com), always held", "first ranks"),
        ("weak shop.com", "hold", f"{SHOP}, needed 0.93, given 0.50", "its best rank counts"),
        ("sure shop.com", "block", "widened", "enough evidence"),
        ("weak shop.com, good shop.com", "hold", f"{SHOP}, needed 0.93, given 0.90", "two voices"),
        (
            "weak last.com",
            "hold",
            "rank 1,000,000 of top (of last.com), needed 0.75, given 0.50",
            "one weak voice is not enough for the last rank",
        ),
        ("good last.com", "block", "widened", "the last rank needs 0.75"),
        ("weak beyond.com", "block", "widened", "a rank beyond the last is none"),
        ("weak new.com", "block", "widened", "in no list"),
        (
            "weak a.b.shop.com",
            "hold",
            f"{SHOP}, counted as 351,020, needed 0.81, given 0.50",
            "below a listed name the rank counts ten times",
        ),
        ("sure a.b.shop.com", "block", None, "and enough evidence blocks"),
        ("weak a.host.org", "block", None, "ten times 150,000 is beyond the last rank"),
        (
            "weak host.net",
            "hold",
            "rank 90,000 of top (of deep.host.net), needed 0.88, given 0.50",
            "blocking it would block the listed name",
        ),
        (
            "sure a.giant.com",
            "hold",
            "rank 50 of top (of giant.com), counted as 500, always held",
            "ten times a very high rank is still high",
        ),
        ("weak tenant.weebly.com", "block", "widened", "a platform is between"),
        ("weak shop.co.uk", "block", "widened", "a public suffix is between"),
        (
            "weak some.ac.uk",
            "hold",
            "under ac.uk, counted as rank 100,000, needed 0.88, given 0.50",
            "an institution's own name",
        ),
        ("weak lab.some.ac.uk", "block", None, "a host of an institution may be hacked"),
        ("sure some.edu", "block", "widened", "an institution with enough evidence"),
        ("weak some-edu.com", "block", "widened", "no such ending"),
        ("weak x.go.it", "block", "widened", "a province of Italy"),
        ("weak shop.gov.made-up", "block", None, "an ending without a registry"),
    ],
)  # fmt: skip
def test_a_listed_name(listed: str, expected: str, cause: str | None, why: str) -> None:
    verdict, reason, found = outcome(case(listed), listed.rsplit(maxsplit=1)[-1])
    assert (verdict, found) == (expected, cause), why
    assert reason == (Reason.POPULAR if expected == "hold" else Reason.LISTED)


def test_each_part_of_a_name_needs_the_score() -> None:
    rows = decide_verdicts(replace(case("weak shop.com, sure .shop.com"), widen=False))
    assert rows.select("value", "scope", "verdict").row(0) == ("shop.com", "subtree", "block")
    rows = decide_verdicts(case("sure shop.com, weak .shop.com"))
    assert rows.select("scope", "verdict").row(0) == ("subtree", "block")
    below = case("weak shop.com")
    listings = below.listings.vstack(
        pl.DataFrame([("sure", "domain", "shop.com", "below")], schema=LISTINGS, orient="row")
    )
    rows = decide_verdicts(replace(below, listings=listings, widen=False))
    assert rows.select("scope", "verdict").row(0) == ("below", "block"), "only what is proved"


@pytest.mark.parametrize(
    ("guarded", "expected"),
    [
        ("protected shop.com", "shop.com (list-protected)"),
        ("popular shop.com", "shop.com (list-popular)"),
        ("shared-host shop.com", f"{SHOP}, needed 0.93, given 0.50"),
    ],
)
def test_of_a_rank_and_a_guard_the_stronger_is_named(guarded: str, expected: str) -> None:
    assert outcome(case("weak shop.com", guarded=guarded), "shop.com")[2] == expected


def test_a_page_on_a_famous_host_is_held_and_the_host_is_not_listed() -> None:
    rows = decide_verdicts(case("weak https://shop.com/a"))
    assert rows.select("value", "verdict", "reason").rows() == [
        ("https://shop.com/a", "hold", "url-only")
    ]


def test_the_threshold_is_the_least_that_is_needed() -> None:
    judge_input = replace(case("good last.com"), threshold=0.9)
    assert outcome(judge_input, "last.com")[2] == (
        "rank 1,000,000 of top (of last.com), needed 0.90, given 0.80"
    )


@pytest.mark.parametrize(
    ("rule", "rank", "expected", "why"),
    [
        (FameRule(), 1, math.inf, "the first"),
        (FameRule(), 10_000, math.inf, "the last that is always held"),
        (FameRule(), 10_001, 1.0, "from there on"),
        (FameRule(), 30_000, 0.94, "it falls"),
        (FameRule(), 100_000, 0.875, "with the logarithm"),
        (FameRule(), 300_000, 0.815, "of the rank"),
        (FameRule(), LAST_RANK, 0.75, "to the score"),
        (FameRule(), LAST_RANK + 1, None, "and ends there"),
        (FameRule(0.0), LAST_RANK, 0.1, "a curve to the threshold"),
        (FameRule(1.0), 500_000, 1.0, "a hard cut"),
        (FameRule(0.75, 0), 1, 1.0, "no rank is always held"),
        (FameRule(0.75, LAST_RANK), LAST_RANK, math.inf, "all ranks are"),
    ],
)
def test_the_needed_score(rule: FameRule, rank: int, expected: float | None, why: str) -> None:
    column = pl.Series([rank], dtype=pl.UInt32).to_frame("rank")
    needed = column.select(rule.compute_needed_score(pl.col("rank"), 0.1)).item()
    assert needed == (None if expected is None else pytest.approx(expected, abs=0.001)), why


def test_the_needed_score_never_rises_with_the_rank() -> None:
    column = pl.DataFrame({"rank": range(1, LAST_RANK + 1, 997)}, schema={"rank": pl.UInt32})
    needed = column.select(FameRule().compute_needed_score(pl.col("rank"), 0.0)).to_series()
    assert needed.is_sorted(descending=True)


def test_a_list_of_only_first_ranks_holds_all() -> None:
    ranks = ranked("top 1 a.com, top 1 b.com")
    judge_input = case("sure a.com, sure b.com", ranks)
    assert {outcome(judge_input, name)[0] for name in ("a.com", "b.com")} == {"hold"}


def test_without_ranks_only_institutions_are_famous() -> None:
    names = pl.DataFrame({"value": ["a.com", "x.edu"], "registrable": ["a.com", "x.edu"]})
    assert match_fame(ranked().clear(), names)["value"].to_list() == ["x.edu"]


@pytest.mark.parametrize(("listed", "decides"), [("weak", True), ("sure", False)])
def test_the_explanation_shows_rank_and_scores(listed: str, decides: bool) -> None:
    judge_input = case(f"{listed} shop.com")
    _, reason, cause = outcome(judge_input, "shop.com")
    subject = Indicator(Kind.DOMAIN, "shop.com")
    rules = explain_rules(judge_input, subject, subject, Reason(reason), cause)
    (popular,) = [rule for rule in rules if rule.rule is Rule.POPULAR]
    given = "0.50" if decides else "0.96"
    assert popular.matches == (f"{SHOP}, needed 0.93, given {given}",)
    assert popular.decided is decides
