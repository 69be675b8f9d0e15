"""Parse RPZ actions: action text -> RpzAction and the data of its records.

The actions are those of draft-vixie-dnsop-dns-rpz, 3: `nxdomain`, `nodata`, `drop`, `tcp-only`,
`passthru`, the addresses of a warning page, or its name.
"""

from enum import StrEnum
from ipaddress import ip_address

from blocklist.errors import InvalidIndicator
from blocklist.indicators.names import canonicalize_name


class RpzAction(StrEnum):
    """What kind of answer a blocked name gets."""

    NXDOMAIN = "nxdomain"
    NODATA = "nodata"
    DROP = "drop"
    TCP_ONLY = "tcp-only"
    PASSTHRU = "passthru"
    #: The addresses of a page that warns, and its name.
    ADDRESS = "address"
    NAME = "name"


#: The data of a row that denies a name, and of one that lets a query pass.
NXDOMAIN_RECORD = "CNAME ."
PASSTHRU_RECORD = "CNAME rpz-passthru."
_RECORD_BY_ACTION = {
    RpzAction.NXDOMAIN: NXDOMAIN_RECORD,
    RpzAction.NODATA: "CNAME *.",
    RpzAction.DROP: "CNAME rpz-drop.",
    RpzAction.TCP_ONLY: "CNAME rpz-tcp-only.",
    RpzAction.PASSTHRU: PASSTHRU_RECORD,
}


def parse_rpz_action(action: str) -> RpzAction:
    """Return what kind of action a text is; raise `Refused` when it is none."""
    if action in _RECORD_BY_ACTION:
        return RpzAction(action)
    if _parse_addresses(action):
        return RpzAction.ADDRESS
    if "." not in canonicalize_name(action):  # more likely one of the words above, misspelt
        raise InvalidIndicator("single-label")
    return RpzAction.NAME


def action_records(action: str) -> tuple[str, ...]:
    """Return the data of the rows that say an action: one, or one for each family of addresses."""
    known = parse_rpz_action(action)
    if known in _RECORD_BY_ACTION:
        return (_RECORD_BY_ACTION[known],)
    if known is RpzAction.NAME:
        return (f"CNAME {canonicalize_name(action)}.",)
    return tuple(f"{'A' if '.' in word else 'AAAA'} {word}" for word in _parse_addresses(action))


def _parse_addresses(action: str) -> list[str]:
    """Return the addresses that a text consists of, or none when it is something else."""
    try:
        return [str(ip_address(word)) for word in action.split()]
    except ValueError:
        return []
