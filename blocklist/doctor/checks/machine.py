"""Check the machine: folders, system resolver and lock -> findings."""

from collections.abc import Iterator

from blocklist.config.loader import Config
from blocklist.doctor.registry import config_check
from blocklist.ledger.db.lock import find_lock_holder, lock_path
from blocklist.status.finding import Finding, problem, warning
from blocklist.status.machine import explain_unwritable


@config_check("folders")
def check_folders(config: Config) -> Iterator[Finding]:
    """Find paths of the exports that cannot be written; the status has the database."""
    for name, export in config.exports.items():
        cause = explain_unwritable(export.path)
        if cause:
            remedy = f"let this user write there, or set another exports.{name}.path"
            yield problem(cause, export.path, remedy)


@config_check("resolver")
def check_system_resolver(_config: Config) -> Iterator[Finding]:
    """Find that the system has no resolver, which remote feeds and `resolve` need."""
    import dns.exception
    import dns.resolver

    try:
        servers = dns.resolver.Resolver().nameservers
    except dns.exception.DNSException:
        servers = []
    if not servers:
        what = "the system names no resolver, so no feed on the network can be reached"
        yield problem(what, "/etc/resolv.conf", "name one there, as in: nameserver 192.0.2.53")


@config_check("lock")
def check_lock(config: Config) -> Iterator[Finding]:
    """Find another command that is writing: nothing else can write until it has ended."""
    holder = find_lock_holder(config.database)
    if holder:
        what = f"in use by {holder}"
        yield warning(what, lock_path(config.database), "wait until it has ended")
