"""Checks of the configuration: sources, lineage, secrets and export checkers -> findings."""

from collections.abc import Iterator

from blocklist.collect.update import select_feeds
from blocklist.config.feeds import EXTERNAL_PREFIX
from blocklist.config.loader import Config
from blocklist.config.toml import suggest_name
from blocklist.doctor.finding import Finding, problem, warning
from blocklist.fetch.credentials import fill_credentials
from blocklist.fetch.types import FetchError
from blocklist.install.command import find_program
from blocklist.model import GuardClass


def check_sources(config: Config) -> Iterator[Finding]:
    """Find that nothing is listed, that famous names have no guard, or an unknown format."""
    file = config.path or "no blocklist.toml; make one with: blocklist init"
    feeds = select_feeds(config, [])
    if all(feed.guard for feed in feeds):
        remedy = "switch a feed on, or add one: blocklist feeds list, blocklist feeds add FILE"
        yield warning("no feed is enabled, so nothing is ever blocked", file, remedy)
    if not any(feed.guard is GuardClass.POPULAR for feed in feeds):
        what = "no top list is enabled, so only the names of the core are safe from a feed's slip"
        yield warning(what, file, "enable a guard: blocklist feeds list --category popular")


def check_lineage(config: Config) -> Iterator[Finding]:
    """Find sources of feeds that nobody knows: an echo of a typing error keeps its own voice."""
    known = {**config.feeds, **config.guards}
    for feed in config.enabled_sources:
        for source in feed.lineage:
            if source not in known and not source.startswith(EXTERNAL_PREFIX):
                what = f"{source!r} is no feed{suggest_name(source, known)}"
                remedy = (
                    f"name a feed, or write {EXTERNAL_PREFIX}{source} for a source that is none"
                )
                yield warning(what, f"{feed.config_key}.lineage", remedy)


def check_secrets(config: Config) -> Iterator[Finding]:
    """Find tokens that feeds need and that are not there."""
    for feed in config.enabled_sources:
        try:
            for url in feed.urls:
                fill_credentials(feed, url)
        except FetchError as error:
            yield problem(
                str(error), feed.config_key, "set it where blocklist runs, or disable the feed"
            )


def check_export_checkers(config: Config) -> Iterator[Finding]:
    """Find consumers' own checkers that are not installed here."""
    lacking: dict[str, list[str]] = {}
    for export in config.exports.values():
        if export.target.check and not find_program(export.target.check[0]):
            lacking.setdefault(export.target.check[0], []).append(f"exports.{export.name}")
    for program, exports in lacking.items():
        what = f"{program} is not installed, so files are read back but not checked with it"
        yield warning(what, ", ".join(exports), f"install the package that has {program}")
