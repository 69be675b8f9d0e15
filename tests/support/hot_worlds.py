"""Installations with a base zone and a hot zone, and their answers."""

from pathlib import Path

import dns.rdatatype
import dns.zone

from blocklist.api.library import Blocklist
from tests.support.worlds import CONFIG

ZONE = '[exports.zone]\ntarget = "rpz"\npath = "out/zone"\nzone = "rpz.test"\n'
HOT = f"{ZONE}hot = true\n"


class World:
    """An installation with a base zone and a hot zone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.base, self.hot = folder / "out/zone", folder / "out/zone.hot"
        self.library = Blocklist.open(folder / "blocklist.toml")

    def configure(self, zone: str) -> None:
        (self.folder / "blocklist.toml").write_text(CONFIG + zone)
        self.library = Blocklist.open(self.folder / "blocklist.toml")

    def lines(self) -> list[str]:
        """Return the rows of the hot zone, without its head and canaries."""
        rows = self.hot.read_text().splitlines()
        return [row for row in rows if " CNAME " in row]

    def blocks(self, query: str) -> bool:
        """Answer as a resolver with both zones, which takes the nearest wildcard."""
        labels = query.split(".")
        owners = [query, *("*." + ".".join(labels[at:]) for at in range(1, len(labels)))]
        for path, origin in ((self.hot, "hot.rpz.test"), (self.base, "rpz.test")):
            zone = dns.zone.from_file(str(path), origin=origin)
            records = [zone.get_rdataset(owner, dns.rdatatype.CNAME) for owner in owners]
            found = next(filter(None, records), None)
            if found is not None:
                return str(found[0].target) == "."
        return False

    def serial(self) -> int:
        zone = dns.zone.from_file(str(self.hot), origin="hot.rpz.test")
        soa = zone.get_rdataset("@", dns.rdatatype.SOA)
        assert soa is not None
        return int(soa[0].serial)


def listed_name(world: World) -> str:
    rows = world.library.releases.show().rows
    return str(rows.filter(kind="domain", action="block")["value"][0])
