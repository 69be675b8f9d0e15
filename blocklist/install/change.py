"""Description of one install: export, release, counts and canaries -> environment for commands."""

import os
from dataclasses import dataclass

from blocklist.config.exports import Export


@dataclass(frozen=True, slots=True)
class Canaries:
    """The names by which one content is known, and the one that it never lists."""

    fixed_name: str
    release_name: str
    control_name: str


@dataclass(frozen=True, slots=True)
class InstallChange:
    """A new content for an export, beside the one before."""

    export: Export
    release: int
    serial: int | None
    entry_count: int
    #: How many the file in place lists, and which release it is of; none where we do not know.
    entry_count_before: int | None
    release_before: int | None
    #: Of the new content and of the old one.
    new_canaries: Canaries | None
    old_canaries: Canaries | None

    @property
    def environment(self) -> dict[str, str]:
        """What commands are told."""
        said = {
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
        texts = {key: "" if value is None else str(value) for key, value in said.items()}
        return {**os.environ, **{f"BLOCKLIST_{key}": text for key, text in texts.items()}}
