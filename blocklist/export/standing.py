"""Whether an export's file is as it was left, and would be rendered the same again.

Found out without reading or rendering anything, and without heavy imports: a run in which nothing
changed ends here. Where there is any doubt, the export is rendered and compared.
"""

import sqlite3
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from blocklist import files, program
from blocklist.config import Config, Export
from blocklist.export.state import ExportState
from blocklist.ledger import exports, looks, votes
from blocklist.ledger.exports import ExportRecord
from blocklist.ledger.votes import FeedWeight


@dataclass(frozen=True)
class Ingredients:
    """What the files of a release are made of, beside its number."""

    config: Config
    release: int
    #: How the feeds counted when listings were judged last.
    votes: list[FeedWeight]
    #: The run that last learnt anything from DNS.
    facts: int | None

    def digest(self, export: Export) -> str:
        """Return a digest of all that decides what is in an export's file."""
        sees = export.alive or export.asks_where
        seen = (
            program.digest(),
            self.release,
            export,
            list(self.config.voices.values()),
            self.votes if export.asks_who else None,
            self.facts if sees else None,
            mark(Path(self.config.resolve.country)) if export.asks_where else None,
        )
        return sha256(repr(seen).encode()).hexdigest()


def ingredients(config: Config, reader: sqlite3.Connection, release: int) -> Ingredients:
    """Return what the files of the release in force are made of."""
    return Ingredients(
        config,
        release,
        votes.load_feed_weights(reader),
        looks.last_job_run(reader, looks.DNS_SURVEY),
    )


def mark(path: Path) -> str | None:
    """Return what tells a file from any other in its place, None where there is none."""
    try:
        # No time to settle, for nobody else writes in the very moment in which we did.
        return files.mark(path.stat(), settled=0)
    except OSError:
        return None


def stands(export: Export, made: ExportRecord | None, of: Ingredients) -> bool:
    """Return whether the file in place is the one that would be made now."""
    return (
        made is not None
        and made.file_fingerprint is not None
        and made.file_fingerprint == mark(export.path)
        and made.inputs_digest == of.digest(export)
    )


def states(reader: sqlite3.Connection, wanted: list[Export]) -> dict[str, ExportState]:
    """Return how exports were left, by name, as far as their files are known."""
    last = exports.load_export_states(reader)
    known = {export.name: last[export.name] for export in wanted if export.name in last}
    # Another path is another file: nothing is known about what stands there.
    return {
        export.name: ExportState(**known[export.name])  # type: ignore[arg-type]
        for export in wanted
        if export.name in known and known[export.name]["path"] == str(export.path)
    }
