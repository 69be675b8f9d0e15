"""Report guards that new block entries overrule: guards, change -> warnings."""

import polars as pl

from blocklist.judge.guards import Guards, match_name_guards
from blocklist.judge.judge import match_network_guards
from blocklist.ledger.releases.verdicts import VerdictChange
from blocklist.model import Kind, Reason


def describe_overruled_guards(guards: Guards, change: VerdictChange) -> list[str]:
    """Return what comes to be blocked by the operator although it is guarded, in words."""
    mine = change.added_blocks.filter(pl.col("reason") == Reason.OPERATOR.value)
    if mine.is_empty():  # nearly always, and guards take a while
        return []
    names, networks = (
        mine.filter(pl.col("kind") == kind.value)["value"] for kind in (Kind.DOMAIN, Kind.IP)
    )
    registrable = guards.suffixes.registrable_domains(names)
    candidates = pl.DataFrame({"value": names, "registrable": registrable})
    hits = [match_name_guards(guards, candidates), match_network_guards(guards.entries, networks)]
    found = pl.concat([hit.select("value", "class", "cause") for hit in hits]).sort("value")
    return [
        f"{value} is blocked by your entry, although it is {guard}: {cause}"
        for value, guard, cause in found.iter_rows()
    ]
