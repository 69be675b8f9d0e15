"""Check name resolution: resolvers and GeoIP files -> findings."""

import time
from collections.abc import Iterator
from pathlib import Path

from blocklist.config.loader import Config
from blocklist.doctor.registry import config_check
from blocklist.errors import StorageError
from blocklist.geoip import GeoIpDatabase
from blocklist.resolve.dns.servers import select_resolvers
from blocklist.status.finding import Finding, problem, warning

#: Networks move between countries, so older files give wrong countries.
_MAX_AGE_DAYS = 90
_FREE_SOURCES = "free ones: db-ip.com/db/lite.php, ipinfo.io/lite, github.com/sapics/ip-location-db"


@config_check("resolvers")
def check_resolvers(config: Config) -> Iterator[Finding]:
    """Find that names cannot be found dead: two resolvers must agree on that."""
    if config.resolve.enabled and len(select_resolvers(config.resolve.servers)) == 1:
        what = "there is only one resolver, so no name is ever reported as dead"
        yield warning(what, "resolve.servers", "give a second one that does not filter")


@config_check("places")
def check_geoip_files(config: Config) -> Iterator[Finding]:
    """Find GeoIP files that are missing, unreadable or too old."""
    files = {key: getattr(config.resolve, key) for key in ("country", "asn")}
    if config.resolve.enabled and not any(files.values()):
        what = "no file gives the countries and networks of addresses"
        yield warning(what, "resolve.country", f"{_FREE_SOURCES}; download one, and set the key")
    for key, name in files.items():
        if name:
            yield from _check_geoip_file(f"resolve.{key}", Path(name))


def _check_geoip_file(key: str, path: Path) -> Iterator[Finding]:
    try:
        with GeoIpDatabase(path) as database:
            database.locate("192.0.2.1")
    except StorageError as error:
        yield problem(str(error), key, f"{_FREE_SOURCES}; or remove the key")
        return
    days = int((time.time() - path.stat().st_mtime) / 86400)
    if days > _MAX_AGE_DAYS:
        what = f"{path} is {days} days old, and networks move between countries"
        yield warning(what, key, f"download it again; {_FREE_SOURCES}")
