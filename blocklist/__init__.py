"""Manage blocklists of fraud domains and addresses for your own network, and do no harm.

`Blocklist.open()` is the start of everything; docs/reference/api.md shows its use.
"""

__version__ = "0.1.0"

# Type checkers take the name for true; importing `typing` for it would cost time at every start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from blocklist.api.library import Blocklist
    from blocklist.check.answers import Answers
    from blocklist.check.single import Answer
    from blocklist.errors import (
        BlocklistError,
        ConfigError,
        ExportFailed,
        GateHeld,
        InvalidIndicator,
        LockHeld,
        NotFoundError,
        StorageError,
        UsageError,
    )
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
    from blocklist.pipeline.events import EventKind, ProgressCallback, ProgressEvent, Stage
    from blocklist.pipeline.reports import BuildReport, PublishReport, RunReport

# Each module is imported when one of its names is first used (PEP 562), so `import blocklist` is
# cheap.
_MODULES = {
    "blocklist.api.library": ("Blocklist",),
    "blocklist.check.answers": ("Answers",),
    "blocklist.check.single": ("Answer",),
    "blocklist.errors": (
        "BlocklistError", "ConfigError", "ExportFailed", "GateHeld", "InvalidIndicator", "LockHeld",
        "NotFoundError", "StorageError", "UsageError",
    ),
    "blocklist.model": (
        "Category", "Direction", "Entry", "FeedState", "GuardClass", "Indicator", "Kind", "Listing",
        "Liveness", "Match", "Reason", "Scope", "Verdict",
    ),
    "blocklist.pipeline.events": ("EventKind", "ProgressCallback", "ProgressEvent", "Stage"),
    "blocklist.pipeline.reports": ("BuildReport", "PublishReport", "RunReport"),
}  # fmt: skip

__all__ = [
    "Answer",
    "Answers",
    "Blocklist",
    "BlocklistError",
    "BuildReport",
    "Category",
    "ConfigError",
    "Direction",
    "Entry",
    "EventKind",
    "ExportFailed",
    "FeedState",
    "GateHeld",
    "GuardClass",
    "Indicator",
    "InvalidIndicator",
    "Kind",
    "Listing",
    "Liveness",
    "LockHeld",
    "Match",
    "NotFoundError",
    "ProgressCallback",
    "ProgressEvent",
    "PublishReport",
    "Reason",
    "RunReport",
    "Scope",
    "Stage",
    "StorageError",
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
