"""Read TOML files: path -> table of strings, numbers, lists and tables."""

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blocklist.errors import ConfigError, StorageError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

TomlTable = dict[str, Any]

#: 16 MiB are read in some seconds.
_MAX_BYTES = 1 << 24
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def load_toml(path: "Path | Traversable", shown: Path | None = None) -> TomlTable:
    """Return the tables of a TOML file, which may have a byte order mark.

    Messages have the path `shown`, if it is given. Raise `StorageError` if the file cannot be
    read, and `ConfigError` if it is no TOML.
    """
    name = shown or path
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise StorageError(f"{name}: cannot be read: {error.strerror or error}") from None
    if len(content) > _MAX_BYTES:
        raise ConfigError(f"{name}: larger than 16 MiB; put long lists into a feed's own file")
    try:
        return tomllib.loads(content.decode("utf-8-sig") + "\n")
    except UnicodeDecodeError as error:
        cause = describe_encoding(content, error.start)
    except RecursionError:
        cause = "tables or lists are nested too deeply"
    except ValueError as error:  # also for a number with thousands of digits
        cause = str(error).replace("Cannot overwrite a value", "a key is given twice")
    raise ConfigError(f"{name}: not valid TOML: {cause}")


def describe_encoding(content: bytes, position: int) -> str:
    """Return why bytes are not UTF-8, with the line of the first such byte."""
    if content.startswith(_UTF16_MARKS):
        return "the text is UTF-16; save it as UTF-8"
    line = content.count(b"\n", 0, position) + 1
    return f"byte 0x{content[position]:02x} is not UTF-8 (at line {line})"
