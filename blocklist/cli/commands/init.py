"""Run `init`: write a commented blocklist.toml, or lay out the folders of a system."""

from pathlib import Path
from typing import Annotated

import typer

from blocklist.cli.session import get_session
from blocklist.config.layout import SERVICE_USER, lay_out_system, place_config, write_config
from blocklist.errors import UsageError


def init_command(
    context: typer.Context,
    place: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DIR|FILE.toml]",
            readable=False,
            help="Write blocklist.toml to this folder, or write this file. Without it: here.",
        ),
    ] = None,
    system: Annotated[
        bool,
        typer.Option(
            "--system",
            help="Lay out a service: /etc/blocklist/blocklist.toml, and /var/lib/blocklist for "
            "the database and the exports.",
        ),
    ] = False,
    user: Annotated[
        str,
        typer.Option(metavar="NAME", help="With --system: the user who owns /var/lib/blocklist."),
    ] = SERVICE_USER,
    root: Annotated[
        Path,
        typer.Option(
            metavar="DIR",
            help="With --system: lay it out below this folder, as packages are built; owners are "
            "not changed then.",
        ),
    ] = Path("/"),
) -> None:
    """Write a commented blocklist.toml to start from, never over an existing one.

    With --system, what exists already is left as it is, and the exit code is 0.
    """
    show = get_session(context).show_status
    if not system:
        path = place_config(place or Path())
        write_config(path)
        option = "" if place in {None, Path()} else f" --config {path}"
        show(f"wrote {path}; read it, then: blocklist{option} run")
        return
    if place is not None:
        raise UsageError("give either --system or a place, not both; for another root: --root DIR")
    path, is_new = lay_out_system(root, user)
    what = "wrote" if is_new else "exists already and is left as it is:"
    show(f"{what} {path}; read it, then, as {user}: blocklist run")
