"""Exports whose files may have to be others now: each is rendered and compared."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime

from blocklist.config import Config, Export
from blocklist.errors import ExportFailed
from blocklist.export import content
from blocklist.export.one import export_one
from blocklist.export.standing import Ingredients, mark
from blocklist.export.state import Exported, ExportResult, ExportState
from blocklist.ledger import exports
from blocklist.ledger.book import Book
from blocklist.ledger.exports import Made


def renewed(
    book: Book,
    config: Config,
    wanted: list[Export],
    of: Ingredients,
    known: dict[str, ExportState],
    done: Callable[[Exported], None],
) -> list[Exported]:
    """Bring exports up to the release in force, one after the other; none harms another."""
    oldest = min((state.release for state in known.values()), default=None)
    release = content.in_force(book, config, of.release, wanted, of.votes, oldest)
    outcomes = []
    for export in wanted:
        try:
            result = export_one(
                export,
                release.taken(export),
                release.number,
                known.get(export.name),
                datetime.now(UTC),
                release.behind(export),
            )
        except ExportFailed as error:
            outcome = Exported(export.name, str(export.path), None, str(error))
        else:
            save(book, export, result, of)
            outcome = Exported(export.name, str(export.path), result)
        outcomes.append(outcome)
        done(outcome)
    return outcomes


def save(book: Book, export: Export, result: ExportResult, of: Ingredients) -> None:
    """Record how an export stands, and what its file was made of."""
    made = Made(of.digest(export), mark(export.path), result.rows, result.left_out)
    exports.save(book, asdict(result.state), made)
