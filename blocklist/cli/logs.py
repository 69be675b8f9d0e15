"""Log one command: options -> handlers on the program's logger, removed when the command ends.

Times are in UTC. What may be secret in a URL is left out, and a record is always one line, but for
a traceback.
"""

import json
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import typer
from typer.exceptions import TyperException

from blocklist.cli.streams import flush_stream, warn, write_text
from blocklist.errors import BlocklistError, StorageError
from blocklist.fetch.credentials import redact_url
from blocklist.text import escape_unprintable

#: The parent of all loggers of the program.
_PROGRAM = logging.getLogger("blocklist")
#: How every SQLite database begins; a log must not be appended to one.
_SQLITE_HEADER = b"SQLite format 3\0"
_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s'\"]+", re.IGNORECASE)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LogOptions:
    """What to log, and where."""

    #: How often `-v` was given: once for decisions, twice for details.
    verbose: int = 0
    file: Path | None = None
    as_json: bool = False


@contextmanager
def log_command(options: LogOptions, command: str) -> Iterator[None]:
    """Log what happens in the body, and how it ends; raise `StorageError` for a file."""
    handlers, level = _make_handlers(options), _PROGRAM.level
    _PROGRAM.setLevel(logging.DEBUG if options.verbose > 1 else logging.INFO)
    for handler in handlers:
        _PROGRAM.addHandler(handler)
    try:
        logger.info("begin: blocklist %s", command)
        with _log_end(command):
            yield
    finally:
        _PROGRAM.setLevel(level)
        for handler in handlers:
            _PROGRAM.removeHandler(handler)
            handler.close()


@contextmanager
def _log_end(command: str) -> Iterator[None]:
    try:
        yield
    except typer.Exit as end:
        logger.info("end: blocklist %s, exit code %d", command, end.exit_code)
        raise
    except BlocklistError as error:
        logger.error("end: blocklist %s, exit code %d: %s", command, error.exit_code, error)
        raise
    except TyperException as error:
        logger.error("end: blocklist %s, wrong use: %s", command, _describe(error))
        raise
    except Exception:
        logger.exception("end: blocklist %s, a fault of the program", command)
        raise
    except BaseException as error:
        logger.error("end: blocklist %s, interrupted: %s", command, _describe(error))
        raise
    logger.info("end: blocklist %s", command)


def _describe(error: BaseException) -> str:
    format_message = getattr(error, "format_message", error.__str__)  # a wrong use has parts
    return format_message() or type(error).__name__


def _make_handlers(options: LogOptions) -> list[logging.Handler]:
    formatter = _JsonFormatter() if options.as_json else _LineFormatter()
    handlers: list[logging.Handler] = []
    if options.file is not None:
        handlers.append(_open_log_file(options.file))
        handlers[0].setFormatter(formatter)
    if options.verbose or options.file is None:
        handlers.append(_StderrHandler())
        # JSON goes to the file if there is one, and people read stderr.
        handlers[-1].setFormatter(_LineFormatter() if options.file else formatter)
    return handlers


def _open_log_file(path: Path) -> logging.Handler:
    try:
        if path.is_file() and path.read_bytes()[: len(_SQLITE_HEADER)] == _SQLITE_HEADER:
            raise StorageError(f"--log-file {path}: is a database, not a log")
        return _LogFile(path)
    except OSError as error:
        message = f"--log-file {path}: cannot be written: {error.strerror or error}"
        raise StorageError(message) from None


class _LogFile(logging.FileHandler):
    """Writes records to a file; warns once where it cannot, such as on a full disk."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, encoding="utf-8", errors="backslashreplace")
        self._has_failed = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (its name in logging)
        """Warn of the error that was just raised, the first time."""
        self._warn_once(sys.exc_info()[1])

    def close(self) -> None:
        """Close the file; what cannot be written is lost, and the command's result stays."""
        try:
            super().close()
        except OSError as error:
            self._warn_once(error)

    def _warn_once(self, error: BaseException | None) -> None:
        if not self._has_failed:
            self._has_failed = True
            cause = getattr(error, "strerror", None) or error
            warn(f"blocklist: --log-file {self.baseFilename}: the log is incomplete: {cause}")


class _StderrHandler(logging.Handler):
    """Writes records on stderr; a reader that has gone does no harm."""

    def emit(self, record: logging.LogRecord) -> None:
        write_text(self.format(record) + "\n", sys.stderr)
        flush_stream(sys.stderr)


class _LineFormatter(logging.Formatter):
    """Time, level, logger and message in one line; a traceback follows, indented."""

    def format(self, record: logging.LogRecord) -> str:
        message = " ".join(_clean_message(record).split())
        line = f"{_format_time(record)} {record.levelname} {record.name}: {message}"
        if not record.exc_info:
            return line
        trace = escape_unprintable(self.formatException(record.exc_info))
        return "\n    ".join([line, *trace.split("\n")])


class _JsonFormatter(logging.Formatter):
    """One JSON object a line: `time`, `level`, `logger`, `message`, and `exception`."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "time": _format_time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _clean_message(record),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields)


def _format_time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC).replace(tzinfo=None)
    return f"{moment.isoformat(timespec='milliseconds')}Z"


def _clean_message(record: logging.LogRecord) -> str:
    text = _URL.sub(lambda url: redact_url(url[0]), record.getMessage())
    return escape_unprintable(text)
