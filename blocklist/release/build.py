"""Build a release: judge what is listed now, pass the gate, publish the difference."""

from dataclasses import dataclass

import polars as pl

from blocklist.config import Config
from blocklist.errors import GateHeld
from blocklist.judge import guards
from blocklist.judge.candidates import hosts_of_urls
from blocklist.judge.judge import Case, judge
from blocklist.ledger import listings, operator, releases
from blocklist.ledger.book import Book
from blocklist.ledger.bulk import Bulk
from blocklist.ledger.health import healths
from blocklist.ledger.releases import Release
from blocklist.model import Entry, Reason, Verdict
from blocklist.queries import parse_query
from blocklist.release import gate


@dataclass(frozen=True, slots=True)
class Built:
    """The release in force after a build, and whether the build made it."""

    release: Release
    fresh: bool


def build(config: Config, book: Book, cause: str) -> Built:
    """Judge all that is listed and publish what changed; nothing changed is no new release.

    Raise `GateHeld` (exit 3) with every objection when the candidate may not be published.
    """
    with book.small() as db:
        past = releases.history(db.conn)
        known = healths(db.conn)
        feeds = {feed.name for feed in config.feeds.values() if feed.enabled}
        entries = list(operator.as_judged(db.conn, feeds))
    with Bulk(book.database) as bulk:
        case = _case(config, entries, bulk)
        before = releases.in_force(bulk)
    judged = judge(case)
    found = gate.objections(config, known, _blocked(judged), _unexplained(before, judged))
    if found:
        held = f"release {past[0].number} stays" if past else "nothing is published yet"
        raise GateHeld("the gate held the release; " + held + "\n  " + "\n  ".join(found))
    if past and all(part.is_empty() for part in releases.changes(before, judged)):
        return Built(past[0], fresh=False)
    number = past[0].number + 1 if past else 1
    return Built(releases.publish(book, number, cause, judged, before), fresh=True)


def _case(config: Config, entries: list[Entry], bulk: Bulk) -> Case:
    feeds = {feed.name: feed for feed in config.feeds.values() if feed.enabled}
    own = tuple((query.kind, query.value) for query in map(parse_query, config.policy.own))
    return Case(
        listings=listings.in_force(bulk, list(feeds)),
        reliability={name: feed.reliability for name, feed in feeds.items()},
        guards=guards.load(own, _guard_listings(config, bulk)),
        entries=entries,
        widen=config.policy.widen,
        threshold=config.policy.threshold,
    )


def _guard_listings(config: Config, bulk: Bulk) -> pl.DataFrame:
    enabled = {guard.name: guard.guard for guard in config.guards.values() if guard.enabled}
    listed = listings.in_force(bulk, list(enabled))
    # A guard list of URLs means their hosts.
    hosts = hosts_of_urls(listed).select(listed.columns)
    listed = pl.concat([listed, hosts])
    schema = {"feed": pl.String(), "class": guards.GUARDS["class"]}
    classes = pl.DataFrame(list(enabled.items()), schema=schema, orient="row")
    return listed.join(classes, on="feed").select(
        pl.col("kind").cast(pl.String),
        "value",
        "class",
        source="feed",
        bounded=pl.lit(value=True),
    )


def _blocked(verdicts: pl.DataFrame) -> int:
    return int((verdicts["verdict"] == Verdict.BLOCK.value).sum())


def _unexplained(before: pl.DataFrame, judged: pl.DataFrame) -> int:
    """Return how many were blocked that the operator has neither blocked nor allowed since."""
    by_operator = pl.col("reason") == Reason.OPERATOR.value
    listed = before.filter(~by_operator & (pl.col("verdict") == Verdict.BLOCK.value))
    return listed.join(judged.filter(by_operator), on="value", how="anti").height
