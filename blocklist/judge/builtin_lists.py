"""Load the built-in lists, such as reserved names and shared networks: TOML -> groups."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Annotated

from blocklist.config.tables import build_dataclass
from blocklist.config.toml import load_toml
from blocklist.config_keys import Doc


@dataclass(frozen=True, slots=True)
class BuiltinGroup:
    """A group of names and networks of a built-in list, and the reason that they are listed."""

    title: Annotated[str, Doc("The name of the group for people.")]
    why: Annotated[str, Doc("The reason that its entries are listed.")]
    source: Annotated[str, Doc("The document that lists them.")] = ""
    date: Annotated[str, Doc("The day on which they were read there, or `unknown`.")] = ""
    kind: Annotated[str, Doc("The kind of sharing, such as `cdn`.")] = ""
    names: Annotated[tuple[str, ...], Doc("Its names.")] = ()
    networks: Annotated[tuple[str, ...], Doc("Its networks.")] = ()


@cache
def load_builtin_groups(name: str) -> tuple[BuiltinGroup, ...]:
    """Return the groups of a built-in list, such as `reserved` or `shared-networks`."""
    file = files("blocklist") / "judge" / "builtin" / f"{name}.toml"
    tables = load_toml(file)["group"]
    return tuple(build_dataclass(BuiltinGroup, table, f"{file}: group") for table in tables)


def load_builtin_names(name: str) -> frozenset[str]:
    """Return all names of a built-in list."""
    return frozenset(entry for group in load_builtin_groups(name) for entry in group.names)
