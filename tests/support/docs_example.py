"""Build a small installation for documents: folder -> configuration, lists, resolvers, events.

Some documents show the output of commands between which something happens, such as a list that
shrinks. They name these events in comments, and EVENTS defines them.
"""

import json
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from blocklist.errors import GateHeld
from blocklist.model import Liveness
from tests.support.cli import blocklist
from tests.support.resolver_server import Play, has, resolvers

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart"
#: The documents whose commands run in this installation.
NAMES = {"json.md", "decide-a-held-release.md"}
#: The last item of a list that was cut, and how many items are shown before it.
CUT, _MAX_ITEMS = "...", 2

_CONFIG = """
database = "example.db"

[feeds.fraud]
url = "lists/fraud.hosts"
format = "hosts"
category = "fraud"
reliability = 0.8

[feeds.pages]
url = "lists/pages.urls"
format = "urls"
category = "phishing"
reliability = 0.8

[guards.popular]
url = "lists/popular.txt"
format = "domains"

[gate]
always = 0
max_removed = 0.1

[resolve]
servers = [{servers}]

[exports.hosts]
target = "hosts"
path = "out/hosts"
"""
_PLAYS: dict[str, Play] = {
    "parcel-fee.made-up": has("198.51.100.7", servers=("ns1.hoster.example",))
}
#: Values that differ from run to run, and what the page shows in their place.
_VOLATILE = [
    (re.compile(r'(?<="digest": ")[0-9a-f]{64}'), "2ac16cf82bd5b1a08689aa9a8db279f7" * 2),
    (re.compile(r'(?<="seconds": )[0-9.]+'), "0.021"),
    (re.compile(r'(?<="age_seconds": )[0-9]+'), "1"),
]


@contextmanager
def small_installation(folder: Path) -> Iterator[Path]:
    """Make the installation in a folder, with two resolvers of its own while the block runs."""
    example = folder / "example"
    shutil.copytree(QUICKSTART / "lists", example / "lists")
    with resolvers(_PLAYS, _PLAYS) as running:
        servers = ", ".join(f'"{resolver}"' for resolver in running)
        (example / "blocklist.toml").write_text(_CONFIG.format(servers=servers))
        yield example


def shorten(output: str) -> str:
    """Replace the values that differ from run to run, and cut long lists of a document."""
    for pattern, shown in _VOLATILE:
        output = pattern.sub(shown, output)
    if output[:1] not in {"{", "["}:
        return output
    return json.dumps(_cut_lists(json.loads(output)), indent=2, ensure_ascii=False) + "\n"


def _cut_lists(value: object) -> object:
    if isinstance(value, dict):
        if value.keys() & set(Liveness) or "nxdomain" in value:
            # Counted in the order in which answers came.
            return dict(sorted(value.items()))
        return {key: _cut_lists(inner) for key, inner in value.items()}
    if isinstance(value, list):
        # A warning of `doctor` says more than a check that found nothing.
        value = sorted(value, key=_is_fine)
        shown = [_cut_lists(item) for item in value[:_MAX_ITEMS]]
        return [*shown, CUT] if len(value) > _MAX_ITEMS else shown
    return value


def _is_fine(item: object) -> bool:
    return isinstance(item, dict) and item.get("state") == "fine"


def documents(block: str) -> Iterator[Any]:
    """Yield the JSON documents of a console block."""
    for output in re.split(r"^\$ .*\n", block, flags=re.MULTILINE):
        if output[:1] in {"{", "["}:
            yield json.loads(output)


def _shrink_list(folder: Path) -> None:
    path = folder / "lists" / "fraud.hosts"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "refund" not in line))


def _shrink_list_later(folder: Path) -> None:
    assert blocklist(folder, "--quiet", "run").code == 0
    _shrink_list(folder)


def _hold_release(folder: Path) -> None:
    _shrink_list(folder)
    assert blocklist(folder, "--quiet", "run").code == GateHeld.exit_code


def _add_list(folder: Path) -> None:
    (folder / "lists" / "mine.txt").write_text("gift-card.made-up\n")


def _end_allow(folder: Path) -> None:
    command = ("allow", "add", "parcel-fee.made-up", "--for", "30m", "--now")
    assert blocklist(folder, "--quiet", *command).code == 0
    with closing(sqlite3.connect(folder / "example.db")) as database, database:
        database.execute(
            "UPDATE entry SET expires = '2026-01-01T00:00:00Z' WHERE value = 'parcel-fee.made-up'"
        )


def _write_allows(folder: Path) -> None:
    rows = ("value,reason,until", "help.prize-draw.made-up,our own page,", "shop.made-up,,")
    (folder / "allows.csv").write_text("\n".join([*rows, ""]))


EVENTS: dict[str, Callable[[Path], None]] = {
    "a release is published, then a list shrinks": _shrink_list_later,
    "a list shrinks, and the gate holds the release": _hold_release,
    "there is a new list": _add_list,
    "the time of an allow is over": _end_allow,
    "there is a file of allows": _write_allows,
}
