"""Export results: the state stored between runs, and the outcome that one run reports."""

from dataclasses import dataclass, field

from blocklist.ledger.releases.export_health import ServerResult


@dataclass(frozen=True, slots=True)
class ExportState:
    """The state of a file when it was last written; it changes only with the content."""

    name: str
    path: str
    #: The release from which the content was first rendered.
    release: int
    #: SHA-256 of the content without the head, which has release and time.
    digest: str
    #: The serial of a zone; None for other files.
    serial: int | None
    #: Time of writing, ISO 8601, UTC.
    written: str


@dataclass(frozen=True, slots=True)
class ExportResult:
    """The result of one run for one export."""

    state: ExportState
    changed: bool
    #: Number of listed names, networks and URLs.
    rows: int
    #: Number of rows of the release that are not expressed in full, by reason.
    left_out: dict[str, int] = field(hash=False)
    #: Notes for the user, such as a checker that is not installed.
    notes: tuple[str, ...] = ()
    #: Output of hooks and commands.
    said: tuple[str, ...] = ()
    #: Whether the export has a probe, and a quorum of its servers blocks the canaries.
    loaded: bool = False
    #: What was seen on each server of the export, one that is down too; None if nobody looked.
    servers: tuple[ServerResult, ...] | None = None


@dataclass(frozen=True, slots=True)
class ExportOutcome:
    """The result of one export, or the cause of its failure, after which the old file stays."""

    name: str
    path: str
    result: ExportResult | None
    cause: str | None = None
    #: After a failure: what was seen on each server with the old file; None if nobody looked.
    servers: tuple[ServerResult, ...] | None = None
