"""Render findings of `status` and `doctor`: finding -> lines that fit a terminal, dictionary."""

import textwrap
from collections.abc import Iterable, Iterator

from blocklist import Finding
from blocklist.text import escape_unprintable

_WIDTH = 80
_FIELDS = ("check", "subject", "state", "what", "since", "where", "remedy")


def format_finding(finding: Finding) -> Iterator[str]:
    """Yield the lines about a finding, none longer than 80 columns unless a word is longer."""
    where = f" ({finding.where})" if finding.where else ""
    subject = f" {finding.subject}:" if finding.subject else ""
    yield from wrap(f"{finding.state}: {finding.check}:{subject} {finding.what}{where}")
    if finding.remedy:
        yield from wrap(f"  do: {finding.remedy}", indent="      ")


def wrap(text: str, indent: str = "  ") -> list[str]:
    """Return a text as lines of at most 80 columns; words, so names and paths, are never cut."""
    return textwrap.wrap(
        escape_unprintable(text),
        _WIDTH,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def findings_to_dicts(findings: Iterable[Finding]) -> list[dict[str, object]]:
    """Return the findings for a JSON document."""
    return [{name: getattr(finding, name) for name in _FIELDS} for finding in findings]
