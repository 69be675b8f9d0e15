"""How the lines of a list are written: text around one field, which an entry is filled into.

A template is one line or more, each with a field in braces; a brace itself is written twice.
"""

import re
from typing import NamedTuple

#: The entry itself; a network with its prefix in any case; in base64; as the inside of a JSON text.
FIELDS = ("value", "network", "base64", "json")
_TEXT = r"((?:[^{}]|\{\{|\}\})*)"
_LINE = re.compile(rf"{_TEXT}\{{({'|'.join(FIELDS)})\}}{_TEXT}")


class Form(NamedTuple):
    """One line: what stands before and behind its field."""

    before: str
    field: str
    behind: str


def forms(template: str) -> list[Form] | None:
    """Return the lines of a template; none when one of them has no field, or one unknown."""
    found = [_LINE.fullmatch(line) for line in template.split("\n")]
    if not all(found):
        return None
    return [Form(_braces(line[1]), line[2], _braces(line[3])) for line in found if line]


def _braces(text: str) -> str:
    return text.replace("{{", "{").replace("}}", "}")
