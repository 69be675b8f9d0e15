"""Parse RPZ actions: action text -> RpzAction and the data of its records.

The actions are those of draft-vixie-dnsop-dns-rpz, 3: `nxdomain`, `nodata`, `drop`, `tcp-only`,
`passthru`, the addresses of a warning page, or its name.
"""

from enum import StrEnum
from ipaddress import ip_address

from blocklist.errors import InvalidIndicator
from blocklist.indicators.names import canonicalize_name


class RpzAction(StrEnum):
    """The kind of answer to a query for a blocked name."""

    NXDOMAIN = "nxdomain"
    NODATA = "nodata"
    DROP = "drop"
    TCP_ONLY = "tcp-only"
    PASSTHRU = "passthru"
    #: The addresses of a warning page, or its name.
    ADDRESS = "address"
    NAME = "name"


#: The data of a record that denies a name, and of one that lets a query pass.
NXDOMAIN_RECORD = "CNAME ."
PASSTHRU_RECORD = "CNAME rpz-passthru."
# BIND refuses a zone with more records of one type at an owner (max-records-per-type).
_MAX_RECORDS = 100
_RECORD_BY_ACTION = {
    RpzAction.NXDOMAIN: NXDOMAIN_RECORD,
    RpzAction.NODATA: "CNAME *.",
    RpzAction.DROP: "CNAME rpz-drop.",
    RpzAction.TCP_ONLY: "CNAME rpz-tcp-only.",
    RpzAction.PASSTHRU: PASSTHRU_RECORD,
}


def parse_rpz_action(action: str) -> RpzAction:
    """Return the kind of an action; raise `InvalidIndicator` for a text that is no action."""
    if action in _RECORD_BY_ACTION:
        return RpzAction(action)
    if _parse_addresses(action):
        return RpzAction.ADDRESS
    if "." not in canonicalize_name(action):  # probably a misspelt action
        raise InvalidIndicator("single-label")
    return RpzAction.NAME


def action_records(action: str) -> tuple[str, ...]:
    """Return the data of the records of an action: one, or one for each address."""
    kind = parse_rpz_action(action)
    if kind in _RECORD_BY_ACTION:
        return (_RECORD_BY_ACTION[kind],)
    if kind is RpzAction.NAME:
        return (f"CNAME {canonicalize_name(action)}.",)
    return tuple(f"{'A' if '.' in word else 'AAAA'} {word}" for word in _parse_addresses(action))


def _parse_addresses(action: str) -> list[str]:
    """Return the different addresses of a text; none if it has anything else.

    Raise `InvalidIndicator` for more addresses of a family than BIND loads at one owner.
    """
    try:
        addresses = dict.fromkeys(map(ip_address, action.split()))
    except ValueError:
        return []
    texts = list(map(str, addresses))
    if any("%" in text for text in texts):  # a zone of IPv6, which no record can have
        return []
    versions = [address.version for address in addresses]
    if any(versions.count(version) > _MAX_RECORDS for version in (4, 6)):
        raise InvalidIndicator("too-long")
    return texts
