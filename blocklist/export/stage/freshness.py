"""Export freshness: file fingerprint and input digest -> whether a file is still up to date.

Reads and renders nothing and keeps heavy imports out: a run in which nothing changed ends here. In
doubt the export is rendered and compared.
"""

import sqlite3
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from blocklist import fingerprint
from blocklist.atomic_files import stat_fingerprint
from blocklist.config.exports import Export
from blocklist.config.loader import Config
from blocklist.export.render.state import ExportState
from blocklist.ledger.db.runs import DNS_SURVEY, last_job_run
from blocklist.ledger.feeds.weights import load_feed_weights
from blocklist.ledger.releases.export_state import ExportRecord, load_export_states
from blocklist.model import FeedWeight
from blocklist.plugins import DIALECT_EXTENSIONS


@dataclass(frozen=True)
class ExportInputs:
    """What the files of a release are made of, beside its number."""

    config: Config
    release: int
    #: How the feeds counted when listings were judged last.
    feed_weights: list[FeedWeight]
    #: The run that last learnt anything from DNS.
    facts_run: int | None

    def digest_for(self, export: Export) -> str:
        """Return a digest of all that decides what is in an export's file."""
        sees = export.alive or export.needs_countries
        seen = (
            fingerprint.program_fingerprint(),
            self.release,
            export,
            list(self.config.scoring_feeds.values()),
            self.feed_weights if export.needs_listings else None,
            self.facts_run if sees else None,
            file_fingerprint(Path(self.config.resolve.country)) if export.needs_countries else None,
            DIALECT_EXTENSIONS.origin(export.target.dialect),
        )
        return sha256(repr(seen).encode()).hexdigest()


def load_export_inputs(config: Config, reader: sqlite3.Connection, release: int) -> ExportInputs:
    """Return what the files of the release in force are made of."""
    return ExportInputs(
        config,
        release,
        load_feed_weights(reader),
        last_job_run(reader, DNS_SURVEY),
    )


def file_fingerprint(path: Path) -> str | None:
    """Return what tells a file from any other in its place, None where there is none."""
    try:
        # No time to settle, for nobody else writes in the very moment in which we did.
        return stat_fingerprint(path.stat(), settle_seconds=0)
    except OSError:
        return None


def is_export_fresh(export: Export, made: ExportRecord | None, of: ExportInputs) -> bool:
    """Return whether the file in place is the one that would be made now."""
    return (
        made is not None
        and made.file_fingerprint is not None
        and made.file_fingerprint == file_fingerprint(export.path)
        and made.inputs_digest == of.digest_for(export)
    )


def load_matching_states(
    reader: sqlite3.Connection, wanted: list[Export]
) -> dict[str, ExportState]:
    """Return how exports were left, by name, as far as their files are known."""
    last = load_export_states(reader)
    known = {export.name: last[export.name] for export in wanted if export.name in last}
    # Another path is another file: nothing is known about what stands there.
    return {
        export.name: ExportState(**known[export.name])  # type: ignore[arg-type]
        for export in wanted
        if export.name in known and known[export.name]["path"] == str(export.path)
    }
