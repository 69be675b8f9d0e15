"""Checks of many names at once answer as one at a time."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from blocklist.check.batch import check_many
from blocklist.check.single import Answer, check_one
from blocklist.check.unreleased import explain_absence
from blocklist.cli.commands.check import answer_to_json
from blocklist.cli.render.check_json import render_batch_json
from blocklist.cli.render.check_table import render_batch_answers
from blocklist.cli.render.check_text import format_answer_lines
from blocklist.config.feeds import Feed
from blocklist.frames.schemas import INDICATORS, VERDICTS
from blocklist.ledger.db.connection import open_read_only
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.db.writer import open_ledger_writer
from blocklist.ledger.dns.facts import DnsFact, save_facts
from blocklist.ledger.feeds.listings import accept_snapshot
from blocklist.ledger.feeds.records import register_feed
from blocklist.ledger.feeds.weights import save_feed_weights
from blocklist.ledger.lookup import LedgerLookup
from blocklist.ledger.point_in_time import PointInTime
from blocklist.ledger.temporal import packs
from blocklist.model import FeedWeight, GuardClass, Liveness, Reason, Verdict
from blocklist.text import escape_unprintable
from tests.support.listings import ACCOUNT

NAMES = [
    "example",
    "a.example",
    "b.example",
    "xn--4ca.a.example",
    "x.a.example",
    "y.x.a.example",
    "c.d.example",
]
PAGES = [f"{scheme}://{name}{end}" for scheme in ("http", "https") for name in NAMES[1:4]
         for end in ("/", "/x", ":81/", "/y?z")]  # fmt: skip
QUERIES = [*NAMES[1:], "A.Example", "b.example.", "192.0.2.1", "http://a.example/x", "no name!", "",
           "unlisted.test", "a.example"]  # fmt: skip
scopes = st.sampled_from(["exact", "subtree", "below"])
snapshots = st.lists(
    st.tuples(
        st.sampled_from(["one", "two", "guard"]),
        st.lists(st.tuples(st.sampled_from([*NAMES, *PAGES]), scopes, st.booleans())),
    ),
    max_size=4,
)
decisions = st.sampled_from(
    [
        ("block", "listed"),
        ("hold", "popular"),
        ("allow", "operator"),
        ("allow", "protected"),
        ("clear", "weak"),
        ("block", "operator"),
        ("hold", "operator"),
    ]
)
verdicts = st.lists(
    st.tuples(st.sampled_from([*NAMES, *PAGES]), scopes, decisions, st.sampled_from([None, "why"])),
    unique_by=lambda row: row[:2],
)

#: What was resolved, how it stands, and which of its own and the names above is its domain.
looks = st.lists(
    st.tuples(
        st.sampled_from(NAMES[1:]),
        st.sampled_from([Liveness.ALIVE, Liveness.DEAD]),
        st.sampled_from(["a.example", "x.a.example", "d.example"]),
    ),
    unique_by=lambda look: look[0],
)


def kind(value: str) -> str:
    return "url" if "://" in value else "domain"


def fill(database: Path, runs: list[tuple[str, list[tuple[str, str, bool]]]]) -> None:
    for name, listed in runs:
        found = [
            (kind(value), value, scope if kind(value) == "domain" else "exact",
             value.upper() + "\u00e4\u200b" if odd else value, 1)
            for value, scope, odd in listed
        ]  # fmt: skip
        frame = pl.DataFrame(found, schema=INDICATORS, orient="row").unique(
            ["value", "scope"], keep="first"
        )
        guard = GuardClass.POPULAR if name == "guard" else None
        with open_ledger_writer(database, "update") as writer:
            feed = register_feed(writer, Feed(name, ("x",), "domains", guard=guard))
            accept_snapshot(writer, feed, frame, "print", ACCOUNT)


def release(database: Path, judged: list[tuple[str, str, tuple[str, str], str | None]]) -> None:
    rows = [
        (kind(v), v, s, verdict, reason, cause, 1.0) for v, s, (verdict, reason), cause in judged
    ]
    frame = pl.DataFrame(rows, schema=VERDICTS, orient="row").drop("score")
    page = pl.col("kind") == "url"
    frame = frame.filter(~page | (pl.col("scope") == "exact"))
    with open_ledger_writer(database, "release") as writer, writer.transaction() as transaction:
        transaction.execute(
            "INSERT INTO release (number, run_id, created, cause, blocked, held, added, removed) "
            "VALUES (7, ?, 'now', 'x', 0, 0, 0, 0)",
            writer.run_id,
        )
        packs.store_rows(transaction, packs.VERDICT_TABLE, frame, since=7)


def vote(database: Path) -> None:
    """Record that `one` and `two` are believed, and the second an echo, and not up to date."""
    with open_ledger_writer(database, "release") as writer:
        save_feed_weights(writer, [FeedWeight("one", 0.5), FeedWeight("two", 0.8, 3, ("one",))])


def know(database: Path, looks: list[tuple[str, Liveness, str]]) -> None:
    with open_ledger_writer(database, "resolve") as writer:
        save_facts(
            writer,
            [
                DnsFact(
                    name, domain, state, f"{name} then", "yes", ("192.0.2.1",), None, "now", "", 1
                )
                for name, state, domain in looks
            ],
        )


def both(
    database: Path, queries: list[str], at: PointInTime | None = None
) -> tuple[list[Answer], list[Answer | None]]:
    with open_read_only(database) as reader:
        assert reader is not None
        lookup = LedgerLookup(reader, at)
        single = [check_one(query, lookup) for query in queries]
        release, counted = lookup.release_number(), lookup.feed_weights()
        absence = explain_absence(lookup)
    with read_transaction(database) as transaction:
        many = check_many(queries, transaction, counted, release, at, absence=absence)
    skipped, answered = set(many.unanswered_rows()), many.iter_answers()
    together = [None if row in skipped else next(answered) for row in range(len(queries))]
    shown = render_batch_answers(many).to_list()
    documents = render_batch_json(many, 0, len(queries)).to_list()
    parts = [text for row in range(len(queries)) for text in render_batch_json(many, row, 1)]
    assert parts == documents
    for answer, document in zip(together, documents, strict=True):
        assert document == (answer and answer_to_json(answer))
    for answer, text in zip(together, shown, strict=True):
        simple = answer if answer and not answer.facts else None
        assert text == (simple and "\n".join(map(escape_unprintable, format_answer_lines(simple))))
    assert many.any_blocked == any(a and a.verdict is Verdict.BLOCK for a in together)
    return single, together


@pytest.mark.slow
@settings(max_examples=15, phases=[Phase.explicit, Phase.generate])
@given(runs=snapshots, judged=verdicts, known=looks, least=st.sampled_from([2, 10**9]))
def test_many_answer_as_one(
    tmp_path_factory: pytest.TempPathFactory,
    runs: list[tuple[str, list[tuple[str, str, bool]]]],
    judged: list[tuple[str, str, tuple[str, str], str | None]],
    known: list[tuple[str, Liveness, str]],
    least: int,
) -> None:
    database = tmp_path_factory.mktemp("ledger") / "x.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packs, "PACK_SIZE", 3)
        patch.setattr(packs, "MIN_PACKED_ROWS", least)
        fill(database, runs)
        release(database, judged)
    vote(database)
    know(database, known)
    for at in (None, PointInTime(7, 2), PointInTime(None, 1)):
        single, together = both(database, QUERIES, at)
        joined = [answer for answer in together if answer is not None]
        assert [answer.query for answer in joined] == [*QUERIES[:7], *QUERIES[-2:]]
        for one, other in zip(single, together, strict=True):
            assert other is None or one == other


def test_pages_are_shown_up_to_a_number(tmp_path: Path) -> None:
    database = tmp_path / "x.db"
    pages = [(f"http://a.example/{number:02}", "exact", False) for number in range(40)]
    fill(database, [("one", pages[::2]), ("two", pages)])
    release(database, [("a.example", "exact", ("block", "listed"), None)])
    vote(database)
    single, together = both(database, ["a.example"])
    assert single == together
    assert len(single[0].listings) == 20


def test_pages_that_ended_do_not_crowd_out_one_that_did_not(tmp_path: Path) -> None:
    database = tmp_path / "x.db"
    ended = [(f"http://a.example/{number:02}", "exact", False) for number in range(25)]
    fill(database, [("one", ended), ("one", [("http://a.example/zz", "exact", False)])])
    release(database, [("a.example", "exact", ("block", "listed"), None)])
    vote(database)
    single, together = both(database, ["a.example"])
    assert single == together
    first, *others = single[0].listings
    assert (first.indicator, first.until) == ("http://a.example/zz", None)
    assert len(others) == 19
    assert single[0].score is not None, "somebody still says so"


def test_what_is_no_text_harms_no_other(tmp_path: Path) -> None:
    database = tmp_path / "x.db"
    fill(database, [("one", [("a.example", "exact", False)])])
    release(database, [("a.example", "exact", ("block", "listed"), None)])
    vote(database)
    single, together = both(database, ["caf\udce9.example", "a.example"])
    assert together == [None, single[1]]
    assert single[0].reason is Reason.INVALID
