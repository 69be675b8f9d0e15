"""Harm and cost of ways to protect famous names, on real feeds: lists -> a table and a curve.

    python -m benchmarks.harm FEEDS [TOP TRUTH]

Harm: names of a second top list (the truth) that are blocked. Cost: the share of the listed names
that only the top list (the judge) keeps from being blocked. FEEDS is a folder of lists as their
maintainers publish them; TOP and TRUTH are CSV files of rank and name, such as Tranco's. Without
them, TOP is made of MISP lists in FEEDS, whose ranks are known by ten thousands only, and the truth
is Umbrella, which tells what devices ask for and not how famous a name is: the table is then a test
of the program, not of the rules. With `--svg FILE` the needed score is drawn.
"""

import argparse
import os
import platform
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

import polars as pl

from blocklist.config.catalogue import load_feed_definitions
from blocklist.config.mistakes import Mistakes
from blocklist.frames.names import expand_ancestors
from blocklist.frames.schemas import LISTINGS
from blocklist.judge.fame import LAST_RANK, RANKS, FameRule
from blocklist.judge.guards import GUARDS, GuardLists, load_guards
from blocklist.judge.judge import JudgeInput, decide_verdicts
from blocklist.model import GuardClass, Kind
from blocklist.parse.options import ParseOptions
from blocklist.parse.parser import parse_snapshot

#: File -> the feed of the catalogue that it is a copy of, and its format.
_FILES = {
    "openphish-domains.domains.txt": ("openphish", "domains"),
    "phishtank.domains.txt": ("phishtank", "domains"),
    "urlhaus.domains.txt": ("urlhaus", "domains"),
    "cert-pl.domains.txt": ("cert-pl", "domains"),
    "red-flag-domains.domains.txt": ("red-flag-domains", "domains"),
    "phishing-army.domains.txt": ("phishing-army", "domains"),
    "ut1-fr.domains.txt": ("ut1-fr", "domains"),
    "blp-phishing.domains.txt": ("blocklistproject-phishing", "domains"),
    "blp-scam.hosts": ("blocklistproject-scam", "hosts"),
    "blp-ransomware.adblock.txt": ("blocklistproject-ransomware", "adblock"),
    "jarelllama-scams.adblock.txt": ("jarelllama-scam", "adblock"),
    "durablenapkin.hosts": ("durablenapkin-scam", "hosts"),
    "discord-antiscam.json": ("sinking-yachts", "json"),
    "phishing-database.domains.txt": ("phishing-database", "domains"),
}
_TRUTH_RANK = 10_000


class Rule(NamedTuple):
    """A way to protect famous names: the first ranks are held, the others need a score."""

    title: str
    always: int
    #: The score of the last rank; None if later ranks need no score.
    score: float | None = None


_RULES = (
    Rule("no fame guard", 0),
    Rule("first 10,000 held", 10_000),
    Rule("first 100,000 held", 100_000),
    Rule("first 1,000,000 held", LAST_RANK),
    *(Rule(f"curve to {score:g}", 10_000, score) for score in (0.0, 0.55, 0.65, 0.75, 0.85)),
)


@cache
def load_feeds(folder: Path) -> JudgeInput:
    """Return the listings of the known lists in a folder, weighed as the catalogue says."""
    listings, feeds = [], {}
    definitions = load_feed_definitions(folder, Mistakes())
    for file, (name, format_name) in _FILES.items():
        if (folder / file).exists():
            feeds[name] = definitions[name].feed if name in definitions else None
            rows = parse_snapshot((folder / file).read_bytes(), format_name).indicators
            listings.append(rows.select(pl.lit(name).alias("feed"), "kind", "value", "scope"))
    frame = pl.concat(listings).unique().filter(pl.col("kind") == Kind.DOMAIN.value)
    return JudgeInput(
        frame.match_to_schema(LISTINGS),
        {name: feed.reliability if feed else 0.5 for name, feed in feeds.items()},
        load_guards((), GuardLists()),
        [],
        {name: feed.lineage for name, feed in feeds.items() if feed},
    )


def read_ranks(path: Path) -> pl.DataFrame:
    """Return a top list (schema `RANKS`): CSV of rank and name."""
    options = ParseOptions(column=2, rank_column=1)
    rows = parse_snapshot(path.read_bytes(), "csv", options).indicators
    return rows.select(pl.lit(path.stem).alias("source"), "value", "rank").match_to_schema(RANKS)


def make_ranks(folder: Path) -> pl.DataFrame:
    """Return the ranks of MISP's lists: evenly spread, because only their size is known."""
    parts, first = [], 0
    for name, last in (("tranco10k", 10_000), ("cloudflare-top100k", 100_000)):
        path = folder / "warninglists" / f"{name}.json"
        values = parse_snapshot(path.read_bytes(), "misp").indicators["value"].unique().sort()
        values = values.sample(fraction=1.0, shuffle=True, seed=1)
        step = (last - first) / len(values)
        rank = (first + 1 + pl.int_range(pl.len()) * step).cast(pl.UInt32)
        parts.append(values.to_frame().select(pl.lit(name).alias("source"), "value", rank=rank))
        first = last
    return pl.concat(parts).match_to_schema(RANKS)


def read_umbrella(folder: Path) -> pl.DataFrame:
    """Return the first names of Umbrella, which stand in for the truth."""
    names = (folder / "toplists" / "umbrella-100k.ranked.txt").read_text().split()
    frame = pl.DataFrame({"source": "umbrella", "value": names}).with_row_index("rank", 1)
    return frame.select("source", "value", "rank").match_to_schema(RANKS)


