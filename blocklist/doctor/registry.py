"""All checks by name, in the order in which they run and are shown."""

import sqlite3
from collections.abc import Callable, Iterable

from blocklist.config.loader import Config
from blocklist.doctor.checks.configuration import (
    check_export_checkers,
    check_lineage,
    check_secrets,
    check_sources,
)
from blocklist.doctor.checks.ledger import (
    check_allow_entries,
    check_clock,
    check_exports,
    check_feeds,
    check_guards,
    check_last_run,
)
from blocklist.doctor.checks.leftovers import check_integrity, check_leftovers
from blocklist.doctor.checks.machine import (
    check_disk_space,
    check_folders,
    check_lock,
    check_system_resolver,
)
from blocklist.doctor.checks.resolving import check_geoip_files, check_resolvers
from blocklist.doctor.checks.servers import check_servers
from blocklist.doctor.finding import Finding

#: Checks that need nothing but the configuration.
CONFIG_CHECKS: dict[str, Callable[[Config], Iterable[Finding]]] = {
    "sources": check_sources,
    "lineage": check_lineage,
    "secrets": check_secrets,
    "checkers": check_export_checkers,
    "folders": check_folders,
    "disk": check_disk_space,
    "resolver": check_system_resolver,
    "resolvers": check_resolvers,
    "places": check_geoip_files,
    "lock": check_lock,
    "half-made": check_leftovers,
}
#: Checks of what the ledger says; made when there is one of this version.
LEDGER_CHECKS: dict[str, Callable[[Config, sqlite3.Connection], Iterable[Finding]]] = {
    "clock": check_clock,
    "run": check_last_run,
    "guards": check_guards,
    "feeds": check_feeds,
    "allows": check_allow_entries,
    "exports": check_exports,
    "servers": check_servers,
    "integrity": check_integrity,
}
