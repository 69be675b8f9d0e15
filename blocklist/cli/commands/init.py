"""Run `init`: write a commented blocklist.toml."""

from pathlib import Path
from typing import Annotated

import typer

from blocklist.atomic_files import write_atomically
from blocklist.cli.session import get_session
from blocklist.config.paths import CONFIG_FILE_NAME
from blocklist.config.reference import render_template
from blocklist.errors import StorageError


def init_command(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="Write it to this folder.")
    ] = Path(),
) -> None:
    """Write a commented blocklist.toml to start from, never over an existing one."""
    path = folder / CONFIG_FILE_NAME
    if path.exists():
        raise StorageError(f"{path}: exists already and is left as it is")
    write_atomically(path, [render_template().encode()])
    option = "" if folder == Path() else f" --config {path}"
    get_session(context).show_status(f"wrote {path}; read it, then: blocklist{option} run")
