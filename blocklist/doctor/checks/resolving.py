"""Checks of name resolution: resolvers and GeoIP files -> findings."""

import time
from collections.abc import Iterator
from pathlib import Path

from blocklist.config.loader import Config
from blocklist.doctor.finding import Finding, problem, warning
from blocklist.errors import StorageError
from blocklist.geoip import GeoIpDatabase
from blocklist.resolve.dns.servers import select_resolvers

#: Networks change hands: a file that is older tells yesterday's countries.
_MAX_AGE_DAYS = 90
_FREE_SOURCES = "free ones: db-ip.com/db/lite.php, ipinfo.io/lite, github.com/sapics/ip-location-db"


def check_resolvers(config: Config) -> Iterator[Finding]:
    """Find that no name can ever be found dead, for two resolvers must say so."""
    if config.resolve.enabled and len(select_resolvers(config.resolve.servers)) == 1:
        what = "there is one resolver, and alone it finds no name dead"
        yield warning(what, "resolve.servers", "name a second one that does not filter")


def check_geoip_files(config: Config) -> Iterator[Finding]:
    """Find files that should tell where addresses are, and do not, or not any more."""
    files = {key: getattr(config.resolve, key) for key in ("country", "asn")}
    if config.resolve.enabled and not any(files.values()):
        what = "no file says in which country and network addresses are"
        yield warning(what, "resolve.country", f"{_FREE_SOURCES}; get one, and set it")
    for key, name in files.items():
        if name:
            yield from _check_geoip_file(f"resolve.{key}", Path(name))


def _check_geoip_file(key: str, path: Path) -> Iterator[Finding]:
    try:
        with GeoIpDatabase(path) as atlas:
            atlas.locate("192.0.2.1")
    except StorageError as error:
        yield problem(str(error), key, f"{_FREE_SOURCES}; or take the key out")
        return
    days = int((time.time() - path.stat().st_mtime) / 86400)
    if days > _MAX_AGE_DAYS:
        what = f"{path} is {days} days old, and networks move between countries"
        yield warning(what, key, f"get it anew; {_FREE_SOURCES}")
