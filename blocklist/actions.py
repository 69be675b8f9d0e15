"""What a response policy zone does to a query for a blocked name (draft-vixie-dnsop-dns-rpz, 3).

An action is written as `nxdomain`, `nodata`, `drop`, `tcp-only`, `passthru`, as the addresses of a
page that warns, or as its name.
"""

from enum import StrEnum
from ipaddress import ip_address

from blocklist.errors import Refused
from blocklist.names import canonical


class Action(StrEnum):
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
NXDOMAIN = "CNAME ."
LET_THROUGH = "CNAME rpz-passthru."
_DATA = {
    Action.NXDOMAIN: NXDOMAIN,
    Action.NODATA: "CNAME *.",
    Action.DROP: "CNAME rpz-drop.",
    Action.TCP_ONLY: "CNAME rpz-tcp-only.",
    Action.PASSTHRU: LET_THROUGH,
}


def kind(action: str) -> Action:
    """Return what kind of action a text is; raise `Refused` when it is none."""
    if action in _DATA:
        return Action(action)
    if _addresses(action):
        return Action.ADDRESS
    if "." not in canonical(action):  # more likely one of the words above, misspelt
        raise Refused("single-label")
    return Action.NAME


def records(action: str) -> tuple[str, ...]:
    """Return the data of the rows that say an action: one, or one for each family of addresses."""
    known = kind(action)
    if known in _DATA:
        return (_DATA[known],)
    if known is Action.NAME:
        return (f"CNAME {canonical(action)}.",)
    return tuple(f"{'A' if '.' in word else 'AAAA'} {word}" for word in _addresses(action))


def _addresses(action: str) -> list[str]:
    """Return the addresses that a text consists of, or none when it is something else."""
    try:
        return [str(ip_address(word)) for word in action.split()]
    except ValueError:
        return []
