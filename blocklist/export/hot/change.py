"""Load the change that a hot zone holds: a span of releases -> rows near the changed names in each.

Only rows at, above and below the changed names are loaded, so nothing grows with the list.
"""

from dataclasses import dataclass

import polars as pl

from blocklist.config.exports import Export
from blocklist.errors import NotHot
from blocklist.export.hot.span import HotSpan
from blocklist.export.render.canary import exclude_canary_rows
from blocklist.frames.schemas import RELEASE
from blocklist.ledger.db.transaction import Transaction
from blocklist.ledger.releases.name_history import (
    NAME_HISTORY,
    list_decided_values,
    load_history_above,
    load_history_below,
    select_release,
)
from blocklist.ledger.releases.verdicts import list_changed_values
from blocklist.model import Kind

#: More changed names, or more names below them, are left to the base zone.
_MAX_CHANGED, _MAX_BELOW = 50, 2000


@dataclass(frozen=True)
class HotChange:
    """What changed: rows (schema `RELEASE`) of each base zone and of the release, and the names."""

    #: The rows of each release that a server's base zone may be of.
    old_rows: list[pl.DataFrame]
    new_rows: pl.DataFrame
    #: The names whose answers are led to those of the release, with the names below them.
    changed: pl.Series


def load_hot_change(transaction: Transaction, export: Export, span: HotSpan) -> HotChange:
    """Return the rows near the names that changed in a span of releases.

    Raise `NotHot` if too many changed, or if the release of the base zone was pruned.
    """
    sql = "SELECT 1 FROM release WHERE number = ? AND NOT pruned"
    if transaction.execute(sql, span.base).fetchone() is None:
        raise NotHot(f"release {span.base} was pruned")
    list_values = list_decided_values if span.only_decided else list_changed_values
    names = list_values(transaction, Kind.DOMAIN, after=span.base, upto=span.release)
    if names.len() > _MAX_CHANGED:
        raise NotHot(f"{names.len()} names changed since release {span.base}")
    history = _load_history(transaction, names.to_list(), span)
    old_rows = [
        exclude_canary_rows(export, select_release(history, number))
        for number in _list_bases(history, span)
    ]
    new_rows = exclude_canary_rows(export, select_release(history, span.release))
    return HotChange(old_rows, new_rows, _select_changed(names, old_rows, new_rows))


def _load_history(transaction: Transaction, names: list[str], span: HotSpan) -> pl.DataFrame:
    """Return the rows at, above and below names (schema `NAME_HISTORY`)."""
    if not names:
        return NAME_HISTORY.to_frame()
    first, last = span.base, span.release
    below = load_history_below(transaction, names, first=first, last=last, limit=_MAX_BELOW)
    if below.height == _MAX_BELOW:
        raise NotHot(f"too many names are below {', '.join(names)}")
    above = load_history_above(transaction, names, first=first, last=last)
    return pl.concat([above, below]).unique()


def _list_bases(history: pl.DataFrame, span: HotSpan) -> list[int]:
    """Return the releases that a base zone may be of, without those that have the rows of another.

    A process that installs a base zone may have begun with any release that was current since.
    """
    if not span.may_be_replaced:
        return [span.base]
    moments = pl.concat([history["since"], history["until"]]).drop_nulls().unique().sort()
    between = moments.filter((moments > span.base) & (moments < span.release))
    return [span.base, *between]


def _select_changed(
    names: pl.Series, old_rows: list[pl.DataFrame], new_rows: pl.DataFrame
) -> pl.Series:
    """Return the names that have other rows in one of the base zones than in the release."""
    differences = [
        rows.join(others, on=RELEASE.names(), how="anti")
        for old in old_rows
        for rows, others in ((old, new_rows), (new_rows, old))
    ]
    differing = pl.concat(differences)["value"].unique()
    return names.filter(names.is_in(differing.implode())).sort()
