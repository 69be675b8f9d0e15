"""Build dataclasses from TOML tables: table -> instance, or every mistake in the table.

The keys, their types and their conditions are those that `config_keys` finds on the fields.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

from blocklist.config.mistakes import (
    Mistakes,
    format_value,
    join_key,
    suggest_close_name,
    suggest_name,
)
from blocklist.config_keys import Key, TableSchema, ValueType, parse_annotation, schema_of
from blocklist.errors import InvalidIndicator

T = TypeVar("T")
#: Keys and what is wrong with each, for conditions on several keys.
KeyFaults = Iterator[tuple[str, str]]

#: Whole numbers stay far below what counters and clocks can hold.
_MAX_INTEGER = 1 << 31
#: In place of a value that has a mistake.
_INVALID = object()


def build_dataclass(
    cls: type[T],
    table: object,
    where: str,
    find_faults: Callable[[T], KeyFaults] = lambda _: iter(()),
    **values: object,
) -> T:
    """Return an instance of a dataclass from a table; raise `ConfigError` with all mistakes.

    `where` is the file, `: ` and the table's key: `blocklist.toml: feeds.mine`. `values` are for
    fields that are no keys. `find_faults` checks conditions on several keys; a key with a mistake
    has its default then, and a second fault of that key is not reported.
    """
    mistakes = Mistakes()
    built = read_table(cls, table, where, mistakes, **values)
    if built is not None:
        for key, fault in find_faults(built):
            mistakes.add(join_key(where, key), fault)
    if built is None or mistakes:
        raise mistakes.error()
    return built


def read_table(
    cls: type[T], table: object, where: str, mistakes: Mistakes, **values: object
) -> T | None:
    """Return an instance of a dataclass from a table, and add the table's mistakes.

    A key with a mistake has its default; without a required key nothing is returned.
    """
    if not isinstance(table, dict):
        mistakes.add(where, f"expected a table, got {format_value(table)}")
        return None
    dataclass: Any = cls
    schema = schema_of(dataclass)
    read = _read_keys(schema, table, where, mistakes)
    for key in schema.required:
        if key.name not in table and not (key.single and key.single in table):
            mistakes.add(join_key(where, key.name), f"missing; expected {key.type.describe()}")
    if any(key.name not in read for key in schema.required):
        return None
    arguments: dict[str, Any] = {field: {} for field in schema.embedded}
    for name, value in read.items():
        holder = schema.keys[name].holder
        (arguments[holder] if holder else arguments)[name] = value
    for field, embedded in schema.embedded.items():
        arguments[field] = embedded(**arguments[field])
    return cls(**arguments, **values)


def check_keys(cls: Any, table: dict[str, object], where: str, mistakes: Mistakes) -> bool:
    """Return whether the keys of a table have no mistakes, add those, and allow missing keys."""
    before = len(mistakes)
    _read_keys(schema_of(cls), table, where, mistakes)
    return len(mistakes) == before


def convert_value(value: object, annotation: Any, place: str) -> Any:
    """Return a TOML value as the annotated type; raise `ConfigError` with what is expected."""
    mistakes = Mistakes()
    converted = _convert(value, parse_annotation(annotation), place, mistakes)
    mistakes.raise_any()
    return converted


def _read_keys(
    schema: TableSchema, table: dict[str, object], where: str, mistakes: Mistakes
) -> dict[str, object]:
    """Return the values of a table's keys without those that have a mistake."""
    keys, singles = schema.keys, schema.singles
    read: dict[str, object] = {}
    for name, value in table.items():
        place = join_key(where, name)
        if name in keys:
            read[name] = _read_value(value, keys[name], place, mistakes)
        elif name not in singles:
            mistakes.add(place, "unknown key", partial(suggest_name, name, {*keys, *singles}))
        elif singles[name].name in table:
            mistakes.add(place, f"give either {name} or {singles[name].name}, not both")
        else:
            item = _convert(value, singles[name].type.item_type, place, mistakes)
            read[singles[name].name] = item if item is _INVALID else (item,)
    return {name: value for name, value in read.items() if value is not _INVALID}


def _read_value(value: object, key: Key, place: str, mistakes: Mistakes) -> object:
    if value == key.default and isinstance(value, str):
        return key.default  # also an empty text where a form is expected
    return _convert(value, key.type, place, mistakes)


def _convert(value: Any, value_type: ValueType, place: str, mistakes: Mistakes) -> object:
    """Return a value as its type, or `_INVALID` after adding what is wrong with it."""
    if value_type.is_dataclass:
        table = read_table(value_type.base, value, place, mistakes)
        return _INVALID if table is None else table
    if not _is_of_type(value, value_type):
        return _refuse(value, value_type.without_form(), place, mistakes)
    converted = value
    if value_type.item is not None:
        converted = _convert_items(value, value_type, place, mistakes)
    elif value_type.is_enumeration or value_type.base is float:
        converted = value_type.base(value)
    if value_type.check is None or converted is _INVALID:
        return converted
    try:
        is_fine = value_type.check.accepts(converted)
    except InvalidIndicator as error:
        return _refuse(value, value_type, place, mistakes, f" ({error.reason})")
    return converted if is_fine else _refuse(value, value_type, place, mistakes)


def _convert_items(
    value: list[object] | dict[str, object], value_type: ValueType, place: str, mistakes: Mistakes
) -> object:
    """Return a list as a tuple, or a table, with each item as its type."""
    item = value_type.item_type
    if isinstance(value, list):
        items = [_convert(v, item, f"{place}[{n}]", mistakes) for n, v in enumerate(value)]
        return _INVALID if _INVALID in items else tuple(items)
    name_type = parse_annotation(value_type.key)
    converted: dict[object, object] = {}
    for name, part in value.items():
        inner = join_key(place, name)
        key = _convert(name, name_type, inner, mistakes)
        converted[key] = _convert(part, item, inner, mistakes)
    return _INVALID if _INVALID in (*converted, *converted.values()) else converted


def _refuse(
    value: Any, value_type: ValueType, place: str, mistakes: Mistakes, reason: str = ""
) -> object:
    expected = value_type.describe()
    if type(value) is int and value_type.base is int and abs(value) >= _MAX_INTEGER:
        expected = f"a whole number below {_MAX_INTEGER}"
    is_name = isinstance(value, str) and value_type.is_enumeration
    hint = partial(suggest_close_name, value, value_type.base) if is_name else str
    mistakes.add(place, f"expected {expected}, got {format_value(value)}{reason}", hint)
    return _INVALID


def _is_of_type(value: object, value_type: ValueType) -> bool:
    base = value_type.base
    if base is str:
        return type(value) is str and "\0" not in value
    if value_type.is_enumeration:
        return value in base.__members__.values()
    if base is float:
        return type(value) in (int, float)
    if base is int:
        return type(value) is int and abs(value) < _MAX_INTEGER
    return base is object or type(value) is (list if base is tuple else base)
