"""Find the configuration, the ledger and the GeoIP files: optional path -> paths.

`check` needs only these, so the rest of the configuration is not read.
"""

import os
from pathlib import Path

from blocklist.config.tables import convert_value
from blocklist.config.toml import load_toml
from blocklist.errors import StorageError
from blocklist.geoip import GeoIpDatabase

CONFIG_FILE_NAME = "blocklist.toml"
DEFAULT_DATABASE = "blocklist.db"


def find_config(given: Path | None) -> Path | None:
    """Return the path of the configuration: given, ./blocklist.toml, the user's, or none."""
    if given is not None:
        return given
    home = Path(os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config"))  # noqa: PTH111 (a user without a home)
    paths = (Path(CONFIG_FILE_NAME), home / "blocklist" / CONFIG_FILE_NAME)
    return next(filter(_exists, paths), None)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror or error}") from None


def find_database(given: Path | None) -> Path:
    """Return the ledger's path without reading the rest of the configuration."""
    path = find_config(given)
    if path is None:
        return Path.cwd() / DEFAULT_DATABASE
    name = convert_value(
        load_toml(path).get("database", DEFAULT_DATABASE), str, f"{path}: database"
    )
    return path.resolve().parent / str(name)


def find_geoip(given: Path | None) -> GeoIpDatabase:
    """Return the GeoIP files without reading the rest of the configuration."""
    path = find_config(given)
    if path is None:
        return GeoIpDatabase()
    table, where = load_toml(path).get("resolve", {}), f"{path}: resolve"
    values = table if isinstance(table, dict) else {}
    keys = [key for key in ("country", "asn") if key in values]
    files = {key: str(convert_value(values[key], str, f"{where}.{key}")) for key in keys}
    base = path.resolve().parent
    return GeoIpDatabase(**{key: base / name for key, name in files.items() if name})
