"""All checks by name, in the order in which they are made and shown."""

import sqlite3
from collections.abc import Callable, Iterable

from blocklist.config import Config
from blocklist.doctor import configured, machine, recorded, resolving, served, whole
from blocklist.doctor.finding import Finding

#: Checks that need nothing but the configuration.
CHECKS: dict[str, Callable[[Config], Iterable[Finding]]] = {
    "sources": configured.sources,
    "lineage": configured.lineage,
    "secrets": configured.secrets,
    "checkers": configured.checkers,
    "folders": machine.folders,
    "disk": machine.disk,
    "resolver": machine.resolver,
    "resolvers": resolving.resolvers,
    "places": resolving.places,
    "lock": machine.in_use,
    "half-made": whole.half_made,
}
#: Checks of what the ledger says; made when there is one of this version.
LEDGER_CHECKS: dict[str, Callable[[Config, sqlite3.Connection], Iterable[Finding]]] = {
    "clock": recorded.clock,
    "run": recorded.unfinished,
    "guards": recorded.guards,
    "feeds": recorded.feeds,
    "allows": recorded.allows,
    "exports": recorded.exports,
    "servers": served.servers,
    "integrity": whole.integrity,
}
