"""Run the consumer's own checker, as the target's TOML names it: finished file -> notes."""

import os
from pathlib import Path

from blocklist.config.exports import Export
from blocklist.errors import ExportFailed
from blocklist.install.command import fill_words, find_program, run_command


def run_checker(export: Export, path: Path) -> tuple[str, ...]:
    """Run the checker on a finished file; return what a person should know.

    Raise `ExportFailed` with the checker's words when it refuses the file or does not end. One that
    is not installed, or may not look from here, is no failure: the file was read back before.
    """
    if not export.target.check:
        return ()
    name, limit = export.target.check[0], export.target.check_timeout
    if find_program(name) is None:
        return (f"{name} is not installed, so it did not check the file",)
    words = fill_words(export.target.check, {"file": str(path), "zone": export.zone or ""})
    ended = run_command(words, limit, os.environ, "check_timeout of the target")
    if not ended.exit_code:
        return ()
    if any(excuse in ended.output_text for excuse in export.target.check_cannot):
        return (f"{name} could not check the file here: {ended.output_text.splitlines()[0]}",)
    raise ExportFailed(f"{name} refuses the new file:\n{ended.failure_text}")
