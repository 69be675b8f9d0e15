"""All exports of a configuration, brought up to the release in force."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache

import polars as pl

from blocklist.config import Config, Export
from blocklist.errors import ExportFailed, UsageError
from blocklist.export import filters, seen
from blocklist.export.meaning import PLACE, by_family
from blocklist.export.one import export_one
from blocklist.export.state import Behind, ExportResult, ExportState
from blocklist.files import sweep
from blocklist.ledger import exports, listings, releases, votes
from blocklist.ledger.book import Book
from blocklist.ledger.bulk import Bulk
from blocklist.spec import suggestion


@dataclass(frozen=True, slots=True)
class Exported:
    """How one export ended: its result, or why there is none and the old file stays."""

    name: str
    path: str
    result: ExportResult | None
    cause: str | None = None


def chosen(config: Config, names: Iterable[str]) -> list[Export]:
    """Return the exports of these names, or all; raise `UsageError` for unknown ones."""
    for name in names:
        if name not in config.exports:
            raise UsageError(f"{name}: no such export{suggestion(name, config.exports)}")
    return [config.exports[name] for name in names] or list(config.exports.values())


def export_every(
    book: Book, config: Config, wanted: list[Export], done: Callable[[Exported], None]
) -> list[Exported]:
    """Bring each export up to date, tell `done` of it, and return all; none harms another.

    Raise `UsageError` when there is no release yet.
    """
    with book.small() as db:
        past = releases.history(db.conn)
        last, counted = exports.last(db.conn), votes.last(db.conn)
    if not past:
        raise UsageError("there is no release to export yet; run: blocklist run")
    number = past[0].number
    with Bulk(book.database) as bulk:
        rows, pages = _rows(bulk, number, wanted)
        known = filters.evidence(bulk, config, number, counted) if _asked(wanted) else None
        looked = seen.of(bulk, config, number, pages, wanted)
        speaking = listings.speaking(bulk, _enabled(config), releases.basis(bulk, number))
    feeds = [config.feeds[name] for name in speaking]

    @cache
    def watched() -> pl.DataFrame:
        with Bulk(book.database) as bulk:
            return releases.watched(bulk, number, _oldest(last, wanted))

    outcomes = []
    for export in _swept(wanted):
        state = _known(last.get(export.name), export)
        try:
            taken = filters.chosen(
                export, seen.chosen(export, pages if export.held_pages else rows, looked), known
            )
            behind = Behind(filters.credits_of(export, feeds), watched)
            result = export_one(export, taken, number, state, datetime.now(UTC), behind)
        except ExportFailed as error:
            outcome = Exported(export.name, str(export.path), None, str(error))
        else:
            exports.save(book, asdict(result.state))
            outcome = Exported(export.name, str(export.path), result)
        outcomes.append(outcome)
        done(outcome)
    return outcomes


def _oldest(last: dict[str, exports.Row], wanted: list[Export]) -> int | None:
    """Return the oldest of the releases that the exports' files are of, if there are files."""
    known = [last[export.name]["release"] for export in wanted if export.name in last]
    return min((int(number) for number in known if number is not None), default=None)


def _asked(wanted: list[Export]) -> bool:
    return any(export.asks_who for export in wanted)


def _rows(bulk: Bulk, number: int, wanted: list[Export]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows of a release, and those with the held pages, where an export takes them."""
    # Each export keeps this order, so that the key it goes by is made once.
    rows = by_family(releases.rows(bulk, number)).with_row_index(PLACE)
    if not any(export.held_pages for export in wanted):
        return rows, rows
    return rows, pl.concat([rows, filters.pages(bulk, number)], how="diagonal")


def _enabled(config: Config) -> list[str]:
    return [feed.name for feed in config.feeds.values() if feed.enabled]


def _swept(wanted: list[Export]) -> Iterator[Export]:
    """Yield exports, each rid of what a run that was killed left beside it."""
    for export in wanted:
        sweep(export.path)
        yield export


def _known(row: exports.Row | None, export: Export) -> ExportState | None:
    # Another path is another file: nothing is known about what stands there.
    if row is None or row["path"] != str(export.path):
        return None
    return ExportState(**row)  # type: ignore[arg-type]
