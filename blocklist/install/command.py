"""Run external commands: words and time limit -> exit code and output; a shell only on request."""

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from blocklist.errors import ExportFailed

# Where servers' tools live, also for users whose PATH leaves them out.
_SEARCH_PATH = os.pathsep.join(
    [os.environ.get("PATH") or os.defpath, "/usr/local/sbin", "/usr/sbin", "/sbin"]
)
_MAX_OUTPUT_BYTES = 2000
_GRACE_SECONDS = 5


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How a command ended, and the beginning of what it said, both streams together."""

    exit_code: int
    output_text: str

    @property
    def failure_text(self) -> str:
        """What a person is told of one that failed."""
        return self.output_text or f"it ended with {self.exit_code} and no word"


def find_program(name: str) -> str | None:
    """Return where a program is, None when it is not installed."""
    return shutil.which(name, path=_SEARCH_PATH)


def fill_words(words: Sequence[str], fields: Mapping[str, str]) -> list[str]:
    """Return the words of a command with `{file}` and the like filled in."""
    return [_fill_word(word, fields) for word in words]


def wrap_in_shell(words: Sequence[str], fields: Mapping[str, str]) -> list[str]:
    """Return a command that hands the words to the shell, what is filled in quoted."""
    quoted = {name: shlex.quote(value) for name, value in fields.items()}
    return ["/bin/sh", "-c", " ".join(fill_words(words, quoted))]


def run_command(
    words: Sequence[str], limit: float, environment: Mapping[str, str], key: str
) -> CommandResult:
    """Run a command and return how it ended.

    Raise `ExportFailed` when it is not there, or does not end within the limit, which `key` sets:
    it is then killed with all that it started.
    """
    program = find_program(words[0])
    if program is None:
        raise ExportFailed(f"{words[0]} cannot be run: it is not installed, or not executable")
    # A file in place of a pipe: a server that the command starts keeps a pipe open for ever.
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
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            message = f"{words[0]} did not end within {limit:g} s; see {key}"
            raise ExportFailed(message) from None
        finally:
            _kill_process_group(process)
        output.seek(0)
        said = output.read(_MAX_OUTPUT_BYTES).replace(
            b"\0", b""
        )  # which no environment of a hook can hold
        return CommandResult(code, said.decode(errors="replace").strip())


def _open_output_file(name: str) -> IO[bytes]:
    try:
        return tempfile.TemporaryFile()
    except OSError as error:
        message = f"{name} cannot be run: no file for what it says: {error.strerror or error}"
        raise ExportFailed(message) from None


def _kill_process_group(process: subprocess.Popen[bytes]) -> None:
    """Kill what has not ended by itself, children too; one that has may leave a server running."""
    if process.returncode is None:
        with suppress(ProcessLookupError, PermissionError):  # sudo's children are not ours to kill
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_SECONDS)


def _fill_word(word: str, fields: Mapping[str, str]) -> str:
    for name, value in fields.items():
        word = word.replace(f"{{{name}}}", value)
    return word
