"""Load the built-in lists (reserved, never-block, shared hosts, platforms): TOML -> groups."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from blocklist.config.toml import build_dataclass, load_toml


@dataclass(frozen=True, slots=True)
class BuiltinGroup:
    """A group of names and networks of a core list, and why they are in it."""

    title: str
    why: str
    source: str = ""
    names: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()


@cache
def load_builtin_groups(name: str) -> tuple[BuiltinGroup, ...]:
    """Return the groups of a core list: `reserved`, `never-block`, `shared-hosts`, `platforms`."""
    file = files("blocklist") / "judge" / "builtin" / f"{name}.toml"
    tables = load_toml(file)["group"]
    return tuple(build_dataclass(BuiltinGroup, table, f"{file}: group") for table in tables)


def load_builtin_names(name: str) -> frozenset[str]:
    """Return all names of a core list."""
    return frozenset(entry for group in load_builtin_groups(name) for entry in group.names)
