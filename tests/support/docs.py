"""Generate parts of README.md and docs/ from the program: document -> document with real output.

`make docs` writes them; tests/project/test_docs.py fails if a document differs from its output.
"""

import re
import shlex
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import typer
from typer.core import TyperCommand, TyperGroup

from blocklist.cli.app import app
from blocklist.cli.examples import EXAMPLES
from blocklist.config.feeds import build_feed
from blocklist.config.reference import render_key_table
from blocklist.config.toml import load_toml
from blocklist.model import Category
from blocklist.parse.parser import parse_snapshot
from tests.support import docs_api, docs_example, docs_screens
from tests.support.cli import blocklist

ROOT = Path(__file__).parents[2]
QUICKSTART = ROOT / "examples" / "quickstart"
#: Every document for people, README.md first.
DOCUMENTS = (
    ROOT / "README.md",
    *sorted(path for path in ROOT.glob("*.md") if path.name != "README.md"),
    *sorted((ROOT / "docs").rglob("*.md")),
)

_CONSOLE = re.compile(r"(?<=```console\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
_EVENT = re.compile(
    r"(?:<!-- now: (?P<event>.*?) -->\n+)?```console\n(?P<block>.*?)^```$", re.MULTILINE | re.DOTALL
)
_EXAMPLE = re.compile(
    r"```(?P<format>[a-z-]+) example\n(?P<body>.*?)```\n\n(?P<table>(?:\|[^\n]*\n)*)", re.DOTALL
)
_COMMANDS = re.compile(r"(?<=<!-- made from the program -->\n).*", re.DOTALL)
_CATALOGUE = re.compile(r"(?<=<!-- made from feeds/ -->\n).*?(?=<!-- end -->)", re.DOTALL)
_KEYS = re.compile(r"(?<=<!-- keys: )(?P<table>\w+) -->\n.*?(?=<!-- end -->)", re.DOTALL)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_SHOWN_TIME = "2026-05-03T06:00:00Z"


def copy_of_quickstart(folder: Path) -> Path:
    """Copy the example without the files that a run creates, and return the copy's folder."""
    ignored = shutil.ignore_patterns("out", "*.db*")
    return Path(shutil.copytree(QUICKSTART, folder / "quickstart", ignore=ignored))


def made(document: Path, text: str) -> str:
    """Return the text of a document with its generated parts written again."""
    if document.name == "cli.md":
        return _COMMANDS.sub(lambda _: "\n" + "\n".join(commands()), text)
    if document.name in docs_example.NAMES:
        return _played_with_events(text)
    if document.name == docs_api.NAME:
        with tempfile.TemporaryDirectory() as scratch:
            return docs_api.run_examples(text, copy_of_quickstart(Path(scratch).resolve()))
    if document.name == docs_screens.NAME:
        with tempfile.TemporaryDirectory() as scratch:
            folder = copy_of_quickstart(Path(scratch).resolve())
            return docs_screens.take_screens(text, folder)
    text = _CATALOGUE.sub(lambda _: "\n".join(["", *catalogue_table(), "", ""]), text)
    text = _KEYS.sub(_with_keys, text)
    text = _EXAMPLE.sub(_with_table, text)
    if "```console" not in text:
        return text
    with tempfile.TemporaryDirectory() as scratch:
        folder = copy_of_quickstart(Path(scratch).resolve())
        if "```console\n$ blocklist run\n" not in text:
            blocklist(folder, "run")
        return _CONSOLE.sub(lambda block: "".join(_played(block[0], folder)), text)


def _played_with_events(text: str) -> str:
    """Return a document with the output of its commands in the small installation."""

    def write(found: re.Match[str]) -> str:
        if found["event"]:
            docs_example.EVENTS[found["event"]](folder)
        output = "".join(_played(found["block"], folder, docs_example.shorten))
        return f"{found[0][: found.start('block') - found.start()]}{output}```"

    with (
        tempfile.TemporaryDirectory() as scratch,
        docs_example.small_installation(Path(scratch).resolve()) as folder,
    ):
        return _EVENT.sub(write, text)


def _played(block: str, folder: Path, shorten: Callable[[str], str] = str) -> Iterator[str]:
    """Yield the commands of a block with their output; times and paths are made neutral."""
    for line in block.splitlines():
        if not line.startswith("$ "):
            continue
        program, *words = shlex.split(line.removeprefix("$ "))
        assert program == "blocklist", f"only blocklist is run here: {line}"
        done = blocklist(folder, *words)
        output = done.out + done.err if done.code > 1 else done.out or done.err
        said = output.replace(str(folder), f"…/{folder.name}")
        yield f"{line}\n{shorten(_TIME.sub(_SHOWN_TIME, said))}"


def catalogue_table() -> Iterator[str]:
    """Yield a table of all shipped feeds, guards last."""
    feeds = [
        build_feed(path.stem, load_toml(path), f"{path}: ")
        for path in sorted((ROOT / "feeds").glob("*.toml"))
    ]
    yield from ("| feed | what | category | licence | verified |", "|---|---|---|---|---|")
    order = list(Category)
    for feed in sorted(feeds, key=lambda feed: (bool(feed.guard), order.index(feed.category))):
        kind = f"{feed.category}; guard: {feed.guard}" if feed.guard else feed.category
        title, licence = _cell(feed.title), _cell(feed.licence)
        cells = (f"`{feed.name}`", f"[{title}]({feed.homepage})", kind, licence)
        yield f"| {' | '.join(cells)} | {feed.verified or 'never'} |"


def _with_keys(marker: re.Match[str]) -> str:
    return "\n".join([f"{marker['table']} -->", "", *render_key_table(marker["table"]), "", ""])


def _with_table(example: re.Match[str]) -> str:
    rows = [
        f"| `{_cell(text)}` | {becomes} |"
        for text, becomes in becoming(example["format"], example["body"])
    ]
    fence = f"```{example['format']} example\n{example['body']}```"
    ending = "" if example["table"] else "\n"
    return "\n".join([fence, "", "| line | becomes |", "|---|---|", *rows, ending])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def becoming(name: str, body: str) -> Iterator[tuple[str, str]]:
    """Yield each line of an example that is no comment, and the result of the parser."""
    parsed = parse_snapshot(body.encode(), name)
    found: dict[int, list[str]] = {}
    for kind, value, scope, line in parsed.indicators.select(
        "kind", "value", "scope", "line"
    ).iter_rows():
        shown = f"{kind} `{value}`" + (f", {scope}" if kind == "domain" else "")
        found.setdefault(line, []).append(shown)
    for line, reason in parsed.refusals.select("line", "reason").iter_rows():
        found.setdefault(line, []).append(f"refused: {reason}")
    for number, text in enumerate(body.splitlines(), 1):
        if number in found:
            yield text, "<br>".join(found[number])


def leaves(command: TyperCommand | TyperGroup, path: str) -> Iterator[tuple[str, TyperCommand]]:
    """Yield every command with its full name, groups opened."""
    if not isinstance(command, TyperGroup):
        yield path, command
        return
    for name, inner in command.commands.items():
        assert isinstance(inner, TyperCommand | TyperGroup)
        yield from leaves(inner, f"{path} {name}")


def root() -> TyperGroup:
    """Return the whole command line."""
    command = typer.main.get_command(app)
    assert isinstance(command, TyperGroup)
    return command


def commands() -> Iterator[str]:
    """Yield the lines of the reference: every command with its help, arguments and options."""
    yield from ("## Before the command", "", *_options(root(), "blocklist"))
    for name, command in leaves(root(), "blocklist"):
        text = re.sub(r"(?<!\n)\n(?!\n)", " ", (command.help or "").strip())
        yield from (f"## {name}", "", text, "", *_options(command, name), *_examples(name))


def _examples(name: str) -> Iterator[str]:
    examples = EXAMPLES[name.partition(" ")[2]]
    width = max(map(len, examples))
    yield "```sh"
    yield from (f"{line.ljust(width)}  # {purpose}" for line, purpose in examples.items())
    yield from ("```", "")


def _options(command: TyperCommand | TyperGroup, name: str) -> Iterator[str]:
    context = typer.Context(command, info_name=name)
    records = [param.get_help_record(context) for param in command.get_params(context)]
    shown = [record for record in records if record and "--help" not in record[0]]
    if shown:
        yield from ("| argument or option | meaning |", "|---|---|")
    for option, meaning in shown:
        yield f"| `{_cell(option)}` | {_cell(' '.join(meaning.split()))} |"
    if shown:
        yield ""


def main() -> None:
    """Write the generated parts of all documents."""
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        document.write_text(made(document, text), encoding="utf-8")


if __name__ == "__main__":
    main()
