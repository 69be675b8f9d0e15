"""Parse line templates of targets: template text -> prefix, field and suffix of each line.

A template has one line or more, each with one field in braces; a literal brace is written twice.
"""

import re
from typing import NamedTuple

#: The entry itself; a network with its prefix in any case; in base64; as the inside of a JSON text.
TEMPLATE_FIELDS = ("value", "network", "base64", "json")
_LITERAL = r"((?:[^{}]|\{\{|\}\})*)"
_TEMPLATE_LINE = re.compile(rf"{_LITERAL}\{{({'|'.join(TEMPLATE_FIELDS)})\}}{_LITERAL}")


class LineTemplate(NamedTuple):
    """One line: what stands before and behind its field."""

    prefix: str
    field: str
    suffix: str


def parse_line_templates(template: str) -> list[LineTemplate] | None:
    """Return the lines of a template; none when one of them has no field, or one unknown."""
    found = [_TEMPLATE_LINE.fullmatch(line) for line in template.split("\n")]
    if not all(found):
        return None
    return [
        LineTemplate(_unescape_braces(line[1]), line[2], _unescape_braces(line[3]))
        for line in found
        if line
    ]


def _unescape_braces(text: str) -> str:
    return text.replace("{{", "{").replace("}}", "}")
