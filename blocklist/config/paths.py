"""Find the configuration, the ledger and the GeoIP files: optional path -> paths.

`check` needs only these, so the rest of the configuration is not read.
"""

import os
from copy import copy
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Self

from blocklist.config.tables import convert_value
from blocklist.config.toml import TomlTable, load_toml
from blocklist.errors import ConfigError, StorageError
from blocklist.geoip import GeoIpDatabase

CONFIG_FILE_NAME = "blocklist.toml"
DEFAULT_DATABASE = "blocklist.db"
#: The configuration of the system, and the variable that names another one.
SYSTEM_CONFIG = Path("/etc/blocklist") / CONFIG_FILE_NAME
CONFIG_VARIABLE = "BLOCKLIST_CONFIG"


def find_config(given: Path | None) -> Path | None:
    """Return the path of the configuration, or None if there is none.

    It is the given one, else that of BLOCKLIST_CONFIG, else the first of `list_usual_paths` that
    exists. A path that a person named is returned even if nothing is there.
    """
    named = os.environ.get(CONFIG_VARIABLE)
    if given is not None or named:
        return given or Path(str(named))
    return next(filter(_exists, list_usual_paths()), None)


def list_usual_paths() -> tuple[Path, ...]:
    """Return where a configuration is looked for: in this folder, the user's, the system's."""
    home = Path(os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config"))  # noqa: PTH111 (a user without a home)
    user_config = home / "blocklist" / CONFIG_FILE_NAME
    return (Path(CONFIG_FILE_NAME), user_config, SYSTEM_CONFIG)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror or error}") from None


def _current_folder() -> Path:
    try:
        return Path.cwd()
    except OSError:
        raise StorageError("the current directory was removed; change to another one") from None


class ConfigSource:
    """The configuration file, found at once and read once, or none: then all is built in.

    A change of the current directory or of the file changes nothing; `reread` gives a new one.
    """

    def __init__(self, given: Path | None = None) -> None:
        #: The path as it was given or found, for messages.
        self.shown = find_config(given)
        is_absolute = self.shown is not None and self.shown.is_absolute()
        self._base = Path() if is_absolute else _current_folder()
        #: The absolute path; None if there is no configuration.
        self.path = None if self.shown is None else self._base / self.shown
        self._lock = Lock()

    def require_found(self) -> None:
        """Raise `ConfigError` without a configuration, because nobody would find what is stored."""
        if self.path is None:
            usual = [self._base / path for path in list_usual_paths()]
            raise ConfigError(
                f"no configuration found, so nothing was done; looked for "
                f"{', '.join(map(str, usual))}. Name it with --config or {CONFIG_VARIABLE}, or "
                "write one here: blocklist init"
            )

    def reread(self) -> Self:
        """Return a source of the same file, which is not read yet."""
        source = copy(self)
        source.__dict__.pop("_table_on_disk", None)
        return source

    @cached_property
    def folder(self) -> Path:
        """The folder of relative paths in the configuration."""
        return self.path.resolve().parent if self.path else self._base

    @property
    def table(self) -> TomlTable:
        """The content of the file; raise `StorageError` and `ConfigError` as `load_toml` does."""
        with self._lock:
            return self._table_on_disk

    @cached_property
    def _table_on_disk(self) -> TomlTable:
        return load_toml(self.path, self.shown) if self.path else {}

    @property
    def database(self) -> Path:
        """The ledger's path; raise `ConfigError` if it is no text."""
        name = self.table.get("database", DEFAULT_DATABASE)
        return self.folder / str(convert_value(name, str, f"{self.shown}: database"))

    @property
    def geoip(self) -> GeoIpDatabase:
        """The GeoIP files, not yet opened; raise `ConfigError` if a path is no text."""
        table, where = self.table.get("resolve", {}), f"{self.shown}: resolve"
        values = table if isinstance(table, dict) else {}
        keys = [key for key in ("country", "asn") if key in values]
        files = {key: str(convert_value(values[key], str, f"{where}.{key}")) for key in keys}
        return GeoIpDatabase(**{key: self.folder / name for key, name in files.items() if name})
