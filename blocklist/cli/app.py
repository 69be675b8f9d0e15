"""The commands and the options before them."""

from pathlib import Path
from typing import Annotated

import typer

from blocklist import __version__
from blocklist.cli import (
    check,
    doctor,
    export,
    feeds,
    init,
    operator,
    prune,
    release,
    resolve,
    review,
    run,
    undo,
    update,
)
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


app.command("init")(init.init_command)
app.add_typer(feeds.app, name="feeds")
app.command("update")(update.update_command)
app.command("resolve")(resolve.resolve_command)
release.app.add_typer(undo.app)
app.add_typer(release.app, name="release")
app.command("export")(export.export_command)
app.command("run")(run.run_job_command)
app.command("check")(check.check_command)
app.command("prune")(prune.prune_command)
app.add_typer(operator.allow_group, name="allow")
app.add_typer(operator.block_group, name="block")
app.add_typer(review.app, name="review")
app.command("doctor")(doctor.doctor_command)
