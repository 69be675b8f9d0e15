"""Describe the keys of TOML tables on dataclass fields: annotated dataclass -> its keys.

Everything about a key is written once, on its field:

    threshold: Annotated[float, Range(0, 1), Doc("A score below this is `weak`.")] = 0.0

Validation, the configuration reference and the template of `init` read it from there. A field
without a `Doc` is no key. The module has no heavy imports, because `check` starts here.
"""

from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, NamedTuple

_TYPE_NOUNS = {
    str: "a text in quotes",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
}


class Doc:
    """The meaning of a key: sentences in Markdown without links."""

    def __init__(self, text: str) -> None:
        self.text = text


class Range(NamedTuple):
    """The numbers that a key accepts; NaN is in no range."""

    minimum: int | None = None
    maximum: int | None = None
    above: int | None = None
    unit: str = ""

    def accepts(self, value: Any) -> bool:
        """Return whether a number is in the range."""
        return (
            (self.minimum is None or value >= self.minimum)
            and (self.maximum is None or value <= self.maximum)
            and (self.above is None or value > self.above)
        )

    def describe(self, noun: str) -> str:
        """Return what is expected, as in `a number from 1 to 9` for the noun `a number`."""
        noun = f"{noun} of {self.unit}" if self.unit else noun
        if self.above is not None:
            return f"{noun} above {self.above}"
        if self.maximum is not None:
            return f"{noun} from {self.minimum} to {self.maximum}"
        return f"{noun} from {self.minimum}"


class Form(NamedTuple):
    """A condition on a value. `accepts` may raise `InvalidIndicator`; its reason is reported."""

    accepts: Callable[[Any], object]
    expected: str


class SingleKey:
    """Another key of the same table that takes one item in place of the list."""

    def __init__(self, name: str) -> None:
        self.name = name


class Embedded:
    """Mark a field that holds a dataclass whose keys are in the same table."""


class ValueType(NamedTuple):
    """The type of a value: what TOML must give, and the condition on it."""

    #: str, bool, int, float, an enumeration, tuple, dict, a dataclass, or object for any value.
    base: Any
    check: Range | Form | None = None
    #: The type of each item of a tuple, or of each value of a dict.
    item: "ValueType | None" = None
    #: The type of each key of a dict.
    key: Any = str

    #: Whether the value is one of a few names.
    is_enumeration: bool = False
    #: Whether the value is a table with keys of its own.
    is_dataclass: bool = False

    @property
    def item_type(self) -> "ValueType":
        """The type of each item of a list, or of each value of a table."""
        assert self.item
        return self.item

    def without_form(self) -> "ValueType":
        """Return the type alone, for values that do not even have that."""
        return self._replace(check=None) if isinstance(self.check, Form) else self

    def describe(self) -> str:
        """Return what is expected, for a message."""
        if isinstance(self.check, Form):
            return self.check.expected
        if isinstance(self.check, Range):
            return self.check.describe(_TYPE_NOUNS[self.base])
        if self.base is tuple and self.item:
            return f"a list, each item {self.item.describe()}"
        if self.is_enumeration:
            return "one of " + ", ".join(self.base)
        return _TYPE_NOUNS.get(self.base, "a table")


class Key(NamedTuple):
    """A key of a TOML table."""

    name: str
    type: ValueType
    doc: str
    #: `dataclasses.MISSING` if the key is required.
    default: Any
    #: The key that takes one item in place of this list; empty if there is none.
    single: str
    #: The embedded field that holds the value; empty if the dataclass itself does.
    holder: str = ""

    @property
    def is_required(self) -> bool:
        """Whether a table without this key is a mistake."""
        return self.default is MISSING


class TableSchema(NamedTuple):
    """The keys of a dataclass by name, with those of embedded dataclasses in their place."""

    keys: dict[str, Key]
    #: The keys by the name of their `single`, and the required ones.
    singles: dict[str, Key]
    required: list[Key]
    #: The embedded dataclasses by field.
    embedded: dict[str, Any]


@cache
def schema_of(cls: Any) -> TableSchema:
    """Return the schema of the TOML tables for a dataclass."""
    keys: dict[str, Key] = {}
    embedded = {}
    for field in fields(cls):
        hint, notes = _split_annotation(field.type)
        if Embedded in notes:
            embedded[field.name] = hint
            inner = schema_of(hint).keys
            keys |= {name: key._replace(holder=field.name) for name, key in inner.items()}
        elif key := _read_field(field, notes):
            keys[field.name] = key
    singles = {key.single: key for key in keys.values() if key.single}
    return TableSchema(keys, singles, [k for k in keys.values() if k.is_required], embedded)


def keys_of(cls: Any) -> dict[str, Key]:
    """Return the keys of a dataclass by name, with those of embedded dataclasses in their place."""
    return schema_of(cls).keys


def _read_field(field: "Field[Any]", notes: tuple[object, ...]) -> Key | None:
    """Return the key that a field describes; none if it has no `Doc`."""
    doc = single = ""
    for note in notes:
        if isinstance(note, Doc):
            doc = note.text
        elif isinstance(note, SingleKey):
            single = note.name
    made = field.default_factory
    default = field.default if made is MISSING else made()
    return Key(field.name, parse_annotation(field.type), doc, default, single) if doc else None


def parse_annotation(annotation: Any) -> ValueType:
    """Return the type that an annotation describes; `None` is the absence of the key."""
    hint, notes = _split_annotation(annotation)
    if isinstance(hint, UnionType):
        hint = next(part for part in hint.__args__ if part is not NoneType)
    check = next((note for note in notes if isinstance(note, (Range, Form))), None)
    origin = getattr(hint, "__origin__", None)
    if origin is tuple:
        return ValueType(tuple, check, parse_annotation(hint.__args__[0]))
    if origin is dict:
        key, value = hint.__args__
        return ValueType(dict, check, parse_annotation(value), key)
    if hint is Any or hint is object:
        return ValueType(object, check)
    return ValueType(
        hint, check, is_enumeration=issubclass(hint, StrEnum), is_dataclass=is_dataclass(hint)
    )


def key_values(instance: Any) -> dict[str, object]:
    """Return the values of all keys of a dataclass by name, embedded ones included."""
    return {
        name: getattr(getattr(instance, key.holder) if key.holder else instance, name)
        for name, key in keys_of(type(instance)).items()
    }


def _split_annotation(annotation: Any) -> tuple[Any, tuple[object, ...]]:
    """Return the type of an annotation and its notes."""
    notes = getattr(annotation, "__metadata__", None)
    return (annotation, ()) if notes is None else (annotation.__origin__, notes)
