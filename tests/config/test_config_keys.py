"""Keys on dataclass fields: what is a key, and that each says a default that it accepts."""

from dataclasses import dataclass, field, fields
from typing import Annotated, Any

import pytest

from blocklist.config.exports import ExportTable
from blocklist.config.feeds import Feed
from blocklist.config.installation import Installation
from blocklist.config.loader import ConfigTables
from blocklist.config.reference import KEY_TABLES
from blocklist.config.sections import CollectConfig, GateConfig, PolicyConfig, ResolveConfig
from blocklist.config.tables import build_dataclass
from blocklist.config.targets import Target
from blocklist.config_keys import Doc, Embedded, Form, Key, Range, SingleKey, key_values, keys_of
from blocklist.errors import ConfigError
from blocklist.parse.options import ParseOptions

#: The fields that no table can set, of the classes that have some.
NO_KEYS = {Feed: {"name", "parse_options"}, Target: {"name"}, ParseOptions: {"state"}}
NO_KEYS[ExportTable] = {"installation"}
CLASSES = [
    *(Feed, ParseOptions, Target, ExportTable, Installation, ConfigTables),
    *(PolicyConfig, CollectConfig, ResolveConfig, GateConfig),
]
DEFAULTS = [
    (table, key)
    for table, keys in KEY_TABLES.items()
    for key in keys.values()
    if key.default is not None and key.type.base in (int, float, bool, str)
    if not key.is_required
]


@dataclass(frozen=True)
class Inner:
    size: Annotated[int, Range(1, 9), Doc("A size.")] = 1


@dataclass(frozen=True)
class Outer:
    name: str
    words: Annotated[
        tuple[Annotated[str, Form(str.islower, "small letters")], ...],
        SingleKey("word"),
        Doc("Words."),
    ]
    inner: Annotated[Inner, Embedded] = field(default_factory=Inner)
    table: Annotated[Inner, Doc("A table of its own.")] = field(default_factory=Inner)


def test_an_embedded_class_has_its_keys_in_the_same_table() -> None:
    assert list(keys_of(Outer)) == ["words", "size", "table"]
    built = build_dataclass(Outer, {"word": "a", "size": 2, "table": {"size": 3}}, "x: ", name="n")
    assert built == Outer("n", ("a",), Inner(2), Inner(3))
    assert key_values(built) == {"words": ("a",), "size": 2, "table": Inner(3)}


def test_each_place_is_named() -> None:
    table = {"words": ["a", "B", 1], "size": 10, "table": {"size": 0, "siz": 1}}
    with pytest.raises(ConfigError) as raised:
        build_dataclass(Outer, table, "x: ", name="n")
    assert raised.value.mistakes == (
        "x: words[1]: expected small letters, got 'B'",
        "x: words[2]: expected a text in quotes, got 1",
        "x: size: expected a whole number from 1 to 9, got 10",
        "x: table.size: expected a whole number from 1 to 9, got 0",
        "x: table.siz: unknown key; did you mean 'size'?",
    )


@pytest.mark.parametrize("cls", CLASSES)
def test_no_field_is_without_a_meaning(cls: Any) -> None:  # noqa: ANN401
    own = {key.name for key in fields(cls)} - keys_of(cls).keys()
    assert own == NO_KEYS.get(cls, set())


@pytest.mark.parametrize(("table", "key"), DEFAULTS, ids=[f"{t}.{k.name}" for t, k in DEFAULTS])
def test_a_default_is_of_the_type_and_in_the_range(table: str, key: Key) -> None:
    assert isinstance(key.default, key.type.base), table
    assert not isinstance(key.type.check, Range) or key.type.check.accepts(key.default), table
