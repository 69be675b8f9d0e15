"""Install exports in parallel: prepared installs -> their outcomes, in the calling thread.

Threads only wait for commands and servers. The ledger is written, locks are given back and outcomes
are reported by the thread that submits.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass
from threading import Event
from types import TracebackType

from blocklist.config.exports import Export
from blocklist.errors import ExportFailed
from blocklist.export.kernel.confirm import describe_missing
from blocklist.export.kernel.look import KERNEL
from blocklist.export.render.state import ExportOutcome, ExportResult
from blocklist.export.servers import make_server_results
from blocklist.install.interruption import interrupt_with
from blocklist.install.quorum import ServersFailed
from blocklist.ledger.releases.export_health import ServerResult

logger = logging.getLogger(__name__)

#: So many exports wait for their servers at once; that costs threads, but hardly any work.
_MAX_PARALLEL = 16
_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Install:
    """What is left to do for an export: a call that may wait, then one that stores its result."""

    work: Callable[[], ExportResult]
    record: Callable[[ExportResult], None] = lambda _: None


class _Pending:
    """An install that goes on, with the lock of its export."""

    def __init__(
        self, export: Export, install: Install, future: Future[ExportResult], lock: ExitStack
    ) -> None:
        self.export, self.install, self.future, self.lock = export, install, future, lock

    def finish(self) -> ExportOutcome:
        """Store the result of an install that ended, give its lock back, and return the outcome."""
        with self.lock:
            try:
                result = self.future.result()
                self.install.record(result)
            except ExportFailed as error:
                return _describe_failure(self.export, error)
            for server in result.servers or ():
                if server.name == KERNEL and server.fault:
                    return _describe_loss(self.export, server)
            return ExportOutcome(self.export.name, str(self.export.path), result)


class InstallPool(AbstractContextManager["InstallPool"]):
    """Installs that go on at once. On an error, those that are not confirmed are undone."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_MAX_PARALLEL)
        self._interruption = Event()
        self._pending = list[_Pending]()

    def submit(self, export: Export, install: Install, lock: ExitStack) -> None:
        """Begin an install, or do it at once if it waits for nothing."""
        if _is_waiting(export):
            future = self._threads.submit(self._run, install)
        else:
            future = _run_now(install)
        self._pending.append(_Pending(export, install, future, lock))

    def _run(self, install: Install) -> ExportResult:
        with interrupt_with(self._interruption):
            return install.work()

    def install_all(
        self,
        exports: Iterable[Export],
        start: "Start",
        on_outcome: Callable[[ExportOutcome], None],
    ) -> None:
        """Start the install of each export in the order of names; call `on_outcome` for each.

        The order of locks is the same in all processes, so no two wait for each other.
        """
        for export in sorted(exports, key=lambda export: export.name):
            for outcome in (*start(export, self), *self.iter_finished()):
                on_outcome(outcome)
        for outcome in self.iter_all():
            on_outcome(outcome)

    def iter_finished(self) -> Iterator[ExportOutcome]:
        """Yield the outcomes of the installs that have ended."""
        for pending in [one for one in self._pending if one.future.done()]:
            self._pending.remove(pending)
            yield pending.finish()

    def iter_all(self) -> Iterator[ExportOutcome]:
        """Wait for all installs, and yield each outcome as soon as it is there."""
        while self._pending:
            # It wakes up regularly, so that Ctrl-C is handled at once.
            wait([one.future for one in self._pending], _POLL_SECONDS, FIRST_COMPLETED)
            yield from self.iter_finished()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._interruption.set()
        self._threads.shutdown()
        while self._pending:
            with suppress(BaseException):  # the error that ends the body is the one to report
                self._pending.pop().finish()


#: Hand the install of an export over to a pool; yield its outcome if it fails before.
Start = Callable[[Export, InstallPool], Iterator[ExportOutcome]]


def announce_install(export: Export, release: int, on_message: Callable[[str], None]) -> None:
    """Report what is waited for, because servers may need long to load a list."""
    if export.installation.probe:
        servers = " and ".join(export.installation.probe)
        on_message(f"export {export.name}: waiting for {servers} to load release {release}")


def _run_now(install: Install) -> Future[ExportResult]:
    future = Future[ExportResult]()
    try:
        future.set_result(install.work())
    except BaseException as error:  # it is raised where the outcome is asked for
        future.set_exception(error)
    return future


def _is_waiting(export: Export) -> bool:
    """Return whether commands or servers are waited for."""
    keys = export.installation
    return bool(keys.probe or keys.check_server or keys.reload or keys.before or keys.after)


def _describe_loss(export: Export, kernel: ServerResult) -> ExportOutcome:
    cause = f"export {export.name}: {describe_missing(export, kernel)}"
    return ExportOutcome(export.name, str(export.path), None, cause, (kernel,))


def _describe_failure(export: Export, error: ExportFailed) -> ExportOutcome:
    logger.info("export %s: failed: %s", export.name, error)
    servers = None
    if isinstance(error, ServersFailed) and error.release is not None:
        servers = make_server_results(error.loads, error.release) or None
    return ExportOutcome(export.name, str(export.path), None, str(error), servers)
