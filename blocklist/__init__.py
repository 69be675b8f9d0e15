"""Manage blocklists of fraud domains and addresses for your own network, and do no harm.

`Blocklist.open()` is the start of everything; docs/reference/api.md shows its use.
"""

__version__ = "0.1.0"

# Type checkers take the name for true; importing `typing` for it would cost time at every start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from blocklist.api.entries import EntryList, NotedEntry
    from blocklist.api.entry_change import EntryChange
    from blocklist.api.entry_import import EntryImport
    from blocklist.api.feeds import FeedAddition, Feeds, FeedStatus
    from blocklist.api.library import Blocklist
    from blocklist.api.release_frames import ReleaseComparison, ReleaseContent
    from blocklist.api.releases import Releases
    from blocklist.api.review import HeldPage, ReviewQueue, ScoredIndicator
    from blocklist.check.answers import Answers
    from blocklist.check.single import Answer
    from blocklist.collect.outcome import UpdateOutcome
    from blocklist.doctor.report import DoctorReport
    from blocklist.errors import (
        BlocklistError,
        ConfigError,
        ConsentNeeded,
        ExportFailed,
        GateHeld,
        InvalidIndicator,
        InvalidNames,
        LockHeld,
        NotFoundError,
        StorageError,
        UsageError,
    )
    from blocklist.export.render.state import ExportOutcome
    from blocklist.judge.explain import Rule, RuleResult
    from blocklist.judge.overlap.overlap import FeedShare, OverlapReport
    from blocklist.judge.scoring.explain import ScoreExplanation
    from blocklist.ledger.feeds.line_counts import LineCounts
    from blocklist.ledger.operator.pending import PendingChange
    from blocklist.ledger.operator.review import HeldIndicator
    from blocklist.ledger.prune import PruneResult
    from blocklist.ledger.releases.history import Release
    from blocklist.ledger.releases.pins import Pin
    from blocklist.model import (
        Category,
        Direction,
        Entry,
        FeedState,
        GuardClass,
        Indicator,
        Kind,
        Listing,
        Liveness,
        Match,
        Reason,
        Scope,
        Verdict,
    )
    from blocklist.parse.result import ParseResult
    from blocklist.pipeline.events import EventKind, ProgressCallback, ProgressEvent, Stage
    from blocklist.pipeline.reports import BuildReport, PublishReport, RunReport
    from blocklist.release.explain import Explanation
    from blocklist.release.result import BuildResult
    from blocklist.resolve.survey import SurveyReport
    from blocklist.status.exports import ExportStatus
    from blocklist.status.feeds import FeedAge
    from blocklist.status.finding import Finding
    from blocklist.status.runs import RunAge
    from blocklist.status.servers import ServerStatus
    from blocklist.status.status import Status

# Each module is imported when one of its names is first used (PEP 562), so `import blocklist` is
# cheap.
_MODULES = {
    "blocklist.api.entries": ("EntryList", "NotedEntry"),
    "blocklist.api.entry_change": ("EntryChange",),
    "blocklist.api.entry_import": ("EntryImport",),
    "blocklist.api.feeds": ("FeedAddition", "FeedStatus", "Feeds"),
    "blocklist.api.library": ("Blocklist",),
    "blocklist.api.release_frames": ("ReleaseComparison", "ReleaseContent"),
    "blocklist.api.releases": ("Releases",),
    "blocklist.api.review": ("HeldPage", "ReviewQueue", "ScoredIndicator"),
    "blocklist.check.answers": ("Answers",),
    "blocklist.check.single": ("Answer",),
    "blocklist.collect.outcome": ("UpdateOutcome",),
    "blocklist.doctor.report": ("DoctorReport",),
    "blocklist.errors": (
        "BlocklistError", "ConfigError", "ConsentNeeded", "ExportFailed", "GateHeld",
        "InvalidIndicator", "InvalidNames", "LockHeld", "NotFoundError", "StorageError",
        "UsageError",
    ),
    "blocklist.export.render.state": ("ExportOutcome",),
    "blocklist.judge.explain": ("Rule", "RuleResult"),
    "blocklist.judge.overlap.overlap": ("FeedShare", "OverlapReport"),
    "blocklist.judge.scoring.explain": ("ScoreExplanation",),
    "blocklist.ledger.feeds.line_counts": ("LineCounts",),
    "blocklist.ledger.operator.pending": ("PendingChange",),
    "blocklist.ledger.operator.review": ("HeldIndicator",),
    "blocklist.ledger.prune": ("PruneResult",),
    "blocklist.ledger.releases.history": ("Release",),
    "blocklist.ledger.releases.pins": ("Pin",),
    "blocklist.model": (
        "Category", "Direction", "Entry", "FeedState", "GuardClass", "Indicator", "Kind",
        "Listing", "Liveness", "Match", "Reason", "Scope", "Verdict",
    ),
    "blocklist.parse.result": ("ParseResult",),
    "blocklist.pipeline.events": ("EventKind", "ProgressCallback", "ProgressEvent", "Stage"),
    "blocklist.pipeline.reports": ("BuildReport", "PublishReport", "RunReport"),
    "blocklist.release.explain": ("Explanation",),
    "blocklist.release.result": ("BuildResult",),
    "blocklist.resolve.survey": ("SurveyReport",),
    "blocklist.status.exports": ("ExportStatus",),
    "blocklist.status.feeds": ("FeedAge",),
    "blocklist.status.finding": ("Finding",),
    "blocklist.status.runs": ("RunAge",),
    "blocklist.status.servers": ("ServerStatus",),
    "blocklist.status.status": ("Status",),
}  # fmt: skip

__all__ = [
    "Answer",
    "Answers",
    "Blocklist",
    "BlocklistError",
    "BuildReport",
    "BuildResult",
    "Category",
    "ConfigError",
    "ConsentNeeded",
    "Direction",
    "DoctorReport",
    "Entry",
    "EntryChange",
    "EntryImport",
    "EntryList",
    "EventKind",
    "Explanation",
    "ExportFailed",
    "ExportOutcome",
    "ExportStatus",
    "FeedAddition",
    "FeedAge",
    "FeedShare",
    "FeedState",
    "FeedStatus",
    "Feeds",
    "Finding",
    "GateHeld",
    "GuardClass",
    "HeldIndicator",
    "HeldPage",
    "Indicator",
    "InvalidIndicator",
    "InvalidNames",
    "Kind",
    "LineCounts",
    "Listing",
    "Liveness",
    "LockHeld",
    "Match",
    "NotFoundError",
    "NotedEntry",
    "OverlapReport",
    "ParseResult",
    "PendingChange",
    "Pin",
    "ProgressCallback",
    "ProgressEvent",
    "PruneResult",
    "PublishReport",
    "Reason",
    "Release",
    "ReleaseComparison",
    "ReleaseContent",
    "Releases",
    "ReviewQueue",
    "Rule",
    "RuleResult",
    "RunAge",
    "RunReport",
    "Scope",
    "ScoreExplanation",
    "ScoredIndicator",
    "ServerStatus",
    "Stage",
    "Status",
    "StorageError",
    "SurveyReport",
    "UpdateOutcome",
    "UsageError",
    "Verdict",
]


def __getattr__(name: str) -> object:
    """Return a public name, importing its module."""
    for module, names in _MODULES.items():
        if name in names:
            from importlib import import_module

            value: object = getattr(import_module(module), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
