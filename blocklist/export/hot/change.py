"""Load the change that a hot zone holds: two releases -> the rows near the changed names in both.

Only rows at, above and below the changed names are loaded, so nothing grows with the list.
"""

from dataclasses import dataclass
from itertools import chain

import polars as pl

from blocklist.config.exports import Export
from blocklist.errors import NotHot
from blocklist.export.render.canary import exclude_canary_rows
from blocklist.frames.schemas import RELEASE
from blocklist.indicators.names import name_and_ancestors
from blocklist.ledger.db.transaction import Transaction
from blocklist.ledger.lookup import LedgerLookup, VerdictRecord
from blocklist.ledger.point_in_time import PointInTime
from blocklist.ledger.releases.verdicts import list_changed_values
from blocklist.model import Kind, Verdict

#: More changed names, or more names below one of them, are left to the base zone. Each changed
#: name is searched in every pack of names.
_MAX_CHANGED, _MAX_BELOW = 50, 2000


@dataclass(frozen=True)
class HotChange:
    """What changed between two releases: rows (schema `RELEASE`) of both, and the names."""

    old_rows: pl.DataFrame
    new_rows: pl.DataFrame
    changed: pl.Series


def load_hot_change(transaction: Transaction, export: Export, old: int, new: int) -> HotChange:
    """Return the rows near the names that changed between two releases.

    Raise `NotHot` if too many changed, or if the old release was pruned.
    """
    sql = "SELECT 1 FROM release WHERE number = ? AND NOT pruned"
    if transaction.execute(sql, old).fetchone() is None:
        raise NotHot(f"release {old} was pruned")
    names = list_changed_values(transaction, Kind.DOMAIN, after=old, upto=new)
    if names.len() > _MAX_CHANGED:
        raise NotHot(f"{names.len()} names changed since release {old}")
    old_rows, new_rows = (_load_rows(transaction, export, names, at) for at in (old, new))
    parts = [
        rows.join(others, on=RELEASE.names(), how="anti")
        for rows, others in ((old_rows, new_rows), (new_rows, old_rows))
    ]
    return HotChange(old_rows, new_rows, pl.concat(parts)["value"].unique().sort())


def _load_rows(
    transaction: Transaction, export: Export, names: pl.Series, release: int
) -> pl.DataFrame:
    lookup = LedgerLookup(transaction.connection, PointInTime(release, 0))
    around = {up for name in names for up in name_and_ancestors(name)}
    records = lookup.find_verdicts(sorted(around))
    for name in names:
        below = lookup.find_names_below(name, _MAX_BELOW)
        if len(below) == _MAX_BELOW:
            raise NotHot(f"too many names are below {name}")
        records += below
    rows = [_to_row(record) for record in dict.fromkeys(chain(records)) if record.is_exported]
    names_only = pl.DataFrame(rows, schema=RELEASE, orient="row").filter(kind=Kind.DOMAIN.value)
    return exclude_canary_rows(export, names_only)


def _to_row(record: VerdictRecord) -> tuple[str, str, str, str]:
    is_block = record.verdict is Verdict.BLOCK
    action = Verdict.BLOCK if is_block else Verdict.ALLOW
    return (record.kind.value, record.value, record.scope.value, action.value)
