"""Define the command line application: the global options, and the table of commands."""

from pathlib import Path
from typing import Annotated

import typer

from blocklist import __version__
from blocklist.cli.lazy import CommandEntry, LazyGroup
from blocklist.cli.session import Session

_COMMANDS = "blocklist.cli.commands"


#: All commands, in the order in which the help shows them.
COMMANDS = {
    "init": CommandEntry(
        f"{_COMMANDS}.init:init_command",
        "Write a commented blocklist.toml to start from, never over an existing one.",
    ),
    "run": CommandEntry(
        f"{_COMMANDS}.run:run_job_command",
        "Do the main job: update the feeds, build a release, write the exports.",
    ),
    "check": CommandEntry(
        f"{_COMMANDS}.check:check_command",
        "Show whether names are blocked, by which feeds, since when and on what evidence.",
    ),
    "allow": CommandEntry(
        f"{_COMMANDS}.allow_block:allow_group",
        "Allow names and networks, whatever feeds list.",
    ),
    "block": CommandEntry(
        f"{_COMMANDS}.allow_block:block_group",
        "Block names and networks, whatever guards protect.",
    ),
    "review": CommandEntry(
        f"{_COMMANDS}.review:app",
        "Decide about indicators that are held.",
    ),
    "expire": CommandEntry(
        f"{_COMMANDS}.expire:expire_command",
        "End the entries whose time is over; `run` does this, too.",
    ),
    "feeds": CommandEntry(
        f"{_COMMANDS}.feeds:app",
        "List, try and add feeds: the sources of indicators.",
    ),
    "release": CommandEntry(
        f"{_COMMANDS}.release:app",
        "Build, compare, accept and roll back releases: numbered sets of verdicts.",
    ),
    "update": CommandEntry(
        f"{_COMMANDS}.update:update_command",
        "Fetch and read feeds into the ledger; a feed that fails keeps its last good snapshot.",
    ),
    "resolve": CommandEntry(
        f"{_COMMANDS}.resolve:resolve_command",
        "Look up blocked names in the DNS: which still exist, and where; `check` shows the "
        "answers.",
    ),
    "export": CommandEntry(
        f"{_COMMANDS}.export:export_command",
        "Write the current release into the files of [exports]; unchanged files are not touched.",
    ),
    "prune": CommandEntry(
        f"{_COMMANDS}.prune:prune_command",
        "Delete history that ended longer ago than --keep; no other command deletes history.",
    ),
    "status": CommandEntry(
        f"{_COMMANDS}.status:status_command",
        "Show whether the list is what it should be: runs, feeds, exports, servers, machine.",
    ),
    "doctor": CommandEntry(
        f"{_COMMANDS}.doctor:doctor_command",
        "Check all that `status` does, and the configuration and the machine.",
    ),
}


class CommandLine(LazyGroup):
    """The command line: all commands of the program."""

    table = COMMANDS


app = typer.Typer(
    name="blocklist",
    cls=CommandLine,
    help="Manage blocklists of fraud domains and addresses, and do no harm.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(f"blocklist {__version__}")
        raise typer.Exit


@app.callback()
def set_global_options(  # noqa: PLR0913, PLR0917 (an option each)
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Read this configuration. Without it: that of BLOCKLIST_CONFIG, "
            "./blocklist.toml, the user's own, /etc/blocklist/blocklist.toml.",
        ),
    ] = None,
    quiet: Annotated[
        bool,
        typer.Option(
            "--quiet", "-q", help="Print only what is wrong, and the answers to questions."
        ),
    ] = False,
    verbose: Annotated[
        int,
        typer.Option(
            "--verbose",
            "-v",
            count=True,
            show_default=False,
            help="Log decisions on stderr; -vv logs details, too.",
        ),
    ] = 0,
    log_file: Annotated[
        Path | None,
        typer.Option(
            "--log-file", metavar="FILE", readable=False, help="Append the log to this file."
        ),
    ] = None,
    log_json: Annotated[
        bool,
        typer.Option(
            "--log-json",
            help="Log as JSON, one object a line, to the log file or else to stderr.",
        ),
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Manage blocklists of fraud domains and addresses, and do no harm."""
    context.obj = Session(config, quiet, verbose)
    if verbose or log_file or log_json:
        from blocklist.cli.logs import LogOptions, log_command

        options = LogOptions(verbose, log_file, log_json)
        context.with_resource(log_command(options, context.invoked_subcommand or ""))
