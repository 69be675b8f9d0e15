"""Render shared networks: groups -> the text of shared-networks.toml; renewals -> a report."""

import json
import textwrap
from collections.abc import Iterable, Iterator

from blocklist.judge.builtin_lists import BuiltinGroup
from tests.support.floors.renewal import Renewal

_HEAD = """\
# Networks in which one address serves many customers. An address or network that overlaps them is
# held for a decision: a feed never blocks it, nor does `resolve` because of the names on it.
# Written by `make floors` from tests/support/floors/sources.toml: edit that file, not this one.
# `date` is the day on which the networks were read; `unknown` if nobody compared them.
"""
_LINE = 100


def render_groups(groups: Iterable[BuiltinGroup]) -> str:
    """Return the text of shared-networks.toml."""
    return "\n".join([_HEAD, *(line for group in groups for line in _render_group(group))])


def _render_group(group: BuiltinGroup) -> Iterator[str]:
    yield "[[group]]"
    for key in ("title", "kind", "why", "source", "date"):
        yield f"{key} = {quote(getattr(group, key))}"
    yield "networks = ["
    networks = ", ".join(map(quote, group.networks)) + ","
    indent = " " * 4
    yield textwrap.fill(
        networks, _LINE, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )
    yield "]\n"


def quote(text: str) -> str:
    """Return a text as a basic string of TOML; JSON has the same escapes."""
    return json.dumps(text, ensure_ascii=False)


def render_report(renewals: Iterable[Renewal]) -> str:
    """Return what changed in each group, and which groups keep their old networks."""
    return "\n".join(line for renewal in renewals for line in _report_group(renewal)) + "\n"


def _report_group(renewal: Renewal) -> Iterator[str]:
    if renewal.refusal:
        kept = "the old networks stay" if renewal.group else "the group is left out"
        yield f"{renewal.title}: REFUSED, {kept}: {renewal.refusal}"
        return
    assert renewal.group is not None
    yield (
        f"{renewal.title}: {len(renewal.group.networks)} networks, "
        f"{len(renewal.added)} added, {len(renewal.removed)} removed"
    )
    yield from (f"  + {network}" for network in renewal.added)
    yield from (f"  - {network}" for network in renewal.removed)
