"""Define the errors: one base class, one subclass for each exit code, and InvalidIndicator."""

from collections.abc import Iterable

#: Of so many mistakes in one call a message has a sentence each.
MAX_SHOWN_MISTAKES = 20


class BlocklistError(Exception):
    """A failure with a message for a person: what, where, and what to do next (exit 2)."""

    exit_code = 2


class UsageError(BlocklistError):
    """Wrong use of a command or function: a bad option, or options that exclude each other."""


class ConsentNeeded(UsageError):
    """A decision that hits more than fraud, and that nobody confirmed.

    `risks` has a sentence for each thing that it would hit.
    """

    def __init__(self, risks: tuple[str, ...], advice: str) -> None:
        super().__init__(f"{join_mistakes(risks)}\n  {advice}")
        self.risks = risks


class InvalidNames(UsageError):
    """Names, addresses or URLs that cannot be read; nothing was done.

    `mistakes` has the position of each among the names given, from 0, and a sentence about it.
    """

    def __init__(self, mistakes: tuple[tuple[int, str], ...]) -> None:
        super().__init__(join_mistakes(text for _, text in mistakes))
        self.mistakes = mistakes


def join_mistakes(texts: Iterable[str]) -> str:
    """Return a message of many sentences, one a line; of more than twenty, only how many."""
    lines = list(texts)
    more = len(lines) - MAX_SHOWN_MISTAKES
    rest = [f"and {more:,} more like these"] if more > 0 else []
    return "\n  ".join([*lines[:MAX_SHOWN_MISTAKES], *rest])


class ConfigError(BlocklistError):
    """Configuration, feed or target files have mistakes.

    `mistakes` has a line for each: file, key, what is expected and what was given.
    """

    def __init__(self, *mistakes: str) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class NotFoundError(BlocklistError):
    """A release, feed, export or entry that was asked for does not exist."""


class StorageError(BlocklistError):
    """A file, folder or database cannot be read or written: permissions, full disk, damage."""


class GateHeld(BlocklistError):
    """The gate held the candidate release; the current one stays in force (exit 3)."""

    exit_code = 3


class LockHeld(BlocklistError):
    """Another run holds the ledger's lock (exit 5)."""

    exit_code = 5


class StaleRelease(BlocklistError):
    """Another process published a release while one was computed; the work begins again."""


class ExportFailed(BlocklistError):
    """An export could not be rendered, proved or installed; the old file stays (exit 6)."""

    exit_code = 6


class NotHot(ExportFailed):
    """A hot zone cannot express a change, so the base zone must be rewritten."""


class InvalidIndicator(ValueError):
    """A text that is not a valid indicator. `reason` is a short code for counting and display."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
