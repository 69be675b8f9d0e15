"""DNS facts in the ledger: due in order, and read by `check`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from blocklist.ledger.db.codes import code_of
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.db.writer import open_ledger_writer
from blocklist.ledger.dns.facts import (
    DnsFact,
    filter_due_names,
    save_facts,
    select_due_names,
)
from blocklist.ledger.lookup import LedgerLookup
from blocklist.model import Liveness, Verdict

NOW = datetime(2026, 5, 3, 6, tzinfo=UTC)


def fact(name: str, domain: str, state: Liveness, due: str = "2026-05-04T06:00:00Z") -> DnsFact:
    since = "2026-05-01T06:00:00Z"
    return DnsFact(name, domain, state, since, "answer", ("192.0.2.1",), None, since, due, 24)


def test_what_is_due_comes_new_first_and_then_in_order(tmp_path: Path) -> None:
    names = ("new.top", "late.top", "later.top", "not-yet.top", "wrong-clock.top", "clear.top")
    dues = {
        "late.top": "2026-05-01T06:00:00Z",
        "later.top": "2026-05-02T06:00:00Z",
        "not-yet.top": "2026-05-04T06:00:00Z",
        "wrong-clock.top": "2036-05-04T06:00:00Z",
    }
    with open_ledger_writer(tmp_path / "x.db", "update") as writer:
        save_facts(writer, (fact(n, n, Liveness.ALIVE, due) for n, due in dues.items()))
        with writer.transaction() as transaction:
            for name in names:
                verdict = Verdict.CLEAR if name == "clear.top" else Verdict.BLOCK
                transaction.execute(
                    "INSERT INTO verdict_row (value, scope, since, kind, verdict, reason) "
                    "VALUES (?, 0, 1, 0, ?, 0)",
                    name, code_of(verdict),
                )  # fmt: skip
        with read_transaction(writer.database) as transaction:
            found = select_due_names(transaction, NOW, NOW + timedelta(days=28)).to_list()
            asked = pl.Series(["later.top", "not-yet.top", "guarded.top"])
            of_others = filter_due_names(
                transaction, asked, NOW, NOW + timedelta(days=28)
            ).to_list()
    assert found == ["new.top", "late.top", "later.top", "wrong-clock.top"]
    assert of_others == ["guarded.top", "later.top"]


def test_the_domain_decides_who_is_dead(tmp_path: Path) -> None:
    every = [
        fact("gone.top", "gone.top", Liveness.DEAD),
        fact("shop.gone.top", "gone.top", Liveness.ALIVE),
        fact("there.top", "there.top", Liveness.ALIVE),
        fact("shop.there.top", "there.top", Liveness.PARKED),
    ]
    with open_ledger_writer(tmp_path / "x.db", "update") as writer:
        save_facts(writer, every)
        with read_transaction(writer.database) as transaction:
            lookup = LedgerLookup(transaction.connection)
            names = ("gone.top", "shop.gone.top", "shop.there.top", "a.gone.top", "a.there.top")
            assert [lookup.find_facts(name).get("state") for name in names] == [
                "dead", "dead", "parked", "dead", None,
            ]  # fmt: skip
