"""Load the built-in lists (reserved, never-block, shared hosts, platforms): TOML -> groups."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from blocklist.config.toml import build_dataclass, load_toml


@dataclass(frozen=True, slots=True)
class BuiltinGroup:
    """A group of names and networks of a built-in list, and the reason that they are listed."""

    title: str
    why: str
    source: str = ""
    names: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()


@cache
def load_builtin_groups(name: str) -> tuple[BuiltinGroup, ...]:
    """Return the groups of a built-in list, such as `reserved`, `never-block` or `shared-hosts`."""
    file = files("blocklist") / "judge" / "builtin" / f"{name}.toml"
    tables = load_toml(file)["group"]
    return tuple(build_dataclass(BuiltinGroup, table, f"{file}: group") for table in tables)


def load_builtin_names(name: str) -> frozenset[str]:
    """Return all names of a built-in list."""
    return frozenset(entry for group in load_builtin_groups(name) for entry in group.names)
