"""Define the command line application: the global options and all commands."""

from pathlib import Path
from typing import Annotated

import typer

from blocklist import __version__
from blocklist.cli.commands import feeds, release, release_undo, review
from blocklist.cli.commands.allow_block import allow_group, block_group
from blocklist.cli.commands.check import check_command
from blocklist.cli.commands.doctor import doctor_command
from blocklist.cli.commands.export import export_command
from blocklist.cli.commands.init import init_command
from blocklist.cli.commands.prune import prune_command
from blocklist.cli.commands.resolve import resolve_command
from blocklist.cli.commands.run import run_job_command
from blocklist.cli.commands.update import update_command
from blocklist.cli.session import Session

app = typer.Typer(
    name="blocklist",
    help="Manage blocklists of fraud domains and addresses, and do no harm.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"blocklist {__version__}")
        raise typer.Exit


@app.callback()
def set_global_options(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(help="The configuration; else ./blocklist.toml, then the user's own."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but results.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more.")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Manage blocklists of fraud domains and addresses, and do no harm."""
    context.obj = Session(config, quiet, verbose)


app.command("init")(init_command)
app.add_typer(feeds.app, name="feeds")
app.command("update")(update_command)
app.command("resolve")(resolve_command)
release.app.add_typer(release_undo.app)
app.add_typer(release.app, name="release")
app.command("export")(export_command)
app.command("run")(run_job_command)
app.command("check")(check_command)
app.command("prune")(prune_command)
app.add_typer(allow_group, name="allow")
app.add_typer(block_group, name="block")
app.add_typer(review.app, name="review")
app.command("doctor")(doctor_command)
