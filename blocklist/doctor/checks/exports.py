"""Check the exports: checkers, probes, leftovers and mount points -> findings."""

from collections.abc import Iterator
from functools import partial

from blocklist.atomic_files import find_leftovers, is_mount_point, remove_leftovers
from blocklist.config.loader import Config
from blocklist.doctor.registry import config_check
from blocklist.install.command import find_program
from blocklist.ledger.db.lock import find_lock_holder
from blocklist.status.finding import Finding, warning


@config_check("checkers")
def check_export_checkers(config: Config) -> Iterator[Finding]:
    """Find checkers of consumers that are not installed here."""
    missing: dict[str, list[str]] = {}
    for export in config.exports.values():
        if export.target.check and not find_program(export.target.check[0]):
            missing.setdefault(export.target.check[0], []).append(f"exports.{export.name}")
    for program, exports in missing.items():
        what = f"{program} is not installed, so files are read back but not checked with it"
        yield warning(what, ", ".join(exports), f"install the package that has {program}")


@config_check("probes")
def check_probes(config: Config) -> Iterator[Finding]:
    """Find reloads whose success nothing proves: servers report it for lists that they refused."""
    for name, export in config.exports.items():
        installation = export.installation
        if (
            installation.reload
            and not installation.probe
            and export.target.canary
            and export.canary
        ):
            what = "a reload without a probe: its server may report success for a list it refused"
            yield warning(what, f"exports.{name}", 'name the server, as in: probe = ["127.0.0.1"]')


@config_check("half-made")
def check_leftovers(config: Config) -> Iterator[Finding]:
    """Find temporary files that a killed run left beside an export."""
    if find_lock_holder(config.database):
        return  # the run that holds the lock may be writing them
    for export in config.exports.values():
        for path in find_leftovers(export.path):
            mend = partial(remove_leftovers, export.path)
            what = "left behind by a run that was killed"
            yield warning(what, path, "blocklist doctor --repair", mend)


@config_check("mounts")
def check_mount_points(config: Config) -> Iterator[Finding]:
    """Find files that are mount points, which cannot be replaced in one step."""
    for export in config.exports.values():
        if is_mount_point(export.path):
            what = "is a mount point, so it is written in place, and a reader may see half of it"
            yield warning(what, export.path, "mount its folder instead of the file")
