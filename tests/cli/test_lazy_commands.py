"""Commands are imported on call: the help of all comes from the table, which says what they say."""

import subprocess
import sys

import pytest
import typer

from blocklist.cli.app import COMMANDS, app
from blocklist.cli.lazy import LazyGroup, load_command

COMMAND_MODULES = {entry.target.partition(":")[0] for entry in COMMANDS.values()}
CODE = """
import sys
from blocklist.cli import main
sys.argv = ["blocklist", *sys.argv[1:]]
try:
    main()
except SystemExit:
    pass
print(*sys.modules)
"""


@pytest.mark.parametrize(("name", "entry"), COMMANDS.items(), ids=COMMANDS)
def test_the_table_says_what_the_command_says(name: str, entry: tuple[str, str]) -> None:
    target, help_line = entry
    command = load_command(name, target)
    assert command.get_short_help_str(limit=1000).rstrip(".") == help_line.rstrip(".")
    assert command.name == name


def modules_after(*words: str) -> set[str]:
    """Return the command modules that a process has imported after a command."""
    command = [sys.executable, "-c", CODE, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return COMMAND_MODULES & set(done.stdout.split())


@pytest.mark.parametrize(
    ("words", "own"),
    [
        (("--help",), set()),
        (("--version",), set()),
        (("chek", "x"), set()),
        (("check", "--help"), {"blocklist.cli.commands.check"}),
        (("--config", "none.toml", "check", "x.top"), {"blocklist.cli.commands.check"}),
        (("allow", "--help"), {"blocklist.cli.commands.allow_block"}),
    ],
)
def test_no_other_command_is_imported(words: tuple[str, ...], own: set[str]) -> None:
    assert modules_after(*words) == own


def test_the_group_knows_all_names_and_loads_each_once() -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, LazyGroup)
    context = typer.Context(group)
    assert group.list_commands(context) == list(COMMANDS)
    check = group.get_command(context, "check")
    assert check is not None
    assert group.get_command(context, "check") is check
    assert group.get_command(context, "chek") is None
    assert len(group.commands) == len(COMMANDS)
