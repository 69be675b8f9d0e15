"""Render findings of `status` and `doctor`: finding -> lines that fit a terminal, dictionary."""

import re
import sys
from collections.abc import Iterable, Iterator
from shutil import get_terminal_size

from blocklist import Finding
from blocklist.cli.tables import measure, wrap_words
from blocklist.cli.times import show_local_times
from blocklist.text import escape_unprintable

_MAX_WIDTH = 80
#: The start of a line that stays as it is: its indent, or a title of one or two words and a gap.
_TITLE = re.compile(r" +|\w+(?: \w+)? {2,}")
_FIELDS = ("check", "subject", "state", "what", "since", "where", "remedy")


def format_finding(finding: Finding) -> Iterator[str]:
    """Yield the lines about a finding, that fit stdout unless a word is longer."""
    where = f" ({finding.where})" if finding.where else ""
    subject = f" {finding.subject}:" if finding.subject else ""
    yield from wrap(f"{finding.state}: {finding.check}:{subject} {finding.what}{where}")
    if finding.remedy:
        yield from wrap(f"  do: {finding.remedy}", indent="      ")


def wrap(text: str, indent: str = "  ") -> list[str]:
    """Return a text as lines that fit stdout; words, so names and paths, are never cut.

    The lines have at most 80 columns, or those of a narrower terminal. A title with a gap after it
    keeps the gap.
    """
    shown = show_local_times(escape_unprintable(text), sys.stdout)
    title = _TITLE.match(shown)
    start = title[0] if title else ""
    columns = get_terminal_size().columns if sys.stdout.isatty() else _MAX_WIDTH
    width, rest = min(columns, _MAX_WIDTH), shown.removeprefix(start)
    lines = wrap_words(rest, width, start, indent)
    if start.strip() and measure(lines[0]) > width:
        return [start.rstrip(), *wrap_words(rest, width, indent, indent)]
    return lines


def findings_to_dicts(findings: Iterable[Finding]) -> list[dict[str, object]]:
    """Return the findings for a JSON document."""
    return [{name: getattr(finding, name) for name in _FIELDS} for finding in findings]
