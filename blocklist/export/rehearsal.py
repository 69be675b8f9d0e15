"""The exports of a release that is not out yet: rendered beside their places, and proved there.

A part of the gate: what cannot be proved is not published. What could be is put in place without
being rendered again. Kept free of heavy imports, for most runs have nothing to rehearse.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING

from blocklist.config import Config, Export
from blocklist.errors import ExportFailed
from blocklist.export.standing import states
from blocklist.files import sweep
from blocklist.ledger.book import Book

if TYPE_CHECKING:
    from blocklist.export.prepared import Ready
    from blocklist.release.prospect import Prospect


#: One fills the gaps that another leaves on a core; more need more memory than they save time.
_AT_ONCE = 2


class Rehearsal(AbstractContextManager["Rehearsal"]):
    """Exports that are ready for a release; at the end nothing of them is left beside a file."""

    def __init__(
        self, book: Book, config: Config, wanted: list[Export], say: Callable[[str], None]
    ) -> None:
        self._book, self._config, self._wanted, self._say = book, config, wanted, say
        self._ready: dict[str, Ready] = {}

    def __call__(self, prospect: "Prospect") -> list[str]:
        """Render and prove all exports of a release; return what is wrong with any, in words.

        One that cannot be written at all harms no other, and fails when its turn comes.
        """
        from blocklist.columns.pieces import in_order
        from blocklist.export import content
        from blocklist.export.meaning import in_common
        from blocklist.export.prepared import Unproved, prepared

        self.drop()
        with self._book.opened() as db:
            known = states(db, self._wanted)
        oldest = min((state.release for state in known.values()), default=None)
        release = content.of_prospect(self._book, self._config, prospect, self._wanted, oldest)
        release.watched()  # whatever the ledger is asked for, before threads share the work

        def rehearsed(export: Export) -> Unproved | None:
            sweep(export.path)
            try:
                self._ready[export.name] = prepared(
                    export,
                    release.taken(export),
                    release.number,
                    known.get(export.name),
                    datetime.now(UTC),
                    release.behind(export),
                )
            except Unproved as fault:
                return fault
            except ExportFailed:
                return None
            return None

        for export in self._wanted:
            self._say(f"proving {export.name}")
        with in_common():
            found = list(in_order(rehearsed, self._wanted, _AT_ONCE))
        faults = [str(fault) for fault in found if fault]
        if faults:
            self.drop()
        return faults

    def ready(self, release: int) -> "dict[str, Ready]":
        """Return what is ready for a release, by the exports' names."""
        return {name: ready for name, ready in self._ready.items() if ready.release == release}

    def drop(self) -> None:
        """Let go of all that is ready."""
        while self._ready:
            self._ready.popitem()[1].drop()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.drop()
