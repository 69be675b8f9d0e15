"""Register the formats: to add one, write a module and add a row here."""

from blocklist.parse.format import Format
from blocklist.parse.formats import (
    adblock,
    csv,
    dnsmasq,
    domains,
    hosts,
    ips,
    json,
    maltrail,
    misp,
    rpz,
    stix,
    unbound,
    urls,
    wildcard,
)

_FORMAT_MODULES = (
    stix,
    misp,
    json,
    hosts,
    ips,
    domains,
    wildcard,
    urls,
    adblock,
    dnsmasq,
    unbound,
    rpz,
    maltrail,
    csv,
)
#: In the order in which `detect` prefers formats that read a snapshot equally well.
FORMATS: dict[str, Format] = {module.FORMAT.name: module.FORMAT for module in _FORMAT_MODULES}
