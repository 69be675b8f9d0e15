"""The consumer's own checker, as the target's TOML names it."""

import os
import shutil
import subprocess
from pathlib import Path

from blocklist.config import Export
from blocklist.errors import ExportFailed

# Where servers' tools live, also for users whose PATH leaves them out.
_PLACES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])
_SHOWN = 2000


def check(export: Export, path: Path) -> tuple[str, ...]:
    """Run the checker on a finished file; return what a person should know.

    Raise `ExportFailed` with the checker's words when it refuses the file or does not end. One that
    is not installed, or may not look from here, is no failure: the file was read back before.
    """
    if not export.target.check:
        return ()
    name, *arguments = export.target.check
    program = installed(name)
    if program is None:
        return (f"{name} is not installed, so it did not check the file",)
    done = _run([program, *(_filled(word, export, path) for word in arguments)], export)
    said = (done.stdout + done.stderr).strip()
    if done.returncode == 0:
        return ()
    if any(excuse in said for excuse in export.target.check_cannot):
        return (f"{name} could not check the file here: {said.splitlines()[0]}",)
    shown = said[:_SHOWN] or f"it ended with {done.returncode} and no word"
    raise ExportFailed(f"{name} refuses the new file:\n{shown}")


def installed(name: str) -> str | None:
    """Return where a program is, None when it is not installed."""
    return shutil.which(name, path=_PLACES)


def _run(command: list[str], export: Export) -> subprocess.CompletedProcess[str]:
    limit = export.target.check_timeout
    try:
        return subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=limit,
            env={**os.environ, "LC_ALL": "C"},
        )
    except subprocess.TimeoutExpired:
        message = f"{command[0]} did not end within {limit} s; see check_timeout of the target"
        raise ExportFailed(message) from None
    except OSError as error:
        raise ExportFailed(f"{command[0]} cannot be run: {error.strerror or error}") from None


def _filled(word: str, export: Export, path: Path) -> str:
    return word.replace("{file}", str(path)).replace("{zone}", export.zone or "")
