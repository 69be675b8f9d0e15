"""Bring hot zones up to date: the exports of one call -> hot zones of the current release.

A hot zone has a lock of its own. So a decision does not wait while a base zone is rendered and
loaded, which takes minutes for millions of names. Nobody waits for the lock of a base zone while it
holds that of a hot zone.

Keeps heavy imports out, like `run`.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from functools import partial

from blocklist.config.exports import Export
from blocklist.config.loader import Config
from blocklist.errors import ExportFailed, LockHeld, NotHot
from blocklist.export.current import CurrentExports, load_current_exports
from blocklist.export.hot.span import HotSpan
from blocklist.export.install_pool import Install, InstallPool, announce_install
from blocklist.export.render.state import ExportOutcome
from blocklist.ledger.db.lock import find_export_holder, find_lock_holder, hold_export_lock
from blocklist.ledger.db.writer import LedgerWriter

logger = logging.getLogger(__name__)


class HotSession:
    """The hot zones of the exports of one call of `run_exports`."""

    def __init__(
        self,
        writer: LedgerWriter,
        config: Config,
        exports: list[Export],
        on_message: Callable[[str], None],
    ) -> None:
        self._writer, self._config = writer, config
        self._exports, self._on_message = exports, on_message

    def start(self, export: Export, pool: InstallPool) -> Iterator[ExportOutcome]:
        """Write the hot zone for a decision, and hand it over to be installed.

        Its lock is held until its install has ended. Yield the outcome if it fails before. Hand
        over and yield nothing if the base zone must be rewritten.
        """
        with ExitStack() as lock:
            try:
                lock.enter_context(self._hold_lock(export))
                install = self._prepare_for_decision(export)
            except NotHot as reason:
                logger.info("export %s: the base zone is rewritten: %s", export.name, reason)
                return
            except (LockHeld, ExportFailed) as error:
                logger.info("export %s: failed: %s", export.name, error)
                yield ExportOutcome(export.name, str(export.path), None, str(error))
                return
            pool.submit(export, install, lock.pop_all())

    def consolidate(self, export: Export) -> None:
        """Lead the hot zone from the base zone that was just recorded to the current release.

        The caller holds the lock of the export. Call it after the servers have loaded the base
        zone: emptied earlier, the hot zone would leave its names open.
        """
        if not self._load().needs_hot_zone(export):
            return
        try:
            with self._hold_lock(export):
                current = self._load()
                span = HotSpan(
                    current.records[export.name].content_release,
                    current.release.number,
                    only_decided=find_lock_holder(self._writer.database) is not None,
                )
                install = self._prepare(export, current, span)
                install.record(install.work())
        except (NotHot, LockHeld) as reason:
            # Another process published meanwhile. Either it waits to write the base zone, or it
            # holds the lock and writes a hot zone that is right before this base zone, too.
            logger.info("export %s: the hot zone stays: %s", export.name, reason)

    def _prepare_for_decision(self, export: Export) -> Install:
        """Return what is left to do for a hot zone; raise `NotHot` if the base must be rewritten.

        Whoever takes the lock of the export later installs the current release or a later one. But
        its holder may install any release since the recorded one, and a killed holder may have
        done so for some servers; then the hot zone fits all of them, and the file is not compared,
        because it is being replaced.

        A job that works, or the holder of the lock, brings the base zone of what else changed. So
        the hot zone has only the names that entries changed. Between the publication of a run and
        its exports, the run holds the job lock. If that run failed and another job works, then the
        names that the run published are not blocked yet, until the next run or decision. Without a
        job and a holder, all changed names count, so the base is rewritten if they are many.
        """
        database = self._writer.database
        is_job_working = find_lock_holder(database) is not None
        is_held_before = self._is_base_held(export)
        current = self._load()
        # A holder that came in between has replaced the file.
        may_be_replaced = is_held_before or self._is_base_held(export)
        if not current.has_known_base(export, may_be_replaced=may_be_replaced):
            raise NotHot("its file is not the one that was written")
        span = HotSpan(
            current.records[export.name].content_release,
            current.release.number,
            may_be_replaced=may_be_replaced,
            only_decided=is_job_working or may_be_replaced,
        )
        return self._prepare(export, current, span)

    def _is_base_held(self, export: Export) -> bool:
        return find_export_holder(self._writer.database, export.name) is not None

    def _prepare(self, export: Export, current: CurrentExports, span: HotSpan) -> Install:
        from blocklist.export.hot.update import prepare_hot_zone, record_hot_zone
        from blocklist.export.update import install_prepared

        previous = current.states.get(export.as_hot().name)
        prepared = prepare_hot_zone(self._writer, export, span, previous)
        announce_install(prepared.export, span.release, self._on_message)
        return Install(
            partial(install_prepared, prepared),
            partial(record_hot_zone, self._writer, export, current.inputs, span.base),
        )

    def _hold_lock(self, export: Export) -> AbstractContextManager[None]:
        return hold_export_lock(self._writer.database, export.as_hot().name, "export")

    def _load(self) -> CurrentExports:
        return load_current_exports(self._writer.database, self._config, self._exports)
