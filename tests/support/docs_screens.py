"""Take the screens of a document: commands in it, an installation -> their output on a terminal."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from tests.support.cli import blocklist, blocklist_on_terminal

NAME = "screens.md"
_CONSOLE = re.compile(r"(?<=```console\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
#: Values that differ from run to run, and what the page shows in their place.
_VOLATILE = [
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d [+-]\d{4}"), "2026-05-03 08:00 +0200"),
    (re.compile(r"\d+ seconds ago"), "9 seconds ago"),
    (re.compile(r"(?<=^database)\s+\S+/(?=quickstart/)", re.MULTILINE), "  …/"),
]


def take_screens(text: str, folder: Path) -> str:
    """Return a document with the output of its commands after two releases in the folder."""
    blocklist(folder, "run")
    with (folder / "lists" / "fraud.hosts").open("a", encoding="utf-8") as fraud:
        fraud.write("0.0.0.0 gift-voucher.made-up\n")
    blocklist(folder, "run")
    return _CONSOLE.sub(lambda block: "".join(_take(block[0], folder)), text)


def _take(block: str, folder: Path) -> Iterator[str]:
    for line in block.splitlines():
        if line.startswith("$ "):
            output = blocklist_on_terminal(folder, *shlex.split(line)[2:]).out
            for pattern, shown in _VOLATILE:
                output = pattern.sub(shown, output)
            yield f"{line}\n{output}"
