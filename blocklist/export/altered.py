"""Exports of a release of which little is new: the file in place, with what the families need.

A file is proved by induction. The one in place was proved when it was written, and its content is
still the one with that digest. What a file says of a name follows from the lines about the names
at, above and below it, all of which are in one family. So the new file is right if it is the old
one with the lines of the touched families in place of those that they had, which is undone to see,
and if these lines, read back alone, answer what the release says of these families.
"""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import polars as pl

from blocklist.columns.names import sort_key
from blocklist.config import Export
from blocklist.export import canary
from blocklist.export.behind import Behind
from blocklist.export.body import Body
from blocklist.export.dialects import dialect, lines, rpz
from blocklist.export.families import Families, within
from blocklist.export.prepared import Ready, finished, headed, naming
from blocklist.export.prove import prove
from blocklist.export.splice import Astray, Splice, Spliced
from blocklist.export.state import ExportState
from blocklist.files import beside
from blocklist.ledger.exports import ExportRecord
from blocklist.model import Kind
from blocklist.targets import Lists

_NAMES = {"lines": lines.name, "rpz": rpz.name}
_ENTRY = ["value", "text"]


@dataclass(frozen=True, slots=True)
class Standing:
    """The file in place, which is the one of the release in force."""

    state: ExportState
    made: ExportRecord
    #: The feeds that its head names.
    credits: tuple[str, ...]


def is_simple(export: Export) -> bool:
    """Return whether all that decides about a name in an export is a release's rows on names."""
    target = export.target
    asks = export.asks_who or export.asks_where or export.alive or export.held_pages
    plain = target.kinds == (Kind.DOMAIN,) and target.lists is Lists.BLOCKS and not target.foot
    told = target.dialect in _NAMES and (target.dialect != "lines" or lines.tells_names(export))
    return plain and told and not asks and not export.kinds


def altered(
    export: Export,
    families: Families,
    standing: Standing,
    release: int,
    now: datetime,
    behind: Behind,
) -> Ready:
    """Make the new file of the one in place, and prove it; as `prepared.prepared`.

    Raise `Astray` where that cannot be done, and it is to be rendered whole.
    """
    with naming(export):
        old, new = (_rendered(export, rows) for rows in (families.old, families.new))
        body = _spliced(export, standing, old, new)
        left = Counter(standing.made.left_out)
        left.subtract(old.left_out)
        left.update(new.left_out)
        left.update({f"kind-{kind}": count for kind, count in families.others.items()})
        count = standing.made.row_count - old.count + new.count
        if min(count, standing.made.row_count) < 1 or min(left.values(), default=0) < 0:
            raise Astray
        left_out = {reason: count for reason, count in left.items() if count}
        body = replace(body, count=count, left_out=left_out, credits=behind.feeds)

        def proof(state: ExportState, file: Path) -> None:
            body.splice.require(file, len(headed(export, state, body)))
            watched = behind.watched()
            near = watched.filter(within(watched["value"], families.tops))
            _prove_alone(export, state, families.new, new, near)

        return finished(export, body, release, standing.state, now, proof)


def _rendered(export: Export, rows: pl.DataFrame) -> Body:
    return dialect(export.target.dialect).body(export, canary.left_to_us(export, rows))


def _spliced(export: Export, standing: Standing, old: Body, new: Body) -> Spliced:
    before, after = _entries(old), _entries(new)
    gone = before.join(after, on=_ENTRY, how="anti")
    come = after.join(before, on=_ENTRY, how="anti")
    return Spliced(
        (),
        0,
        {},
        splice=Splice(
            export.path,
            _start(export, standing),
            standing.state.digest,
            known=_keyed(before.with_columns(goes=pl.col("value").is_in(gone["value"].implode()))),
            come=_keyed(come),
            name=_NAMES[export.target.dialect](export),
        ),
    )


def _entries(body: Body) -> pl.DataFrame:
    """Return `value` and `text` of the entries of a list of names."""
    parts = [part for part in body.parts if not part.rows.is_empty()]
    none = pl.DataFrame(schema=dict.fromkeys(_ENTRY, pl.String))
    return pl.concat([none, *(part.rows.select("value", text=part.line) for part in parts)])


def _keyed(entries: pl.DataFrame) -> pl.DataFrame:
    """Return entries with the `key` of their names in its place, in the order of the file."""
    return entries.select(pl.exclude("value"), key=sort_key(pl.col("value"))).sort("key")


def _start(export: Export, standing: Standing) -> int:
    """Return where the content of the file in place begins."""
    made = standing.made
    head = headed(export, standing.state, Body((), made.row_count, made.left_out, standing.credits))
    try:
        with export.path.open("rb") as file:
            found = file.read(len(head))
    except OSError:
        raise Astray from None
    if found != head:
        raise Astray
    return len(head)


def _prove_alone(
    export: Export, state: ExportState, rows: pl.DataFrame, body: Body, watched: pl.DataFrame
) -> None:
    """Read the entries of the touched families back as a file of their own."""
    with beside(export.path) as file:
        try:
            file.write_bytes(headed(export, state, body) + b"".join(body.chunks()))
            taken = canary.left_to_us(export, rows)
            prove(export, state, file, taken, body.count, watched)
        finally:
            file.unlink()
