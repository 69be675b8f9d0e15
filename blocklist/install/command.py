"""Run external commands: words and time limit -> exit code and output; a shell only on request."""

import logging
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from blocklist.errors import ExportFailed
from blocklist.install.interruption import is_interruptible, raise_if_interrupted

logger = logging.getLogger(__name__)

# Servers' tools are in these folders, which the PATH of some users leaves out.
_SEARCH_PATH = os.pathsep.join(
    [os.environ.get("PATH") or os.defpath, "/usr/local/sbin", "/usr/sbin", "/sbin"]
)
_MAX_OUTPUT_BYTES = 2000
_GRACE_SECONDS = 5
_POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The exit code of a command, and the beginning of its output, both streams together."""

    exit_code: int
    output_text: str

    @property
    def failure_text(self) -> str:
        """The output of a failed command, or its exit code if it has no output."""
        return self.output_text or f"it ended with {self.exit_code} and no output"


def find_program(name: str) -> str | None:
    """Return the path of a program, or None if it is not installed."""
    return shutil.which(name, path=_SEARCH_PATH)


def fill_words(words: Sequence[str], fields: Mapping[str, str]) -> list[str]:
    """Return the words of a command with fields such as `{file}` filled in."""
    return [_fill_word(word, fields) for word in words]


def wrap_in_shell(words: Sequence[str], fields: Mapping[str, str]) -> list[str]:
    """Return a command that passes the words to the shell, with quoted fields filled in."""
    quoted = {name: shlex.quote(value) for name, value in fields.items()}
    return ["/bin/sh", "-c", " ".join(fill_words(words, quoted))]


def run_command(
    words: Sequence[str], limit: float, environment: Mapping[str, str], limit_key: str
) -> CommandResult:
    """Run a command and return its result.

    Raise `ExportFailed` if it is not installed, or does not end within `limit` seconds: it is then
    killed with all processes that it started. `limit_key` names the setting of the limit.
    """
    program = find_program(words[0])
    if program is None:
        raise ExportFailed(f"{words[0]} cannot be run: it is not installed, or not executable")
    start = time.monotonic()
    # A file instead of a pipe: a server that the command starts would keep a pipe open for ever.
    with _open_output_file(words[0]) as output:
        try:
            process = subprocess.Popen(
                [program, *words[1:]],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**environment, "PATH": _SEARCH_PATH, "LC_ALL": "C"},
                start_new_session=True,
            )
        except OSError as error:
            raise ExportFailed(f"{words[0]} cannot be run: {error.strerror or error}") from None
        try:
            code = _wait_for_end(process, limit)
        except subprocess.TimeoutExpired:
            message = f"{words[0]} did not end within {limit:g} s; see {limit_key}"
            raise ExportFailed(message) from None
        finally:
            _kill_process_group(process)
        logger.debug("%s ended with %d after %.1f s", program, code, time.monotonic() - start)
        return CommandResult(code, _read_output(output))


def _wait_for_end(process: subprocess.Popen[bytes], limit: float) -> int:
    """Return the exit code of a process, in a thread that may be interrupted meanwhile."""
    deadline = time.monotonic() + limit
    while is_interruptible() and (left := deadline - time.monotonic()) > _POLL_SECONDS:
        raise_if_interrupted()
        with suppress(subprocess.TimeoutExpired):
            return process.wait(min(_POLL_SECONDS, left))
    return process.wait(max(0.0, deadline - time.monotonic()))


def _open_output_file(name: str) -> IO[bytes]:
    try:
        return tempfile.TemporaryFile()
    except OSError as error:
        message = f"{name} cannot be run: no file for its output: {error.strerror or error}"
        raise ExportFailed(message) from None


def _read_output(file: IO[bytes]) -> str:
    """Return the start of the output, without NUL bytes, which no environment variable can hold."""
    file.seek(0)
    return file.read(_MAX_OUTPUT_BYTES).replace(b"\0", b"").decode(errors="replace").strip()


def _kill_process_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process that has not ended, with its children.

    The children of a process that has ended stay: one may be the server that it started.
    """
    if process.returncode is None:
        with suppress(ProcessLookupError, PermissionError):  # children of sudo cannot be killed
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_SECONDS)


def _fill_word(word: str, fields: Mapping[str, str]) -> str:
    for name, value in fields.items():
        word = word.replace(f"{{{name}}}", value)
    return word
