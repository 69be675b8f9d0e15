"""Compare docs/reference/json.md with the documents that it shows: every key is described."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from blocklist.config.feeds import Feed
from blocklist.config_keys import key_values
from tests.support.docs import ROOT, leaves, root
from tests.support.docs_example import CUT, documents

Path = tuple[str, ...]


class Row(NamedTuple):
    """A key of a document: where it is, what the page says of it, and in which row it says so."""

    path: Path
    meaning: str
    #: Section and key; several documents share the rows of an object.
    source: tuple[str, str]


TEXT = (ROOT / "docs" / "reference" / "json.md").read_text(encoding="utf-8")
#: The sections by their lower-case heading.
SECTIONS = {
    heading.lower(): body
    for heading, body in re.findall(
        r"^##+ ([^\n]*)\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL
    )
}
COMMANDS = [heading for heading in SECTIONS if heading.startswith("blocklist ")]
OBJECT = re.compile(r"(list of )?(?:\w+ )*\[[a-z ]+\]\(#([a-z-]+)\)")


def rows(section: str) -> Iterator[Row]:
    """Yield every key that a section describes, those of its objects included."""
    body = SECTIONS[section]
    whole = re.search(r"^The document is an? \[[a-z ]+\]\(#([a-z-]+)\)", body, re.MULTILINE)
    if whole:
        yield from rows(whole[1].replace("-", " "))
    for key, meaning in re.findall(r"^\| `([^`]+)` \| (.*) \|$", body, re.MULTILINE):
        path = tuple(key.split("."))
        yield Row(path, meaning, (section, key))
        refers = OBJECT.search(meaning)
        if refers:
            inside = (*path[:-1], f"{path[-1]}[]") if refers[1] and path[-1] != "[]" else path
            for inner in rows(refers[2].replace("-", " ")):
                yield inner._replace(path=(*inside, *inner.path))
    if section == "feed":
        for key in ("name", *key_values(Feed("", (), ""))):
            yield Row((key,), "as in the configuration", (section, key))


def shown(value: object, path: Path = ()) -> Iterator[Path]:
    """Yield the path of every value in a document that contains no other."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from shown(inner, (*path, key))
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        inside = (*path[:-1], f"{path[-1]}[]") if path else ("[]",)
        for item in value:
            if item != CUT:
                yield from shown(item, inside)
    else:
        yield path


def matches(described: Path, path: Path) -> bool:
    """Return whether a described path is this one; `<feed>` stands for any key."""
    return len(described) == len(path) and all(
        one == other or one.startswith("<") for one, other in zip(described, path, strict=True)
    )


def examples(section: str) -> list[Any]:
    blocks = re.findall(r"```console\n(.*?)```", SECTIONS[section], re.DOTALL)
    return [document for block in blocks for document in documents(block)]


def paths_in(section: str) -> set[Path]:
    return {path for document in examples(section) for path in shown(document)}


def as_empty(path: Path) -> Path:
    """Return the path as it is when its list is empty, or has no objects."""
    return (*path[:-1], path[-1].removesuffix("[]"))


@pytest.mark.parametrize("section", COMMANDS)
def test_every_key_of_an_example_is_described(section: str) -> None:
    described = [("schema",), *(row.path for row in rows(section))]
    # No key of an empty list or object is seen.
    described += [path[:count] for path in described for count in range(1, len(path))]
    described += [as_empty(path) for path in described]
    found = paths_in(section)
    assert found
    assert not {path for path in found if not any(matches(row, path) for row in described)}


def test_every_described_key_is_in_an_example_or_says_when_it_is_there() -> None:
    every: set[tuple[str, str]] = set()
    seen: set[tuple[str, str]] = set()
    for section in COMMANDS:
        found = paths_in(section)
        found |= {path[:count] for path in found for count in range(1, len(path))}
        found |= {as_empty(path) for path in found}
        for row in rows(section):
            every.add(row.source)
            if row.meaning.startswith("only if") or any(matches(row.path, path) for path in found):
                seen.add(row.source)
    assert every == seen


def test_every_command_with_a_document_has_a_section() -> None:
    with_json = {
        name
        for name, command in leaves(root(), "blocklist")
        if any(param.name == "as_json" for param in command.params)
    }
    assert with_json == set(COMMANDS)
