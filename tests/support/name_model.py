"""Random rows for names, and independent lookups: in the rows themselves, and in a zone.

The zone is parsed by dnspython, and its lookup follows RFC 4592 word for word.
"""

import dns.name
import dns.zone
from dns.rdatatype import CNAME
from hypothesis import strategies as st

#: Name, scope and action.
Row = tuple[str, str, str]
LABELS = ["a", "b"]
_names = st.lists(st.sampled_from(LABELS), min_size=1, max_size=5).map(".".join)
_rows = st.tuples(
    _names, st.sampled_from(["exact", "subtree", "below"]), st.sampled_from(["block", "allow"])
)
releases = st.lists(_rows, min_size=1, max_size=9)


def _all_names(depth: int, labels: list[str]) -> list[str]:
    names = {""}
    for _ in range(depth):
        names |= {f"{label}.{name}".rstrip(".") for label in labels for name in names}
    return sorted(names - {""})


QUERIES = _all_names(6, LABELS) + ["z." + name for name in _all_names(5, LABELS)]


def is_blocked_by_rows(rows: list[Row], query: str) -> bool:
    """Return whether the most specific covering row blocks; exact is first, allow wins a tie."""
    covering = _rank_covering(rows, query)
    return bool(covering) and not max(covering)[2]


def is_allowed_by_rows(rows: list[Row], query: str) -> bool:
    """Return whether the most specific covering row allows."""
    covering = _rank_covering(rows, query)
    return bool(covering) and max(covering)[2]


def _rank_covering(rows: list[Row], query: str) -> list[tuple[int, bool, bool]]:
    return [
        (name.count("."), scope == "exact", action == "allow")
        for name, scope, action in rows
        if (query == name and scope != "below") or (query.endswith(f".{name}") and scope != "exact")
    ]


def is_blocked_by_zone(
    zone: dns.zone.Zone,
    existing: set[dns.name.Name],
    query: str,
    target: dns.name.Name = dns.name.root,
) -> bool:
    """Return whether a zone blocks a query; `existing` is from `existing_names`.

    With the target of another policy, return whether the zone has that policy for the query.
    """
    name = dns.name.from_text(query, None)
    if name not in existing:
        encloser = name
        while encloser not in existing:
            encloser = encloser.parent()
        name = dns.name.Name(("*", *encloser.labels))
    records = zone.get_rdataset(name, CNAME)
    return records is not None and records[0].target == target


def existing_names(zone: dns.zone.Zone) -> set[dns.name.Name]:
    """Return the owners of a zone and all names above them."""
    names = {dns.name.empty}
    for owner in zone.nodes:
        names |= {dns.name.Name(owner.labels[start:]) for start in range(len(owner.labels))}
    return names
