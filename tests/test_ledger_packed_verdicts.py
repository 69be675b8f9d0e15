"""Packed verdicts are verdicts: whatever is asked of a release, the answer is that of rows."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from blocklist.ledger import candidate, connection, history, matches, packs, releases, review
from blocklist.ledger.book import LedgerWriter, open_ledger_writer
from blocklist.ledger.bulk import BulkTransaction
from blocklist.ledger.candidate import Candidate
from blocklist.ledger.lookup import LedgerLookup
from blocklist.ledger.moments import PointInTime
from blocklist.ledger.packed import delete_ended_rows
from blocklist.ledger.releases import VERDICT_ROW
from tests.ledger_support import prepare_older
from tests.listing_support import rows

VALUES = [
    *(("domain", f"{letter}{number}.example") for letter in "ab" for number in range(4)),
    *(("ip", f"192.0.2.{number}") for number in range(6)),
    *(("url", f"http://a0.example/{end}") for end in ("", "x", '"')),
]
SAID = [
    ("block", "listed", None),
    ("block", "listed", "widened"),
    ("hold", "url-only", None),
    ("hold", "popular", "top.example (top)"),
    ("allow", "operator", None),
    ("block", "operator", "mine"),
    ("clear", "weak", None),
]
Verdicts = list[tuple[tuple[str, str], str, tuple[str, str, str | None]]]
verdicts: st.SearchStrategy[Verdicts] = st.lists(
    st.tuples(
        st.sampled_from(VALUES), st.sampled_from(["exact", "subtree"]), st.sampled_from(SAID)
    ),
    unique_by=lambda row: (row[0][1], row[1]),
)


def frame(judged: Verdicts) -> pl.DataFrame:
    found = [(kind, value, scope, *said) for (kind, value), scope, said in judged]
    return pl.DataFrame(found, schema=VERDICT_ROW, orient="row")


def publish(book: LedgerWriter, judged: pl.DataFrame) -> None:
    """Make verdicts the next release, where they are others than those in force."""
    with BulkTransaction(book.database) as bulk:
        change = releases.diff_verdicts(releases.current_verdicts(bulk), judged)
    with book.open_database() as db:
        past = history.current_release(db.conn)
    if change:
        releases.publish_release(book, releases.next_release(book, past, change, ""), change)


def hold(book: LedgerWriter, judged: pl.DataFrame) -> None:
    with BulkTransaction(book.database) as bulk:
        change = releases.diff_verdicts(releases.current_verdicts(bulk), judged)
    with book.open_database() as db:
        past = history.current_release(db.conn)
    candidate.save_candidate(
        book, Candidate(releases.next_release(book, past, change, ""), ()), change
    )


def answers(database: Path) -> list[object]:
    """Return all that can be asked about verdicts."""
    found: list[object] = []
    values = [value for _, value in VALUES]
    with BulkTransaction(database) as bulk:
        change = candidate.load_candidate_change(bulk)
        frames = [
            releases.current_verdicts(bulk),
            candidate.candidate_export_rows(bulk),
            change.new,
            change.old,
        ]
        frames += [
            releases.guarded_values(bulk).to_frame(),
            releases.blocked_and_held_names(bulk).to_frame(),
        ]
        for number in range(1, 5):
            asked = (releases.verdicts_at, releases.export_rows, releases.held_urls)
            frames += [ask(bulk, number) for ask in asked]
            frames += [
                releases.values_to_verify(bulk, number, before) for before in (None, 1, number - 1)
            ]
            frames.append(releases.operator_blocks(bulk, number).to_frame())
    found += [one.sort(pl.all()).rows() for one in frames]
    with connection.open_read_only(database) as reader:
        assert reader is not None
        for at in (None, *(PointInTime(number, 99) for number in range(1, 5))):
            lookup = LedgerLookup(reader, at)
            found.append([lookup.find_verdicts([value]) for value in values])
            found.append(lookup.find_verdicts(values))
            found.append(lookup.find_network_verdicts("192.0.2.1", "192.0.2.4"))
        found += [
            review.count_held_reasons(reader),
            review.count_held_causes(reader),
            review.list_held(reader, 20),
        ]
        found.append(sorted(matches._decided_indicators(reader)))
    view = rows(database, "SELECT * FROM verdict ORDER BY value, scope, since")
    return [*found, view, rows(database, "SELECT * FROM verdicts ORDER BY value, scope, since")]


@pytest.mark.slow
@settings(max_examples=8, phases=[Phase.explicit, Phase.generate])
@given(judged=st.lists(verdicts, min_size=1, max_size=4), held=verdicts, pruned=st.integers(0, 4))
def test_packs_answer_as_rows(
    tmp_path_factory: pytest.TempPathFactory, judged: list[Verdicts], held: Verdicts, pruned: int
) -> None:
    found = []
    for least in (2, 10**9):
        database = tmp_path_factory.mktemp("ledger") / "x.db"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(packs, "PACK_SIZE", 3)
            patch.setattr(packs, "MIN_PACKED_ROWS", least)
            with open_ledger_writer(database, "release") as book:
                for one in judged:
                    publish(book, frame(one))
                hold(book, frame(held))
                before = answers(database)
                with book.open_database() as db:
                    delete_ended_rows(db.conn, "verdict", pruned)
            found.append((before, answers(database)))
    assert found[0] == found[1]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "PACK_SIZE", 3)
    monkeypatch.setattr(packs, "MIN_PACKED_ROWS", 2)


def test_what_ends_is_told_by_its_place(tmp_path: Path, small: None) -> None:
    database = tmp_path / "x.db"
    first: Verdicts = [(one, "exact", SAID[0]) for one in VALUES]
    with open_ledger_writer(database, "release") as book:
        publish(book, frame(first))
        publish(book, frame(first[1:]))
        publish(book, frame(first))
    sql = "SELECT value, since, until FROM verdict_row ORDER BY value"
    value, page = VALUES[0][1], VALUES[-1][1]
    assert rows(database, sql) == [(value, 3, None), (page, 1, None)]
    assert rows(database, "SELECT until, places FROM verdict_end") == [(2, "[0]")]
    assert rows(database, "SELECT count(*) FROM verdict WHERE until IS NULL") == [(len(VALUES),)]
    with BulkTransaction(database) as bulk:
        then = [releases.verdicts_at(bulk, number).height for number in (1, 2, 3)]
    assert then == [len(VALUES), len(VALUES) - 1, len(VALUES)]


def test_what_is_pruned_never_comes_back(tmp_path: Path, small: None) -> None:
    database = tmp_path / "x.db"
    first: Verdicts = [(one, "exact", SAID[0]) for one in VALUES]
    with open_ledger_writer(database, "release") as book:
        for left in (first, first[3:], first[5:]):
            publish(book, frame(left))
        with book.open_database() as db:
            assert delete_ended_rows(db.conn, "verdict", 2) == 3
    with BulkTransaction(database) as bulk:
        assert releases.verdicts_at(bulk, 2).height == len(first) - 3
        assert releases.current_verdicts(bulk).height == len(first) - 5
    assert rows(database, "SELECT min(since), max(until) FROM verdict") == [(1, 3)]


def test_a_database_from_before_packs_is_read(tmp_path: Path) -> None:
    database = tmp_path / "x.db"
    prepare_older(database, 8)
    with connection.open_read_write(database) as opened:
        opened.execute("INSERT INTO verdict VALUES ('a.example', 0, 1, NULL, 0, 0, 7, NULL)")
    for migrated in (False, True):
        if migrated:
            connection.prepare_database(database)
        with connection.open_read_only(database) as reader:
            assert reader is not None
            assert [one.value for one in LedgerLookup(reader).find_verdicts(["a.example"])] == [
                "a.example"
            ]
        with BulkTransaction(database) as bulk:
            assert releases.export_rows(bulk, 1)["value"].to_list() == ["a.example"]
