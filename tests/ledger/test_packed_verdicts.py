"""Packed verdicts: every query gives the same answer as for rows."""

from itertools import product
from pathlib import Path

import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from blocklist.ledger.db.connection import open_read_only
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.db.writer import LedgerWriter, open_ledger_writer
from blocklist.ledger.lookup import LedgerLookup
from blocklist.ledger.operator import entry_notes
from blocklist.ledger.operator.review import count_held_causes, count_held_reasons, list_held
from blocklist.ledger.point_in_time import PointInTime
from blocklist.ledger.releases.candidate import (
    Candidate,
    candidate_export_rows,
    load_candidate_change,
    save_candidate,
)
from blocklist.ledger.releases.history import current_release
from blocklist.ledger.releases.verdicts import (
    VERDICT_ROW,
    blocked_and_held_names,
    current_verdicts,
    diff_verdicts,
    export_rows,
    guarded_values,
    held_urls,
    next_release,
    operator_blocks,
    publish_release,
    values_to_verify,
    verdicts_at,
)
from blocklist.ledger.temporal import packs
from blocklist.ledger.temporal.pack_sql import delete_ended_rows
from blocklist.ledger.temporal.packs import VERDICT_TABLE
from blocklist.ledger.temporal.search import rows_containing
from tests.support.listings import rows

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


def publish(writer: LedgerWriter, judged: pl.DataFrame) -> None:
    """Make verdicts the next release, where they are others than those in force."""
    with read_transaction(writer.database) as transaction:
        change = diff_verdicts(current_verdicts(transaction), judged)
        past = current_release(transaction.connection)
    if change:
        publish_release(writer, next_release(writer, past, change, ""), change)


def hold(writer: LedgerWriter, judged: pl.DataFrame) -> None:
    with read_transaction(writer.database) as transaction:
        change = diff_verdicts(current_verdicts(transaction), judged)
        past = current_release(transaction.connection)
    save_candidate(writer, Candidate(next_release(writer, past, change, ""), ()), change)


def answers(database: Path) -> list[object]:
    """Return all that can be asked about verdicts."""
    found: list[object] = []
    values = [value for _, value in VALUES]
    with read_transaction(database) as transaction:
        change = load_candidate_change(transaction)
        frames = [
            current_verdicts(transaction),
            candidate_export_rows(transaction),
            change.new,
            change.old,
        ]
        frames += [
            guarded_values(transaction).to_frame(),
            blocked_and_held_names(transaction).to_frame(),
        ]
        for number in range(1, 5):
            asked = (verdicts_at, export_rows, held_urls)
            frames += [ask(transaction, number) for ask in asked]
            frames += [
                values_to_verify(transaction, number, before) for before in (None, 1, number - 1)
            ]
            frames.append(operator_blocks(transaction, number).to_frame())
        for texts, then in product((["a0", "2.3"], ["example"], ['"'], []), (None, 1, 2, 3)):
            frames.append(rows_containing(transaction, VERDICT_TABLE, texts, then))
    found += [one.sort(pl.all()).rows() for one in frames]
    with open_read_only(database) as reader:
        assert reader is not None
        for at in (None, *(PointInTime(number, 99) for number in range(1, 5))):
            lookup = LedgerLookup(reader, at)
            found.append([lookup.find_verdicts([value]) for value in values])
            found.append(lookup.find_verdicts(values))
            found.append(lookup.find_network_verdicts("192.0.2.1", "192.0.2.4"))
            found.append(lookup.find_names_between("a", "b1"))
            found.append(lookup.find_names_below("example"))
            found.append(sorted(lookup.find_intervals(values), key=str))
        found += [
            count_held_reasons(reader),
            count_held_causes(reader),
            list_held(reader, 20),
        ]
        found.append(sorted(entry_notes._decided_indicators(reader)))
    view = rows(database, "SELECT * FROM verdict ORDER BY value, scope, since")
    return [*found, view, rows(database, "SELECT * FROM verdicts ORDER BY value, scope, since")]


@pytest.mark.slow
@settings(max_examples=8, phases=[Phase.explicit, Phase.generate])
@given(judged=st.lists(verdicts, min_size=1, max_size=4), held=verdicts, pruned=st.integers(0, 4))
def test_packs_give_the_same_answers_as_rows(
    tmp_path_factory: pytest.TempPathFactory, judged: list[Verdicts], held: Verdicts, pruned: int
) -> None:
    found = []
    for least in (2, 10**9):
        database = tmp_path_factory.mktemp("ledger") / "x.db"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(packs, "PACK_SIZE", 3)
            patch.setattr(packs, "MIN_PACKED_ROWS", least)
            with open_ledger_writer(database, "release") as writer:
                for one in judged:
                    publish(writer, frame(one))
                hold(writer, frame(held))
                before = answers(database)
                with writer.transaction() as transaction:
                    delete_ended_rows(transaction.connection, "verdict", pruned)
            found.append((before, answers(database)))
    assert found[0] == found[1]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "PACK_SIZE", 3)
    monkeypatch.setattr(packs, "MIN_PACKED_ROWS", 2)


def test_ended_members_are_stored_as_positions(tmp_path: Path, small: None) -> None:
    database = tmp_path / "x.db"
    first: Verdicts = [(one, "exact", SAID[0]) for one in VALUES]
    with open_ledger_writer(database, "release") as writer:
        publish(writer, frame(first))
        publish(writer, frame(first[1:]))
        publish(writer, frame(first))
    sql = "SELECT value, since, until FROM verdict_row ORDER BY value"
    value, page = VALUES[0][1], VALUES[-1][1]
    assert rows(database, sql) == [(value, 3, None), (page, 1, None)]
    assert rows(database, "SELECT until, positions FROM verdict_end") == [(2, "[0]")]
    assert rows(database, "SELECT count(*) FROM verdict WHERE until IS NULL") == [(len(VALUES),)]
    with read_transaction(database) as transaction:
        then = [verdicts_at(transaction, number).height for number in (1, 2, 3)]
    assert then == [len(VALUES), len(VALUES) - 1, len(VALUES)]


def test_pruned_rows_do_not_return(tmp_path: Path, small: None) -> None:
    database = tmp_path / "x.db"
    first: Verdicts = [(one, "exact", SAID[0]) for one in VALUES]
    with open_ledger_writer(database, "release") as writer:
        for left in (first, first[3:], first[5:]):
            publish(writer, frame(left))
        with writer.transaction() as transaction:
            assert delete_ended_rows(transaction.connection, "verdict", 2) == 3
    with read_transaction(database) as transaction:
        assert verdicts_at(transaction, 2).height == len(first) - 3
        assert current_verdicts(transaction).height == len(first) - 5
    assert rows(database, "SELECT min(since), max(until) FROM verdict") == [(1, 3)]
