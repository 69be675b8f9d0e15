"""Locate what a library object works on: optional path -> configuration, ledger, GeoIP files."""

from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from blocklist.config.paths import ConfigSource
from blocklist.geoip import GeoIpDatabase

if TYPE_CHECKING:
    from blocklist.config.loader import Config


class Workspace:
    """A configuration and its ledger. The parts of the library share one.

    The file is found at once, read when first needed, and kept, so all parts agree.
    """

    def __init__(self, config_path: Path | None) -> None:
        self.source = ConfigSource(config_path)
        self._config: Config | None = None
        self._lock = Lock()

    @property
    def config(self) -> "Config":
        """The whole configuration; raise `ConfigError`."""
        from blocklist.config.loader import load_config

        with self._lock:
            if self._config is None:
                self._config = load_config(self.source)
            return self._config

    def require_config(self) -> None:
        """Raise `ConfigError` if no configuration was found; every call that writes begins so."""
        self.source.require_found()

    def require_ledger(self) -> None:
        """Raise `ConfigError` if there is neither a configuration nor a ledger to answer from."""
        if self.source.path is None and not self.database.exists():
            self.source.require_found()

    @property
    def database(self) -> Path:
        """The path of the ledger, found without checking the rest of the configuration."""
        return self.source.database

    @property
    def geoip(self) -> GeoIpDatabase:
        """The GeoIP files, found without checking the rest of the configuration."""
        return self.source.geoip

    def forget_config(self) -> None:
        """Read the configuration again when it is next needed, because it was written to."""
        with self._lock:
            self.source, self._config = self.source.reread(), None
