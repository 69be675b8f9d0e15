"""Reports of jobs: what a run, a build or a release published by hand did."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from blocklist.collect.outcome import UpdateOutcome
from blocklist.errors import BlocklistError, GateHeld
from blocklist.export.render.state import ExportOutcome
from blocklist.ledger.releases.history import Release
from blocklist.ledger.releases.pins import Pin
from blocklist.model import Entry
from blocklist.pipeline.events import Stage
from blocklist.release.result import BuildResult

if TYPE_CHECKING:
    from blocklist.resolve.survey import SurveyReport


@dataclass(frozen=True, slots=True)
class RunReport:
    """What the main job did; a part is None if the job ended before it."""

    feeds: tuple[UpdateOutcome, ...] | None = None
    #: Operator entries whose time was over.
    expired: tuple[Entry, ...] | None = None
    #: None also if `resolve.enabled` is off.
    resolved: "SurveyReport | None" = None
    #: The current release, and whether the run made it.
    built: BuildResult | None = None
    #: Set if the gate held the release, with every objection.
    held: GateHeld | None = None
    exports: tuple[ExportOutcome, ...] | None = None
    #: Set if the clock is behind the last run.
    clock_warning: str | None = None
    #: What ended the job in the middle; what was complete before stays.
    error: BlocklistError | None = None

    @property
    def release(self) -> Release | None:
        """The current release; None if the gate held the new one, or the job ended before."""
        return self.built.release if self.built else None

    @property
    def failed_feeds(self) -> tuple[UpdateOutcome, ...]:
        """The feeds that could not be brought up to date; their last good snapshot was used."""
        return tuple(outcome for outcome in self.feeds or () if not outcome.is_good)

    @property
    def failed_exports(self) -> tuple[ExportOutcome, ...]:
        """The exports that failed; their old files stay."""
        return tuple(outcome for outcome in self.exports or () if outcome.result is None)

    @property
    def is_good(self) -> bool:
        """Whether every feed, resolver and export was good and the gate held nothing."""
        failed = self.failed_feeds or self.failed_exports or self.held or self.error
        return not failed and not (self.resolved and self.resolved.causes)

    def with_result(self, stage: Stage, result: object) -> "RunReport":
        """Return the report with the result of one more stage, as its `END` event has it."""
        if isinstance(result, GateHeld):
            return replace(self, held=result)
        fields = {
            Stage.UPDATE: "feeds",
            Stage.EXPIRE: "expired",
            Stage.RESOLVE: "resolved",
            Stage.BUILD: "built",
            Stage.EXPORT: "exports",
        }
        return replace(self, **{fields[stage]: result})  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build without feeds and exports did."""

    #: Operator entries whose time was over.
    expired: tuple[Entry, ...]
    release: Release
    #: Whether the build made the release; if not, nothing changed or a release is pinned.
    is_new: bool
    #: What a person should know, such as guards that an entry overrules.
    notes: tuple[str, ...]
    pin: Pin | None


@dataclass(frozen=True, slots=True)
class PublishReport:
    """What came of a release published by hand: an accepted candidate or a rollback."""

    #: The release that is current now.
    release: Release
    exports: tuple[ExportOutcome, ...]
    #: What a person should know, such as entries that are no longer in force.
    notes: tuple[str, ...] = ()
    #: Set if the gate held what changed since the candidate was built.
    held: GateHeld | None = None

    @property
    def failed_exports(self) -> tuple[ExportOutcome, ...]:
        """The exports that failed; their old files stay."""
        return tuple(outcome for outcome in self.exports if outcome.result is None)
