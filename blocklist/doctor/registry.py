"""All checks by name, in the order in which they are made and shown."""

import sqlite3
from collections.abc import Callable, Iterable

from blocklist.config import Config
from blocklist.doctor import configured, machine, recorded, resolving, served, whole
from blocklist.doctor.finding import Finding

#: Checks that need nothing but the configuration.
CONFIG_CHECKS: dict[str, Callable[[Config], Iterable[Finding]]] = {
    "sources": configured.check_sources,
    "lineage": configured.check_lineage,
    "secrets": configured.check_secrets,
    "checkers": configured.check_export_checkers,
    "folders": machine.check_folders,
    "disk": machine.check_disk_space,
    "resolver": machine.check_system_resolver,
    "resolvers": resolving.check_resolvers,
    "places": resolving.check_geoip_files,
    "lock": machine.check_lock,
    "half-made": whole.check_leftovers,
}
#: Checks of what the ledger says; made when there is one of this version.
LEDGER_CHECKS: dict[str, Callable[[Config, sqlite3.Connection], Iterable[Finding]]] = {
    "clock": recorded.check_clock,
    "run": recorded.check_last_run,
    "guards": recorded.check_guards,
    "feeds": recorded.check_feeds,
    "allows": recorded.check_allow_entries,
    "exports": recorded.check_exports,
    "servers": served.check_servers,
    "integrity": whole.check_integrity,
}
