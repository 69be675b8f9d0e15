"""Import commands on call: a table of names, targets and help lines -> a command group."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, ClassVar, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from blocklist.cli.help import HelpGroup, HelpTyper

Command = TyperCommand | TyperGroup


class CommandEntry(NamedTuple):
    """Where a command or a group is, as `module:name`, and its line in the help."""

    target: str
    help: str


def load_command(name: str, target: str) -> Command:
    """Import the module of a command or a group, and return it ready to be called."""
    module, _, attribute = target.partition(":")
    loaded = getattr(import_module(module), attribute)
    if isinstance(loaded, typer.Typer):
        group = typer.main.get_group(loaded)
        group.name = name
        return group
    holder = HelpTyper(add_completion=False, rich_markup_mode=None)
    holder.command(name)(loaded)
    command = typer.main.get_command(holder)
    assert isinstance(command, TyperCommand)
    return command


class _LoadedCommands(Mapping[str, Command]):
    """The commands of a table by name; each is imported when it is looked up."""

    def __init__(self, table: Mapping[str, CommandEntry]) -> None:
        self._table = table
        self._loaded: dict[str, Command] = {}

    def __getitem__(self, name: str) -> Command:
        if name not in self._loaded:
            self._loaded[name] = load_command(name, self._table[name].target)
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)


class LazyGroup(HelpGroup):
    """A group that imports a command when it is called; its help comes from the table alone."""

    table: ClassVar[Mapping[str, CommandEntry]] = {}

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401
        super().__init__(**settings)
        self.commands = _LoadedCommands(self.table)  # type: ignore[assignment]

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:  # noqa: ANN401
        """Return the names of commands that begin so, from the table: nothing is imported."""
        commands = self.commands
        self.commands = {
            name: TyperCommand(name, help=self.table[name].help) for name in self.table
        }
        try:
            return super().shell_complete(ctx, incomplete)
        finally:
            self.commands = commands

    def list_commands(self, ctx: object) -> list[str]:
        """Return the names of all commands."""
        return list(self.table)

    def list_summaries(self) -> list[tuple[str, str]]:
        """Return the name and the help line of each command."""
        return [(name, entry.help) for name, entry in self.table.items()]
