"""The guard lists that ship with the package: reserved, never to block, shared, platforms."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from blocklist import spec


@dataclass(frozen=True, slots=True)
class Group:
    """A group of names and networks of a core list, and why they are in it."""

    title: str
    why: str
    source: str = ""
    names: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()


@cache
def groups(name: str) -> tuple[Group, ...]:
    """Return the groups of a core list: `reserved`, `never-block`, `shared-hosts`, `platforms`."""
    file = files("blocklist") / "judge" / "core" / f"{name}.toml"
    tables = spec.load(file)["group"]
    return tuple(spec.build(Group, table, f"{file}: group") for table in tables)


def names(name: str) -> frozenset[str]:
    """Return all names of a core list."""
    return frozenset(entry for group in groups(name) for entry in group.names)
