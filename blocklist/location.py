"""Where the configuration and the ledger are; all that a look-up needs to know of either."""

import os
from pathlib import Path

from blocklist import spec
from blocklist.errors import UsageError

FILE_NAME = "blocklist.toml"
DATABASE = "blocklist.db"


def find(given: Path | None) -> Path | None:
    """Return the configuration in force: the one given, ./blocklist.toml, the user's, or none."""
    if given is not None:
        return given
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    places = (Path(FILE_NAME), home / "blocklist" / FILE_NAME)
    return next((place for place in places if place.exists()), None)


def database(given: Path | None) -> Path:
    """Return the ledger's path without reading the rest of the configuration."""
    path = find(given)
    if path is None:
        return Path.cwd() / DATABASE
    name = spec.load(path).get("database", DATABASE)
    if not isinstance(name, str):
        raise UsageError(f"{path}: database: expected a text in quotes, got {name!r}")
    return path.resolve().parent / name
