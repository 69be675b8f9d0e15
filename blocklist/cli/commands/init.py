"""Run `init`: write a commented blocklist.toml."""

from pathlib import Path
from typing import Annotated

import typer

from blocklist.cli.session import get_session
from blocklist.errors import StorageError


def init_command(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where; else here.")] = Path(),
) -> None:
    """Write a commented blocklist.toml to start from; an existing one is never overwritten."""
    from importlib.resources import files

    from blocklist.atomic_files import write_atomically
    from blocklist.config.paths import CONFIG_FILE_NAME

    path = folder / CONFIG_FILE_NAME
    if path.exists():
        raise StorageError(f"{path}: exists already and is left as it is")
    template = (files("blocklist") / "config" / "template.toml").read_bytes()
    write_atomically(path, [template])
    told = "" if folder == Path() else f" --config {path}"
    get_session(context).show_status(f"wrote {path}; read it, then: blocklist{told} run")
