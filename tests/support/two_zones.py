"""A server with a hot zone before its base zone: zone files -> the answers to queries."""

import dns.name
import dns.rdatatype
import dns.zone

from tests.support.name_model import existing_names, is_blocked_by_zone

PASSTHRU = dns.name.from_text("rpz-passthru.")
#: What zones need beside their rows.
HEAD = "$TTL 300\n@ SOA localhost. h.localhost. 1 1 1 1 1\n@ NS localhost.\n"


class TwoZones:
    """Zones, given as texts, in the order in which a resolver looks into them."""

    def __init__(self, *texts: str, origin: str = "rpz.test") -> None:
        self._zones = [dns.zone.from_text(text, origin=origin) for text in texts]
        self._existing = [existing_names(zone) for zone in self._zones]

    def blocks_in_bind(self, query: str) -> bool:
        """Answer by RFC 4592: a name that exists hides the wildcards above it."""
        for zone, existing in zip(self._zones, self._existing, strict=True):
            if is_blocked_by_zone(zone, existing, query, PASSTHRU):
                return False
            if is_blocked_by_zone(zone, existing, query):
                return True
        return False

    def blocks_in_powerdns(self, query: str) -> bool:
        """Answer by the nearest wildcard above, whatever exists."""
        labels = query.split(".")
        owners = [query, *("*." + ".".join(labels[at:]) for at in range(1, len(labels)))]
        for zone in self._zones:
            records = [zone.get_rdataset(owner, dns.rdatatype.CNAME) for owner in owners]
            found = next(filter(None, records), None)
            if found is not None:
                return bool(found[0].target == dns.name.root)
        return False
