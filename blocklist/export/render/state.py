"""Export results: the state stored between runs, and the outcome that one run reports."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExportState:
    """The file as it was last written. It changes with the content only."""

    name: str
    path: str
    #: The release from which this content was first rendered.
    release: int
    #: SHA-256 of the content without its head, which names release and time.
    digest: str
    #: The serial of a zone, none for other files.
    serial: int | None
    #: When, ISO 8601, UTC.
    written: str


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What one run did to one export."""

    state: ExportState
    changed: bool
    #: How many names or networks the file lists.
    rows: int
    #: How many rows of the release the target could not express in full, by reason.
    left_out: dict[str, int]
    #: What a person should know, such as a checker that is not installed.
    notes: tuple[str, ...] = ()
    #: What hooks and the server's commands said.
    said: tuple[str, ...] = ()
    #: Whether servers were asked, and all of them block its canaries.
    loaded: bool = False


@dataclass(frozen=True, slots=True)
class ExportOutcome:
    """How one export ended: its result, or why there is none and the old file stays."""

    name: str
    path: str
    result: ExportResult | None
    cause: str | None = None
