"""Lists as Pi-hole 6 reads and applies them, from its documented rules.

A subscribed list is of the type "block" or "allow". Each line is cleaned (lower case, comments and
the address of a hosts line removed), and then is an exact name, a rule for a name and its subtree
(`||x^` in a list of blocks, `@@||x^` in a list of allows), or ignored. For a query, exact names are
looked up first, and then a rule for each name from the top-level domain down. An allow wins over
every block. See https://docs.pi-hole.net and `gravity-parseList.c` of Pi-hole FTL.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_MAX_NAME, _MAX_LABEL = 255, 63
_HOSTS_ADDRESS = re.compile(r"^(?:[0-9.]+|[0-9a-f]*:[0-9a-f:]*)[ \t]+")
_COMMENT = re.compile(r"[ \t]*#.*$")


@dataclass(frozen=True)
class PiholeList:
    """The names and rules that Pi-hole takes from a list, and the lines that it ignores."""

    exact: frozenset[str]
    subtrees: frozenset[str]
    ignored: tuple[str, ...]

    @classmethod
    def from_text(cls, text: str, *, allows: bool = False) -> "PiholeList":
        """Return the content of a list of blocks or allows."""
        exact, subtrees, ignored = set(), set(), []
        mark = "@@||" if allows else "||"
        for line in _clean_lines(text):
            rule = line.removeprefix(mark).removesuffix("^")
            is_rule = line.startswith(mark) and line.endswith("^")
            if line[0] != mark[0] and _is_name(line) and "." in line:
                exact.add(line)
            elif is_rule and _is_name(rule):
                subtrees.add(rule)
            else:
                ignored.append(line)
        return cls(frozenset(exact), frozenset(subtrees), tuple(ignored))

    def covers(self, name: str) -> bool:
        """Return whether a name is in the list, or below a rule."""
        labels = name.split(".")
        suffixes = {".".join(labels[place:]) for place in range(len(labels))}
        return name in self.exact or not suffixes.isdisjoint(self.subtrees)


@dataclass(frozen=True)
class Pihole:
    """A Pi-hole with a list of blocks and a list of allows."""

    block_list: PiholeList
    allow_list: PiholeList

    def blocks(self, name: str) -> bool:
        """Return whether it blocks a name."""
        return not self.allow_list.covers(name) and self.block_list.covers(name)


def _clean_lines(text: str) -> Iterator[str]:
    for line in text.lower().splitlines():
        if line.startswith(("!", "[")):
            continue
        cleaned = _HOSTS_ADDRESS.sub("", _COMMENT.sub("", line)).strip().removesuffix(".")
        if cleaned:
            yield cleaned


def _is_name(text: str) -> bool:
    *labels, last = text.split(".")
    return (
        0 < len(text) <= _MAX_NAME
        and re.fullmatch(r"[a-z0-9._-]+", text) is not None
        and all(0 < len(label) <= _MAX_LABEL for label in labels)
        and len(last) > 1
        and not (last.startswith("-") or last.endswith("-"))
    )
