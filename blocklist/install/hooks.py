"""Run the commands of an export: key and change -> the output, or `ExportFailed`."""

from blocklist.errors import ExportFailed
from blocklist.install.change import InstallChange
from blocklist.install.command import fill_words, run_command, wrap_in_shell

#: The output of hooks and commands, line by line, for the user.
CommandOutput = tuple[str, ...]


def run_hook(key: str, change: InstallChange, **variables: str) -> CommandOutput:
    """Run a command of the export, if it has one; return its output."""
    installation = change.export.installation
    words = getattr(installation, key)
    if not words:
        return ()
    fields = {"file": str(change.export.path), "zone": change.export.zone or ""}
    fields |= {name: str(path) for name, path in change.difference.items()}
    make_command = wrap_in_shell if installation.shell else fill_words
    limit_key = f"exports.{change.export.name}.timeout"
    environment = change.environment | variables
    result = run_command(make_command(words, fields), installation.timeout, environment, limit_key)
    if result.exit_code:
        raise ExportFailed(f"{key} failed: {words[0]}: {result.failure_text}")
    return tuple(f"{key}: {line}" for line in result.output_text.splitlines())


def run_after_hook(change: InstallChange, outcome: str, cause: str) -> CommandOutput:
    """Run the hook `after`; if it fails, report that without any effect on the list."""
    try:
        return run_hook("after", change, BLOCKLIST_OUTCOME=outcome, BLOCKLIST_CAUSE=cause)
    except ExportFailed as error:
        return (str(error),)
