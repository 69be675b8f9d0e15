"""The help of each command: it fits 80 columns, has readable values and examples that parse."""

import re
import shlex
from collections.abc import Iterator

import pytest
import typer
from typer.core import TyperCommand, TyperGroup
from typer.testing import CliRunner

from blocklist.cli.app import app
from blocklist.cli.examples import EXAMPLES
from blocklist.cli.options import parse_count

MAX_WIDTH, USAGE = 80, 2
#: The widest column of options, such as `--install-completion`, with its margin.
MAX_OPTION_WIDTH = 26
EXAMPLE_LINES = [(path, line) for path, lines in EXAMPLES.items() for line in lines]


def walk(command: TyperCommand | TyperGroup, path: str = "") -> Iterator[str]:
    """Yield the words of every command and group, without the name of the program."""
    yield path
    for name, inner in command.commands.items() if isinstance(command, TyperGroup) else ():
        assert isinstance(inner, TyperCommand | TyperGroup)
        yield from walk(inner, f"{path} {name}".strip())


def load_root() -> TyperGroup:
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    return root


PATHS = list(walk(load_root()))


def read_help(path: str, columns: int = MAX_WIDTH) -> str:
    done = CliRunner().invoke(
        app, [*path.split(), "--help"], prog_name="blocklist", env={"COLUMNS": str(columns)}
    )
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path or "blocklist")
def test_the_help_fits_and_is_whole(path: str) -> None:
    text = read_help(path)
    assert max(map(len, text.splitlines())) <= MAX_WIDTH
    assert "..." not in text.partition("Commands:\n")[2].replace("...  ", ""), "a cut summary"
    assert not re.search(r"<[a-z|-]+( range)?>", text), "a type of the library"
    assert "<=x" not in text
    assert "{" not in text.partition("\n")[0], "brackets of the library in the usage line"


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path or "blocklist")
def test_the_column_of_options_is_narrow(path: str) -> None:
    options = re.findall(r"^  (-\S.*?)(?:  |$)", read_help(path), re.MULTILINE)
    assert options
    assert max(map(len, options)) <= MAX_OPTION_WIDTH


def test_a_wide_terminal_gets_the_same_help() -> None:
    assert read_help("feeds add", columns=300) == read_help("feeds add")


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path or "blocklist")
def test_each_help_ends_with_examples_of_its_command(path: str) -> None:
    shown = read_help(path).partition("\nExamples:\n")[2].splitlines()
    lines, purposes = zip(*(line.split("  # ") for line in shown), strict=True)
    assert 2 <= len(shown) <= 4
    assert [line.strip() for line in lines] == list(EXAMPLES[path])
    assert all(purposes)


def test_no_example_is_of_a_command_that_does_not_exist() -> None:
    assert EXAMPLES.keys() == set(PATHS)


@pytest.mark.parametrize(("path", "line"), EXAMPLE_LINES, ids=map(": ".join, EXAMPLE_LINES))
def test_an_example_parses(path: str, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    called = []
    monkeypatch.setattr(TyperCommand, "invoke", lambda _self, context: called.append(context))
    program, *words = shlex.split(
        line.partition(" < ")[0].partition(" > ")[0].removeprefix("sudo ")
    )
    done = CliRunner().invoke(app, words, prog_name=program)
    assert done.exit_code == 0, done.output
    (context,) = called
    assert context.command_path.startswith(f"blocklist {path.partition(' ')[0]}".strip())


@pytest.mark.parametrize(
    ("path", "line", "message"),
    [
        ("review list", "--limit 0", "'0' is no whole number from 1 to 1,000,000,000"),
        ("review list", "--limit 1000000001", "is no whole number"),
        ("release show", "--limit -1", "'-1' is no whole number"),
        ("release diff", "1 2 --limit 1.5", "'1.5' is no whole number"),
        ("resolve", "--limit ten", "'ten' is no whole number"),
        ("resolve", "--limit ''", "'' is no whole number"),
        ("resolve", "--limit ¹", "'¹' is no whole number"),  # isdigit, but no number for int
        ("resolve", f"--limit {'9' * 5000}", "is no whole number"),  # int refuses 5,000 digits
        ("feeds add", "x --reliability 1.1", "'1.1' is no number from 0 to 1"),
        ("feeds add", "x --reliability nan", "'nan' is no number from 0 to 1"),
        ("feeds add", "x --reliability high", "'high' is no number from 0 to 1"),
        ("feeds add", "x --reliability -0.1", "'-0.1' is no number from 0 to 1"),
    ],
)
def test_a_bad_number_is_refused_with_the_numbers_that_are_good(
    path: str, line: str, message: str
) -> None:
    done = CliRunner().invoke(app, [*path.split(), *shlex.split(line)])
    assert done.exit_code == USAGE
    assert message in " ".join(done.stderr.split())


def test_the_largest_count_is_good() -> None:
    assert parse_count("1000000000") == parse_count(10**9) == 10**9
