"""Response policy zones (draft-vixie-dnsop-dns-rpz) that say exactly what the rows mean.

A wildcard ends where a name exists (RFC 4592, 2.2.1 and 3.3.1), and a name exists as soon as
anything below it does: `*.p` beside `a.b.p` blocks neither `b.p` nor `x.b.p`. So no row stands
below a wildcard that says the same, and every other name there, those between included, has two
rows of its own: one for itself and a wildcard. Then BIND, Unbound, PowerDNS and Knot agree.
"""

import polars as pl

from blocklist import names
from blocklist.columns.names import lineage
from blocklist.columns.schema import SCOPE
from blocklist.config import Export
from blocklist.errors import ExportFailed
from blocklist.export.body import Body
from blocklist.export.dialects.comments import about
from blocklist.export.meaning import by_family, nodes, placed
from blocklist.export.safe import checked_names
from blocklist.export.state import ExportState

# Below these, a name is no name but a trigger of another kind: 32.1.2.0.192.rpz-ip is an address.
_TRIGGER = r"(?:^|\.)rpz-[^.]*$"
_BLOCK, _PASS = " CNAME .", " CNAME rpz-passthru."


def head(export: Export, state: ExportState, count: int) -> list[str]:
    """Return the comment and the records of the apex, where nothing else may stand."""
    return [
        *about(export, state, count),
        "$TTL 300",
        f"@ SOA localhost. hostmaster.localhost. {state.serial} 3600 600 604800 300",
        "@ NS localhost.",
    ]


def body(export: Export, rows: pl.DataFrame) -> Body:
    """Return the rows of the zone, families together; owners are relative to the zone.

    What does not fit under the zone's name is left out, and the rest of the zone stands.
    """
    if export.zone is None:
        raise ExportFailed("a response policy zone needs a zone = in its export")
    room = names.MAX_NAME - len(export.zone) - 1
    if room < 1:
        raise ExportFailed(f"zone = {export.zone!r} is so long that no name fits under it")
    checked_names(rows["value"])
    triggers = rows["value"].str.contains(_TRIGGER)
    told, widened = _with_allows_that_fit(rows.filter(~triggers), room)
    entries, counts = _entries(nodes(told), room)
    counts = {"rpz-trigger": int(triggers.sum()), "allow-widened": widened} | counts
    return Body(
        by_family(entries).select(line=_records())["line"],
        entries.filter(pl.col("own") | pl.col("under")).height,
        {reason: count for reason, count in counts.items() if count},
    )


def _with_allows_that_fit(rows: pl.DataFrame, room: int) -> tuple[pl.DataFrame, int]:
    """Put an allow that does not fit on the nearest name above it that does.

    BIND cuts labels off a query until it fits, and so would ask for that very name.
    """
    long = (pl.col("action") == "allow") & (pl.col("value").str.len_bytes() > room)
    lost = rows.filter(long)
    if lost.is_empty():
        return rows, 0
    near = [
        next((up for up in names.lineage(name) if len(up) <= room), None) for name in lost["value"]
    ]
    raised = lost.with_columns(value=pl.Series(near, dtype=pl.String)).drop_nulls("value")
    both = [raised.with_columns(scope=pl.lit(scope, SCOPE)) for scope in ("exact", "subtree")]
    return pl.concat([rows.filter(~long), *both]), lost.height


def _entries(known: pl.DataFrame, room: int) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the names that need rows, and how many blocks did not fit.

    `own` and `under` are what holds for the name and below it, `covered` whether a wildcard stands
    above, and `wildcard` whether the name's own wildcard fits.
    """
    said = placed(known, known).with_columns(pl.col("own", "under").fill_null(pl.col("inherited")))
    needed = said.filter(pl.any_horizontal(pl.col("own", "under") != pl.col("inherited")))
    fitting, counts = _fitting(needed, room)
    between = placed(_between(fitting.filter("covered")), known).filter("covered")
    between = between.with_columns(own="inherited", under="inherited", wildcard=True)
    return pl.concat([fitting, between.select(fitting.columns)]), counts


def _fitting(needed: pl.DataFrame, room: int) -> tuple[pl.DataFrame, dict[str, int]]:
    length, block = pl.col("value").str.len_bytes(), pl.col("own") | pl.col("under")
    alone, cut = length <= room, (length + 2 > room) & (length <= room) & pl.col("under")
    counts = {
        "owner-too-long": (~alone & block) | (cut & ~pl.col("own")),
        "narrowed-to-exact": cut & pl.col("own"),
    }
    counted = needed.select(**{reason: found.sum() for reason, found in counts.items()})
    kept = needed.filter(alone).with_columns(
        under=pl.col("under") & (length + 2 <= room), wildcard=length + 2 <= room
    )
    return kept.filter(block | pl.col("covered")), counted.row(0, named=True)


def _between(deep: pl.DataFrame) -> pl.DataFrame:
    """Return the names above those given that are not among them."""
    above = lineage(deep.select("value"), "value").filter(pl.col("steps") > 0)
    return above.select(value="ancestor").unique().join(deep, on="value", how="anti")


def _records() -> pl.Expr:
    """Return the records of one name: its own and its wildcard's, as far as it needs them.

    Where no wildcard stands above, what is not blocked needs no row.
    """
    passing = pl.when("covered").then(pl.lit(_PASS))
    own = pl.col("value") + pl.when("own").then(pl.lit(_BLOCK)).otherwise(passing)
    under = pl.when("under").then(pl.lit(_BLOCK)).otherwise(passing)
    wild = pl.when("wildcard").then("*." + pl.col("value") + under)
    return pl.concat_str(own, wild, separator="\n", ignore_nulls=True)
