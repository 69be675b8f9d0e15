"""Lists of one rule an entry: hosts, plain names and networks, and rules with subtrees and allows.

Each line must be of a form that the target's TOML knows, and the lines of one entry must make up
one of its rules: a consumer blocks a name in full only where it met every line of it.
"""

import re
from functools import cached_property, reduce
from pathlib import Path

import polars as pl

from blocklist.catalogue import Allows, templates
from blocklist.config import Export
from blocklist.errors import ExportFailed
from blocklist.export.canary import content
from blocklist.export.readers.addresses import Ranges
from blocklist.model import Kind
from blocklist.names import lineage

_VALUE = "([a-z0-9_:-][a-z0-9_:./-]*)"
#: The rules that block a name itself, and those that block the names below it.
_OF_ITSELF = {"line", "subtree_line"}
_OF_BELOW = {"subtree_line", "below_line"}


class Listed:
    """The entries of a file, and what each of them says: the key of its rule's template."""

    def __init__(self, path: Path, export: Export) -> None:
        self._target = export.target
        texts = content(path, export)
        if mark := export.target.comment:
            texts = texts.filter(~texts.str.starts_with(mark))
        first = export.target.head.splitlines()
        if texts[: len(first)].to_list() != first:
            raise ExportFailed("the file does not begin as the target says")
        texts = texts[len(first) :]
        wanted = {key: form.split("\n") for key, form in templates(export.target).items()}
        forms = list(dict.fromkeys(form for lines in wanted.values() for form in lines))
        found = [texts.str.extract(_pattern(form)).drop_nulls() for form in forms]
        if sum(map(len, found)) != len(texts):
            raise ExportFailed("the file has a line that is not as the target says")
        rules = {
            key: reduce(int.__or__, (1 << forms.index(form) for form in lines))
            for key, lines in wanted.items()
        }
        self._said = _entries(found, rules)

    @property
    def count(self) -> int:
        """How many different entries block something."""
        return sum(len(values) for key, values in self._said.items() if key != "allow_line")

    def blocked(self, kind: Kind, queries: list[str]) -> set[str]:
        """Return the names that are blocked, or the addresses in a listed network."""
        if kind is Kind.IP:
            return {query for query in queries if self._ranges.hold(query)}
        near = pl.Series(
            sorted({up for query in queries for up in lineage(query)}), dtype=pl.String
        )
        rules = {
            value: key
            for key, values in self._said.items()
            for value in values.filter(values.is_in(near.implode()))
        }
        return {query for query in queries if _blocks(query, rules, self._target.allows)}

    @cached_property
    def _ranges(self) -> Ranges:
        networks = self._said["line"]
        if Kind.DOMAIN in self._target.kinds:
            networks = networks.filter(networks.str.contains(r"^[0-9.]+(?:/|$)|:"))
        return Ranges(networks)


def _pattern(form: str) -> str:
    return "^" + _VALUE.join(map(re.escape, form.split("{value}", 1))) + "$"


def _entries(found: list[pl.Series], rules: dict[str, int]) -> dict[str, pl.Series]:
    """Return the values of each rule from those of each form of line; a form is a bit of a rule."""
    if len(rules) == 1 and all(found[0].equals(other) for other in found[1:]):
        return {key: found[0].unique(maintain_order=True) for key in rules}
    lines = pl.concat(
        values.alias("value").to_frame().with_columns(form=pl.lit(1 << place, pl.UInt32))
        for place, values in enumerate(found)
    )
    every = lines.unique().group_by("value").agg(pl.col("form").sum())
    if not every["form"].is_in(list(rules.values())).all():
        raise ExportFailed("the file has a line without the other lines of its entry")
    return {key: every.filter(form=rule)["value"] for key, rule in rules.items()}


def _blocks(query: str, rules: dict[str, str], allows: Allows) -> bool:
    """Return whether a name is blocked, as the consumer weighs its rules."""
    said = [(rules[name], name == query) for name in lineage(query) if name in rules]
    blocking = [rule in (_OF_ITSELF if own else _OF_BELOW) for rule, own in said]
    if allows is Allows.SPECIFIC:
        return bool(blocking) and blocking[0]
    allowed = any(rule == "allow_line" for rule, _ in said)
    return any(blocking) and not allowed
