"""Locate what a library object works on: optional path -> configuration, ledger, GeoIP files."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from blocklist.config.paths import find_database, find_geoip
from blocklist.geoip import GeoIpDatabase

if TYPE_CHECKING:
    from blocklist.config.loader import Config


class Workspace:
    """A configuration and its ledger. The parts of the library share one."""

    def __init__(self, config_path: Path | None) -> None:
        #: The path given; None for the one that is found as the command line finds it.
        self.config_path = config_path

    @cached_property
    def config(self) -> "Config":
        """The whole configuration, read when first needed; raise `ConfigError`."""
        from blocklist.config.loader import load_config

        return load_config(self.config_path)

    @cached_property
    def database(self) -> Path:
        """The path of the ledger, found without reading the rest of the configuration."""
        return find_database(self.config_path)

    @property
    def geoip(self) -> GeoIpDatabase:
        """The GeoIP files, found without reading the rest of the configuration."""
        return find_geoip(self.config_path)

    def forget_config(self) -> None:
        """Read the configuration again when it is next needed, because it was written to."""
        self.__dict__.pop("config", None)
