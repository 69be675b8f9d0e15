"""Parse the line templates of targets: template -> prefix, field and suffix of each line.

A template has one or more lines, each with one field in braces; a literal brace is written twice.
"""

import re
from typing import NamedTuple

#: The entry as it is; a network that always has its prefix; in Base64; escaped as in a JSON text.
TEMPLATE_FIELDS = ("value", "network", "base64", "json")
_LITERAL = r"((?:[^{}]|\{\{|\}\})*)"
_TEMPLATE_LINE = re.compile(rf"{_LITERAL}\{{({'|'.join(TEMPLATE_FIELDS)})\}}{_LITERAL}")


class LineTemplate(NamedTuple):
    """A line of a template: the texts before and after its field."""

    prefix: str
    field: str
    suffix: str


def parse_line_templates(template: str) -> list[LineTemplate] | None:
    """Return the lines of a template; `None` if a line has no field or an unknown one."""
    matches = [_TEMPLATE_LINE.fullmatch(line) for line in template.split("\n")]
    if not all(matches):
        return None
    return [
        LineTemplate(_unescape_braces(match[1]), match[2], _unescape_braces(match[3]))
        for match in matches
        if match
    ]


def is_line_template(template: str) -> bool:
    """Return whether a text is a template; lines of no text at both ends do not count."""
    lines = template.strip("\n")
    return not lines or parse_line_templates(lines) is not None


def _unescape_braces(text: str) -> str:
    return text.replace("{{", "{").replace("}}", "}")