def apply_rule(judge_input: JudgeInput, ranks: pl.DataFrame, rule: Rule) -> pl.DataFrame:
    """Return the verdicts by a rule (schema `VERDICTS`)."""
    if rule.score is None:
        held = ranks.filter(pl.col("rank") <= rule.always)
        entries = held.select(
            pl.lit(Kind.DOMAIN.value).alias("kind"),
            "value",
            pl.lit(GuardClass.POPULAR.value, GUARDS["class"]).alias("class"),
            "source",
            bounded=pl.lit(value=True),
        )
        # By this rule no score is needed for the names of institutions.
        lists, fame = GuardLists(entries), FameRule(0.0, 0)
    else:
        lists, fame = GuardLists(ranks=ranks), FameRule(rule.score, rule.always)
    guards = load_guards((), lists, rule.always)
    return decide_verdicts(
        JudgeInput(
            judge_input.listings,
            judge_input.reliability,
            guards,
            [],
            judge_input.upstream,
            fame=fame,
        )
    )


def find_harmed(verdicts: pl.DataFrame, truth: pl.DataFrame) -> pl.DataFrame:
    """Return the names of the truth that a block covers."""
    blocks = verdicts.filter(pl.col("verdict") == "block").select("value", "scope")
    names = truth.filter(pl.col("rank") <= _TRUTH_RANK).select(name="value")
    walk = expand_ancestors(names, "name").join(blocks, left_on="ancestor", right_on="value")
    is_own, scope = pl.col("steps") == 0, pl.col("scope")
    return walk.filter(pl.when(is_own).then(scope != "below").otherwise(scope != "exact")).unique(
        "name"
    )


def measure(
    judge_input: JudgeInput, ranks: pl.DataFrame, truth: pl.DataFrame
) -> Iterator[tuple[str, int, float, int]]:
    """Yield title, held names, their share of the listed names, and harmed names of each rule."""
    listed = judge_input.listings["value"].n_unique()
    unguarded = None
    for rule in _RULES:
        verdicts = apply_rule(judge_input, ranks, rule)
        blocked = verdicts.filter(pl.col("verdict") == "block").height
        unguarded = blocked if unguarded is None else unguarded
        held = unguarded - blocked
        yield rule.title, held, held / listed, find_harmed(verdicts, truth).height


def draw_curve(rule: FameRule) -> str:
    """Return an SVG drawing of the needed score by the logarithm of the rank."""

    def place(power: float, score: float) -> tuple[float, float]:
        return 60 + (power - 3) * 400 / 3, 180 - score * 150

    powers = [3 + step / 20 for step in range(61)]
    ranks = pl.DataFrame({"rank": [round(10**power) for power in powers]})
    needed = ranks.select(rule.compute_needed_score(pl.col("rank"), 0.0).clip(0, 1)).to_series()
    points = (place(power, score) for power, score in zip(powers, needed, strict=True))
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    labels = [(*place(power, -0.13), "middle", f"{10**power:,}") for power in range(3, 7)] + [
        (50.0, place(3, score)[1] + 4, "end", f"{score:g}") for score in (0, 0.5, 0.75, 1)
    ]
    labels += [(20.0, 14.0, "start", "needed score"), (*place(4.5, -0.25), "middle", "rank")]
    texts = (
        f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{text}</text>'
        for x, y, anchor, text in labels
    )
    return "\n".join(
        [
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 500 225" '
            'font-family="sans-serif" font-size="12" fill="#555">',
            '<path d="M60,22 V180 H470" fill="none" stroke="#555"/>',
            f'<polyline points="{line}" fill="none" stroke="#c33" stroke-width="2"/>',
            *texts,
            "</svg>\n",
        ]
    )


def main() -> None:
    """Print the table; the first line names lists, machine and day."""
    parser = argparse.ArgumentParser(
        description="Measure harm and cost of protecting famous names."
    )
    parser.add_argument("feeds", type=Path, help="a folder of lists")
    parser.add_argument("top", type=Path, nargs="?", help="the judge: CSV of rank and name")
    parser.add_argument("truth", type=Path, nargs="?", help="the truth: CSV of rank and name")
    parser.add_argument("--svg", type=Path, help="draw the needed score into this file")
    given = parser.parse_args()
    if given.svg:
        given.svg.write_text(draw_curve(FameRule()))
    judge_input = load_feeds(given.feeds)
    ranks = read_ranks(given.top) if given.top else make_ranks(given.feeds)
    truth = read_ranks(given.truth) if given.truth else read_umbrella(given.feeds)
    if not given.truth:
        print("without TRUTH the truth is Umbrella: a test of the program only", file=sys.stderr)
    when, machine = datetime.now(UTC).strftime("%Y-%m-%d"), platform.machine()
    names, feeds = judge_input.listings["value"].n_unique(), len(judge_input.reliability)
    cores = f"{os.cpu_count()} cores ({machine})"
    print(f"{names:,} names of {feeds} feeds, {ranks.height:,} ranks; {when}, {cores}\n")
    print("| rule | held | cost | harm |\n|---|--:|--:|--:|")
    for title, held, share, harmed in measure(judge_input, ranks, truth):
        print(f"| {title} | {held:,} | {share:.2%} | {harmed:,} |", flush=True)


if __name__ == "__main__":
    main()
