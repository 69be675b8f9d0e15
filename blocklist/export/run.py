"""Run the exports: the configured exports and the current release -> one outcome for each export.

Keeps heavy imports out: a run in which nothing changed ends here.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from blocklist.atomic_files import remove_leftovers
from blocklist.config.exports import Export
from blocklist.config.loader import Config
from blocklist.config.mistakes import suggest_name
from blocklist.errors import ExportFailed, LockHeld, NotFoundError
from blocklist.export.current import CurrentExports, load_current_exports
from blocklist.export.hot.session import HotSession
from blocklist.export.install_pool import Install, InstallPool, announce_install
from blocklist.export.kernel.look import is_in_kernel, look_at_kernel
from blocklist.export.rehearsal import Rehearsal
from blocklist.export.render.state import ExportOutcome, ExportResult, ExportState
from blocklist.ledger.db.lock import hold_export_lock
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.releases.export_state import ExportRecord

if TYPE_CHECKING:
    from blocklist.export.stage.prepare import PreparedExport
    from blocklist.export.update import ExportUpdater

logger = logging.getLogger(__name__)


def select_exports(config: Config, names: Iterable[str]) -> list[Export]:
    """Return the exports of these names, or all; raise `NotFoundError` for unknown names."""
    for name in names:
        if name not in config.exports:
            raise NotFoundError(f"{name}: no such export{suggest_name(name, config.exports)}")
    return [config.exports[name] for name in names] or list(config.exports.values())


def run_exports(  # noqa: PLR0913 (options by keyword)
    writer: LedgerWriter,
    config: Config,
    exports: list[Export],
    on_outcome: Callable[[ExportOutcome], None],
    rehearsal: Rehearsal | None = None,
    on_message: Callable[[str], None] = lambda _: None,
    *,
    force: bool = False,
    hot_only: bool = False,
) -> list[ExportOutcome]:
    """Bring each export up to date; call `on_outcome` after each, and return all outcomes.

    Files are rendered one after the other, and installed in parallel, because servers take long to
    load them. A failing export does not stop the others. A fresh file is neither rendered nor read,
    unless `force` is given, and an export that a `rehearsal` has prepared for this release is not
    rendered again. `on_message` gets what is waited for. With `hot_only`, an export with a hot zone
    keeps its base zone if the hot zone can express the change, and does not wait for a process that
    installs the base zone. Raise `NotFoundError` if there is no release yet.

    Several processes may do this at once: only the holder of an export's lock changes its file, and
    always to the release that is then current. So no file goes back to an older release.
    """
    outcomes = dict[str, ExportOutcome]()

    def report(outcome: ExportOutcome) -> None:
        outcomes[outcome.name] = outcome
        on_outcome(outcome)

    hot_zones = HotSession(writer, config, exports, on_message)
    if hot_only:
        # They are finished before any lock of a base zone is waited for.
        with InstallPool() as pool:
            hot = [export for export in exports if export.hot]
            pool.install_all(hot, hot_zones.start, report)
    session = _ExportSession(writer, config, exports, rehearsal, hot_zones, on_message, force=force)
    with InstallPool() as pool:
        rest = [export for export in exports if export.name not in outcomes]
        pool.install_all(rest, session.start, report)
    return [outcomes[export.name] for export in exports]


class _ExportSession:
    """The exports of one call of `run_exports`."""

    def __init__(  # noqa: PLR0913 (options by keyword)
        self,
        writer: LedgerWriter,
        config: Config,
        exports: list[Export],
        rehearsal: Rehearsal | None,
        hot_zones: HotSession,
        on_message: Callable[[str], None],
        *,
        force: bool,
    ) -> None:
        self._writer, self._config, self._rehearsal = writer, config, rehearsal
        self._exports, self._hot_zones = exports, hot_zones
        self._on_message, self._force = on_message, force
        self._updater: ExportUpdater | None = None

    def start(self, export: Export, pool: InstallPool) -> Iterator[ExportOutcome]:
        """Render one export, and hand it over to be installed; yield its outcome if it fails.

        Its lock is held until its install has ended.
        """
        with ExitStack() as lock:
            try:
                lock.enter_context(hold_export_lock(self._writer.database, export.name, "export"))
                install = self._prepare(export)
            except (LockHeld, ExportFailed) as error:
                logger.info("export %s: failed: %s", export.name, error)
                yield ExportOutcome(export.name, str(export.path), None, str(error))
                return
            pool.submit(export, install, lock.pop_all())

    def _prepare(self, export: Export) -> Install:
        """Return what is left to do for an export, after its new file was rendered."""
        install = self._prepare_file(export, self._load())
        return replace(install, record=partial(self._record, export, install.record))

    def _prepare_file(self, export: Export, current: CurrentExports) -> Install:
        state = current.states.get(export.name)
        prepared = None if self._force else self._find_prepared(export, current)
        if prepared is None:
            remove_leftovers(export.path)  # of a run that was killed
        if state and current.is_fresh(export) and not self._force:
            return Install(_confirm_fresh(export, state, current.records[export.name]))
        from blocklist.export.update import install_prepared, record_export

        if prepared is None:
            prepared = self._render(export, current, state)
        announce_install(export, current.release.number, self._on_message)
        return Install(
            partial(install_prepared, prepared),
            partial(record_export, self._writer, export, current.inputs),
        )

    def _record(
        self, export: Export, record: Callable[[ExportResult], None], result: ExportResult
    ) -> None:
        """Store the result for the file, then bring the hot zone before it up to date.

        The other way round, names would be open until the file is loaded.
        """
        record(result)
        self._hot_zones.consolidate(export)

    def _render(
        self, export: Export, current: CurrentExports, state: ExportState | None
    ) -> "PreparedExport":
        if self._updater is None:
            self._updater = self._make_updater(current)
        return self._updater.prepare(export, current.inputs, state, force=self._force)

    def _load(self) -> CurrentExports:
        return load_current_exports(self._writer.database, self._config, self._exports)

    def _find_prepared(self, export: Export, current: CurrentExports) -> "PreparedExport | None":
        """Return the rehearsed export, if it is of the current release and follows its state."""
        if self._rehearsal is None:
            return None
        prepared = self._rehearsal.exports_for_release(current.release).get(export.name)
        is_usable = prepared and prepared.previous == current.states.get(export.name)
        return prepared if is_usable else None

    def _make_updater(self, current: CurrentExports) -> "ExportUpdater":
        from blocklist.export.update import ExportUpdater

        rendered = [
            export
            for export in self._exports
            if self._force or not (current.is_fresh(export) or self._find_prepared(export, current))
        ]
        return ExportUpdater(self._writer, rendered, current.states)


def _confirm_fresh(
    export: Export, state: ExportState, record: ExportRecord
) -> Callable[[], ExportResult]:
    """Return a call that leaves a fresh file as it is, and has its servers show that they have it.

    A server that lacks the list loads it again.
    """
    logger.info("export %s: unchanged, %s is up to date", export.name, export.path)
    result = ExportResult(state, False, record.row_count, record.left_out)
    kernel = look_at_kernel(export, state) if is_in_kernel(export) else None
    if kernel:
        said = (kernel.unseen,) if kernel.unseen else ()
        result = replace(result, servers=(kernel,), said=said)
    if not (export.installation.probe or (kernel and kernel.fault)):
        return lambda: result
    from blocklist.export.update import confirm_loaded

    return partial(confirm_loaded, export, result)
