"""Which exports of a release that is not out yet can be made of the files in place."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from blocklist.catalogue import RESOLVED
from blocklist.config import Config, Export
from blocklist.export import filters
from blocklist.export.altered import Standing, altered, is_simple
from blocklist.export.behind import Behind
from blocklist.export.families import Families, touched
from blocklist.export.prepared import Ready, Unproved
from blocklist.export.splice import Astray
from blocklist.export.standing import ingredients, stands, states
from blocklist.export.state import ExportState
from blocklist.ledger import exports, listings, releases
from blocklist.ledger.book import LedgerWriter
from blocklist.ledger.bulk import BulkTransaction
from blocklist.release.prospect import Prospect


@dataclass(frozen=True)
class Alterations:
    """What it takes to make new files of those in place."""

    release: int
    families: Families
    #: The files in place, by the names of their exports.
    standing: dict[str, Standing]
    behind: dict[str, Behind]
    #: Tells a person what could not be proved.
    say: Callable[[str], None]

    def ready(self, export: Export) -> Ready | None:
        """Return the export, ready and proved; none where it is to be rendered whole.

        What could not be proved so may be right when it is rendered whole, or wrong for good.
        """
        standing, behind = self.standing[export.name], self.behind[export.name]
        now = datetime.now(UTC)
        try:
            return altered(export, self.families, standing, self.release, now, behind)
        except Astray:
            return None
        except Unproved as fault:
            self.say(f"{fault}; rendering it whole")
            return None


def alterations(
    book: LedgerWriter,
    config: Config,
    prospect: Prospect,
    wanted: list[Export],
    watched: pl.DataFrame,
    say: Callable[[str], None],
) -> Alterations | None:
    """Return how exports are altered for a release, or none where all are to be rendered whole."""
    past = prospect.release.number - 1
    simple = [export for export in wanted if is_simple(export)]
    with book.open_connection() as db:
        known, made = states(db, simple), exports.load_export_records(db)
        of = ingredients(config, db, past) if past else None
    same = [
        one
        for one in simple
        if of
        and one.name in known
        and stands(one, made.get(one.name), of)  # nothing is known of a file from an older version
        and _is_of_this_week(known[one.name])
    ]
    if not same or prospect.before is None:
        return None
    families = touched(prospect.before, prospect.change)
    if families is None:
        return None
    enabled = [feed.name for feed in config.feeds.values() if feed.enabled]
    with BulkTransaction(book.database) as bulk:
        runs = releases.source_run(bulk, past), prospect.release.basis
        spoke, speak = (listings.select_active_feeds(bulk, enabled, run) for run in runs)
        behind_names = any(listings.select_active_feeds(bulk, [RESOLVED.name], run) for run in runs)
    if behind_names:
        return None  # what counts as left out may be otherwise though no verdict is

    def credits(export: Export, names: list[str]) -> tuple[str, ...]:
        return filters.credits_of(export, [config.feeds[name] for name in names])

    return Alterations(
        prospect.release.number,
        families,
        {one.name: Standing(known[one.name], made[one.name], credits(one, spoke)) for one in same},
        {one.name: Behind(credits(one, speak), lambda: watched) for one in same},
        say,
    )


def _is_of_this_week(state: ExportState) -> bool:
    """Return whether a file was written this week; the first of each is rendered and read whole."""
    week, this_week = (
        day.isocalendar()[:2] for day in (datetime.fromisoformat(state.written), datetime.now(UTC))
    )
    return week == this_week
