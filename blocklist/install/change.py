"""Description of one install: export, release, counts and canaries -> environment for commands."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from blocklist.config.exports import Export


@dataclass(frozen=True, slots=True)
class Canaries:
    """The names that show which content a server has loaded, and a control that is never listed."""

    fixed_name: str
    release_name: str
    control_name: str


@dataclass(frozen=True, slots=True)
class InstallChange:
    """The new content of an export, and what is known of the old one."""

    export: Export
    release: int
    serial: int | None
    entry_count: int
    #: Number of entries and release of the file in place; None if unknown.
    entry_count_before: int | None
    release_before: int | None
    #: Canaries of the new content and of the old one.
    new_canaries: Canaries | None
    old_canaries: Canaries | None
    #: Files with the difference to the loaded content, by field; empty: the whole file is loaded.
    difference: Mapping[str, Path] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables for hooks and commands."""
        values = {
            "EXPORT": self.export.name,
            "TARGET": self.export.target.name,
            "FILE": self.export.path,
            "ZONE": self.export.zone,
            "RELEASE": self.release,
            "RELEASE_BEFORE": self.release_before,
            "SERIAL": self.serial,
            "ROWS": self.entry_count,
            "ROWS_BEFORE": self.entry_count_before,
        }
        texts = {key: "" if value is None else str(value) for key, value in values.items()}
        return {**os.environ, **{f"BLOCKLIST_{key}": text for key, text in texts.items()}}
