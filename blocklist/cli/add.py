"""`feeds add`: try a list, show what it gives, and write it to the configuration."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blocklist.cli.account import account, parsed_from, show_account
from blocklist.cli.session import Json, session, show, show_json
from blocklist.errors import UsageError
from blocklist.model import Category

if TYPE_CHECKING:
    from blocklist.config import Config


def add(  # noqa: PLR0913, PLR0917 (an option each)
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="URL_OR_FILE", help="Where the list is.")],
    name: Annotated[
        str | None, typer.Option(help="What to call it; else told from where it is.")
    ] = None,
    given: Annotated[
        str | None, typer.Option("--format", help="How it is read; else told from content.")
    ] = None,
    category: Annotated[Category | None, typer.Option(help="What it lists.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Write it without asking.")] = False,
    as_json: Json = False,
) -> None:
    """Add a feed of your own: fetch it, show what it gives, then write it to blocklist.toml."""
    from blocklist import addition

    config = session(context).config
    path = _writable(config)
    name = name or addition.name_for(source)
    url = addition.location(source, path)
    addition.refuse_known(config, name, url)
    parsed = parsed_from(source, given, config.collect)
    if not parsed.accepted:
        raise UsageError(f"{source}: read as {parsed.format}, not one line lists anything")
    text = addition.block(name, url, parsed.format, category)
    if not as_json:
        show_account(parsed)
        show(f"\nto be added to {path}:\n\n{text}")
    if not yes:
        _ask(path)
    addition.append(path, text)
    if as_json:
        show_json({"feed": name, "config": path, "parsed": account(parsed)})
    session(context).say(f"added {name} to {path}; next: blocklist update {name}")


def _writable(config: "Config") -> Path:
    if config.path is None:
        raise UsageError("there is no blocklist.toml to add to; write one with: blocklist init")
    return config.path


def _ask(path: Path) -> None:
    if not sys.stdin.isatty():
        raise UsageError(f"{path}: left as it is; to write without being asked, add --yes")
    if not typer.confirm("Add it?", err=True):
        raise UsageError(f"{path}: left as it is")
