"""Where the configuration and the ledger are; all that a look-up needs to know of either."""

import os
from pathlib import Path

from blocklist import spec
from blocklist.errors import UsageError
from blocklist.geo import Atlas

FILE_NAME = "blocklist.toml"
DATABASE = "blocklist.db"


def find(given: Path | None) -> Path | None:
    """Return the configuration in force: the one given, ./blocklist.toml, the user's, or none."""
    if given is not None:
        return given
    home = Path(os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config"))  # noqa: PTH111 (a user without a home)
    places = (Path(FILE_NAME), home / "blocklist" / FILE_NAME)
    return next(filter(_exists, places), None)


def _exists(place: Path) -> bool:
    try:
        return place.exists()
    except OSError as error:
        raise UsageError(f"{place}: cannot be read: {error.strerror or error}") from None


def database(given: Path | None) -> Path:
    """Return the ledger's path without reading the rest of the configuration."""
    path = find(given)
    if path is None:
        return Path.cwd() / DATABASE
    name = spec.convert(spec.load(path).get("database", DATABASE), str, f"{path}: database")
    return path.resolve().parent / str(name)


def atlas(given: Path | None) -> Atlas:
    """Return where addresses can be looked up, without reading the rest of the configuration."""
    path = find(given)
    if path is None:
        return Atlas()
    table, where = spec.load(path).get("resolve", {}), f"{path}: resolve"
    names = table if isinstance(table, dict) else {}
    keys = [key for key in ("country", "asn") if key in names]
    files = {key: str(spec.convert(names[key], str, f"{where}.{key}")) for key in keys}
    base = path.resolve().parent
    return Atlas(**{key: base / name for key, name in files.items() if name})
