"""Lists of one rule an entry: hosts, plain names and networks, and rules with subtrees and allows.

Each line must be of a form that the target's TOML knows, and the lines of one entry must make up
one of its rules: a consumer blocks a name in full only where it met every line of it.
"""

from functools import cached_property, reduce
from pathlib import Path

import polars as pl

from blocklist.catalogue import Allows, Target, templates
from blocklist.config import Export
from blocklist.errors import ExportFailed
from blocklist.export.canary import content
from blocklist.export.readers.addresses import Ranges
from blocklist.forms import Form, forms
from blocklist.model import Kind
from blocklist.names import lineage

_NAME_OR_NETWORK = "([a-z0-9_:-][a-z0-9_:./-]*)"
_URL = r"(https?://[^\s\"]+)"
_EITHER = rf"({_URL[1:-1]}|{_NAME_OR_NETWORK[1:-1]})"
_NETWORK = r"^(?:[0-9.]+|[0-9a-f]*:[0-9a-f:]*)(?:/[0-9]+)?$"
_BASE64 = "([A-Za-z0-9+/=]+)"
#: The rules that block a name itself, and those that block the names below it.
_OF_ITSELF = {"line", "subtree_line"}
_OF_BELOW = {"subtree_line", "below_line"}


class Listed:
    """The entries of a file, and what each of them says: the key of its rule's template."""

    def __init__(self, path: Path, export: Export) -> None:
        self._target = target = export.target
        texts = _without_ends(content(path, export), target)
        wanted = {key: forms(template) or [] for key, template in templates(target).items()}
        every = list(dict.fromkeys(form for lines in wanted.values() for form in lines))
        found = [_read(texts, form, self._pattern(form, wanted)) for form in every]
        if sum(map(len, found)) != len(texts):
            raise ExportFailed("the file has a line that is not as the target says")
        rules = {
            key: reduce(int.__or__, (1 << every.index(form) for form in lines))
            for key, lines in wanted.items()
        }
        self._said = _entries(found, rules)

    def _pattern(self, form: Form, wanted: dict[str, list[Form]]) -> str:
        """Return the pattern of what may stand in the field of a line."""
        users = {key for key, lines in wanted.items() if form in lines}
        if form.field == "base64":
            return _BASE64
        if users == {"url_line"}:
            return _URL
        urls_too = Kind.URL in self._target.kinds and "url_line" not in wanted
        return _EITHER if urls_too and "line" in users else _NAME_OR_NETWORK

    @property
    def count(self) -> int:
        """How many different entries block something."""
        return sum(len(values) for key, values in self._said.items() if key != "allow_line")

    def blocked(self, kind: Kind, queries: list[str]) -> set[str]:
        """Return the names that are blocked, the addresses in a listed network, or the URLs."""
        if kind is Kind.IP:
            return {query for query in queries if self._ranges.hold(query)}
        if kind is Kind.URL:
            values = self._said.get("url_line", self._said["line"])
            return set(values.filter(values.is_in(pl.Series(queries).implode())))
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
        own = [self._said[key] for key in ("ip_line", "ip6_line") if key in self._said]
        if own:
            return Ranges(pl.concat(own))
        networks = self._said["line"]
        if len(self._target.kinds) > 1:
            networks = networks.filter(
                networks.str.contains(r"^(?:[0-9.]+|[0-9a-f:]+:[0-9a-f:]*)(?:/[0-9]+)?$")
            )
        return Ranges(networks)


def _without_ends(texts: pl.Series, target: Target) -> pl.Series:
    """Return the lines between the comments and head, and the foot, that the target has."""
    if mark := target.comment:
        texts = texts.filter(~texts.str.starts_with(mark))
    head, foot = target.head.splitlines(), target.foot.splitlines()
    if len(texts) < len(head) + len(foot) or texts[: len(head)].to_list() != head:
        raise ExportFailed("the file does not begin as the target says")
    end = len(texts) - len(foot)
    if texts[end:].to_list() != foot:
        raise ExportFailed("the file does not end as the target says")
    return texts[len(head) : end]


def _read(texts: pl.Series, form: Form, pattern: str) -> pl.Series:
    """Return what stands in the field of those lines that are of a form."""
    found = _between(texts, form.before, form.behind)
    found = found.filter(found.str.contains(f"^{pattern}$"))
    if form.field == "base64":
        return found.str.decode("base64").cast(pl.String)
    if form.field == "json":
        return found.str.replace_all("\\\\", "\\", literal=True)
    if form.field == "network":
        return found.str.replace(r"^([0-9.]+)/32$|^([0-9a-f:]+)/128$", "$1$2")
    return found


def _between(texts: pl.Series, before: str, behind: str) -> pl.Series:
    """Return what stands between two texts in those that begin and end with them."""
    text, room = pl.col("text"), len(before) + len(behind)
    around = text.str.starts_with(before) & text.str.ends_with(behind)
    framed = texts.alias("text").to_frame().filter(around, text.str.len_chars() >= room)
    return framed.select(text.str.slice(len(before), text.str.len_chars() - room)).to_series()


def _entries(found: list[pl.Series], rules: dict[str, int]) -> dict[str, pl.Series]:
    """Return the values of each rule from those of each form of line; a form is a bit of a rule."""
    if len(rules) == 1 and all(found[0].equals(other) for other in found[1:]):
        return {key: _different(found[0]) for key in rules}
    if all(rule.bit_count() == 1 for rule in rules.values()):  # every rule is one line
        each = [_different(values) for values in found]
        if pl.concat(each).n_unique() == sum(map(len, each)):
            return {key: each[rule.bit_length() - 1] for key, rule in rules.items()}
    lines = pl.concat(
        values.alias("value").to_frame().with_columns(form=pl.lit(1 << place, pl.UInt32))
        for place, values in enumerate(found)
    )
    every = lines.unique().group_by("value").agg(pl.col("form").sum())
    if not every["form"].is_in(list(rules.values())).all():
        raise ExportFailed("the file has a line without the other lines of its entry")
    return {key: every.filter(form=rule)["value"] for key, rule in rules.items()}


def _different(values: pl.Series) -> pl.Series:
    return values if values.n_unique() == len(values) else values.unique(maintain_order=True)


def _blocks(query: str, rules: dict[str, str], allows: Allows) -> bool:
    """Return whether a name is blocked, as the consumer weighs its rules."""
    said = [(rules[name], name == query) for name in lineage(query) if name in rules]
    blocking = [rule in (_OF_ITSELF if own else _OF_BELOW) for rule, own in said]
    if allows is Allows.SPECIFIC:
        return bool(blocking) and blocking[0]
    allowed = any(rule == "allow_line" for rule, _ in said)
    return any(blocking) and not allowed
