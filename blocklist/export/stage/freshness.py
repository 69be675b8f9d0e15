"""Export freshness: file fingerprint and input digest -> whether a file is still up to date.

Reads and renders nothing and keeps heavy imports out: a run in which nothing changed ends here. If
in doubt, the export is rendered and compared.
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

#: The digest of the content of a file without any.
EMPTY_DIGEST = sha256().hexdigest()


@dataclass(frozen=True)
class ExportInputs:
    """The inputs of all exports of a release."""

    config: Config
    release: int
    #: The weights of feeds when listings were last judged.
    feed_weights: list[FeedWeight]
    #: The last run that changed DNS facts.
    facts_run: int | None

    def digest_for(self, export: Export) -> str:
        """Return a digest of everything that decides the content of an export's file."""
        needs_facts = export.alive or export.needs_countries
        country_file = Path(self.config.resolve.country)
        inputs = (
            fingerprint.program_fingerprint(),
            self.release,
            export,
            list(self.config.scoring_feeds.values()),
            self.feed_weights if export.needs_listings else None,
            self.facts_run if needs_facts else None,
            file_fingerprint(country_file) if export.needs_countries else None,
            DIALECT_EXTENSIONS.origin(export.target.dialect),
        )
        return sha256(repr(inputs).encode()).hexdigest()


def load_export_inputs(config: Config, reader: sqlite3.Connection, release: int) -> ExportInputs:
    """Return the inputs of the exports of the current release."""
    return ExportInputs(
        config,
        release,
        load_feed_weights(reader),
        last_job_run(reader, DNS_SURVEY),
    )


def file_fingerprint(path: Path) -> str | None:
    """Return a text that changes with the file at a path; None if there is no file."""
    try:
        # Recent changes count, too: nobody else writes at the moment in which we wrote.
        return stat_fingerprint(path.stat(), settle_seconds=0)
    except OSError:
        return None


def is_export_fresh(export: Export, record: ExportRecord | None, inputs: ExportInputs) -> bool:
    """Return whether the file in place is the one that would be rendered now."""
    return (
        record is not None
        and record.file_fingerprint is not None
        and record.file_fingerprint == file_fingerprint(export.path)
        and record.inputs_digest == inputs.digest_for(export)
    )


def hot_zone_digest(export: Export, base_release: int, inputs: ExportInputs) -> str:
    """Return a digest of everything that decides the content of an export's hot zone."""
    return sha256(f"{base_release} {inputs.digest_for(export.as_hot())}".encode()).hexdigest()


def is_hot_zone_fresh(export: Export, record: ExportRecord | None, inputs: ExportInputs) -> bool:
    """Return whether the hot zone in place fits a base zone of the current release."""
    return (
        not export.installation.probe
        and record is not None
        and record.file_fingerprint is not None
        and record.file_fingerprint == file_fingerprint(export.as_hot().path)
        and record.inputs_digest == hot_zone_digest(export, inputs.release, inputs)
    )


def load_matching_states(
    reader: sqlite3.Connection, exports: list[Export]
) -> dict[str, ExportState]:
    """Return the last states of exports by name, unless the path of the export changed."""
    rows = load_export_states(reader)
    return {
        export.name: ExportState(**row)  # type: ignore[arg-type]
        for export in exports
        if (row := rows.get(export.name)) and row["path"] == str(export.path)
    }
