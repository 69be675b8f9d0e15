"""Build dataclasses from TOML tables; each error names the file, the key and what is expected."""

import dataclasses
import tomllib
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin, get_type_hints

from blocklist.errors import ConfigError, StorageError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

T = TypeVar("T")
TomlTable = dict[str, Any]

#: Whole numbers stay far below what counters and clocks can hold.
_MAX_INTEGER = 1 << 31


def load_toml(path: "Path | Traversable") -> TomlTable:
    """Return the tables of a TOML file; raise `StorageError` or `ConfigError`."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror or error}"
        raise StorageError(message) from None
    except (ValueError, RecursionError) as error:  # no TOML, no UTF-8, too many digits or levels
        message = f"{path}: not valid TOML: {error}"
        raise ConfigError(message) from None


def build_dataclass(cls: type[T], table: object, where: str, **given: object) -> T:
    """Return an instance of a dataclass from a table; `given` are fields that no TOML may set.

    `where` is the file, `: ` and the table's key: `blocklist.toml: feeds.mine`.
    """
    if not isinstance(table, dict):
        raise ConfigError(f"{where}: expected a table, got {_format_value(table)}")
    hints = _field_types(cls)  # type: ignore[arg-type]
    known = {field.name: field for field in dataclasses.fields(cls) if field.name not in given}  # type: ignore[arg-type]
    for key in table:
        if key not in known:
            raise ConfigError(f"{_join_key(where, key)}: unknown key{suggest_name(key, known)}")
    for key, field in known.items():
        required = (
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        )
        if required and key not in table:
            raise ConfigError(
                f"{_join_key(where, key)}: missing; expected {_describe_type(hints[key])}"
            )
    values = {
        key: convert_value(value, hints[key], _join_key(where, key)) for key, value in table.items()
    }
    return cls(**values, **given)


@cache
def _field_types(cls: type) -> dict[str, Any]:
    """Return the types of a dataclass' fields; a catalogue builds the same hundred times."""
    return get_type_hints(cls)


def convert_value(value: object, hint: Any, where: str) -> Any:
    """Return a TOML value as the annotated type; raise `UsageError` with what is expected."""
    hint = _strip_none(hint)
    if hint is object:
        return value
    if get_origin(hint) is tuple and isinstance(value, list):
        item = get_args(hint)[0]
        return tuple(
            convert_value(part, item, f"{where}[{place}]") for place, part in enumerate(value)
        )
    if get_origin(hint) is dict and isinstance(value, dict):
        item = get_args(hint)[1]
        return {
            key: convert_value(part, item, _join_key(where, key)) for key, part in value.items()
        }
    if isinstance(hint, type) and _is_of_type(value, hint):
        return hint(value)
    raise ConfigError(f"{where}: expected {_describe_type(hint)}, got {_format_value(value)}")


def _is_of_type(value: object, hint: type) -> bool:
    if issubclass(hint, StrEnum):
        return value in list(hint)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return type(value) is int and abs(value) < _MAX_INTEGER
    if hint is str:
        return isinstance(value, str) and "\0" not in value
    return type(value) is hint


def _strip_none(hint: Any) -> Any:
    if isinstance(hint, UnionType):
        return next(part for part in get_args(hint) if part is not NoneType)
    return hint


def _describe_type(hint: Any) -> str:
    hint = _strip_none(hint)
    if get_origin(hint) is tuple:
        return f"a list, each item {_describe_type(get_args(hint)[0])}"
    if get_origin(hint) is dict:
        return "a table"
    if issubclass(hint, StrEnum):
        return "one of " + ", ".join(hint)
    return _TYPE_DESCRIPTIONS[hint]


def suggest_name(word: str, known: object) -> str:
    """Return `; did you mean X?` for a word close to a known one, else what is known."""
    from difflib import get_close_matches

    options = [str(option) for option in known]  # type: ignore[attr-defined]
    if not options:
        return ""
    close = get_close_matches(word, options, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(sorted(options))}"


def require_valid(holds: bool, where: str, key: str, expected: str) -> None:
    """Raise `UsageError` with file, key and what is expected unless it `holds`."""
    if not holds:
        raise ConfigError(f"{_join_key(where, key)}: expected {expected}")


def _join_key(where: str, key: str) -> str:
    return f"{where}{key}" if where.endswith(": ") else f"{where}.{key}"


_TYPE_DESCRIPTIONS = {
    str: "a text in quotes",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
}


def _format_value(value: object) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)[:80]
