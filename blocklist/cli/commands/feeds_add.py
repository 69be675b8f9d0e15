"""Run `feeds add`: try a list, show its parse report, and append it to the configuration."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blocklist.cli.render.parse_report import build_parse_report, fetch_and_parse, show_parse_report
from blocklist.cli.session import JsonOption, get_session, show_json, show_line
from blocklist.errors import ConfigError, UsageError
from blocklist.model import Category

if TYPE_CHECKING:
    from blocklist.config.loader import Config


def add_feed_command(  # noqa: PLR0913, PLR0917 (an option each)
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
    as_json: JsonOption = False,
) -> None:
    """Add a feed of your own: fetch it, show what it gives, then write it to blocklist.toml."""
    from blocklist.config.add_feed import (
        append_to_config,
        make_source_relative,
        refuse_known_feed,
        render_feed_table,
        suggest_feed_name,
    )

    config = get_session(context).config
    path = _require_config_path(config)
    name = name or suggest_feed_name(source)
    url = make_source_relative(source, path)
    refuse_known_feed(config, name, url)
    parsed = fetch_and_parse(source, given, config.collect)
    if not parsed.accepted:
        raise UsageError(f"{source}: read as {parsed.format}, not one line lists anything")
    text = render_feed_table(name, url, parsed.format, category)
    if not as_json:
        show_parse_report(parsed)
        show_line(f"\nto be added to {path}:\n\n{text}")
    if not yes:
        _confirm_addition(path)
    append_to_config(path, text)
    if as_json:
        show_json({"feed": name, "config": path, "parsed": build_parse_report(parsed)})
    get_session(context).show_status(f"added {name} to {path}; next: blocklist update {name}")


def _require_config_path(config: "Config") -> Path:
    if config.path is None:
        raise ConfigError("there is no blocklist.toml to add to; write one with: blocklist init")
    return config.path


def _confirm_addition(path: Path) -> None:
    if not sys.stdin.isatty():
        raise UsageError(f"{path}: left as it is; to write without being asked, add --yes")
    if not typer.confirm("Add it?", err=True):
        raise UsageError(f"{path}: left as it is")
