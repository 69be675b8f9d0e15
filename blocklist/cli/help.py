"""Lay out the help of commands: whole summaries, plain usage lines and examples, in 80 columns."""

from collections.abc import Iterable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from blocklist.cli.examples import EXAMPLES


def write_examples(context: typer.Context, formatter: Any) -> None:  # noqa: ANN401
    """Write the examples of a command, each with its purpose as a comment of the shell."""
    examples = EXAMPLES.get(context.command_path.partition(" ")[2], {})
    if examples:
        formatter.write_paragraph()
        formatter.write("Examples:\n")
    width = max(map(len, examples), default=0)
    for line, purpose in examples.items():
        formatter.write(f"  {line.ljust(width)}  # {purpose}\n")


def list_words(words: Iterable[str]) -> str:
    """Return the words that an option takes, for its help."""
    *most, last = words
    return f"{', '.join(most)} or {last}"


class HelpCommand(TyperCommand):
    """A command whose help ends with examples."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ANN401
        """Return the parts of the usage line; an argument that is required has no brackets."""
        return [piece.strip("{}") for piece in super().collect_usage_pieces(ctx)]

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        """Write the examples."""
        write_examples(ctx, formatter)


class HelpGroup(TyperGroup):
    """A group whose help shows the whole summary of each command, and examples."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        """Write the names and summaries of all commands."""
        with formatter.section("Commands"):
            formatter.write_dl(self.list_summaries())

    def list_summaries(self) -> list[tuple[str, str]]:
        """Return the name and the summary of each command."""
        return [
            (name, (command.help or "").strip().partition("\n\n")[0])
            for name, command in self.commands.items()
        ]

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        """Write the examples."""
        write_examples(ctx, formatter)


class HelpTyper(typer.Typer):
    """An application whose commands have examples in their help."""

    def command(self, name: str | None = None, **settings: Any) -> Any:  # noqa: ANN401
        """Return the decorator that registers a command."""
        return super().command(name, **{"cls": HelpCommand, **settings})
