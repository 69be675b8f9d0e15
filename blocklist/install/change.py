"""What an install changes, as its steps, and the commands they run, need to know it."""

import os
from dataclasses import dataclass

from blocklist.config import Export


@dataclass(frozen=True, slots=True)
class Canaries:
    """The names by which one content is known, and the one that it never lists."""

    fixed: str
    of_release: str
    control: str


@dataclass(frozen=True, slots=True)
class Change:
    """A new content for an export, beside the one before."""

    export: Export
    release: int
    serial: int | None
    rows: int
    #: How many the file in place lists, and which release it is of; none where we do not know.
    rows_before: int | None
    release_before: int | None
    #: Of the new content and of the old one.
    new: Canaries | None
    old: Canaries | None

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
            "ROWS": self.rows,
            "ROWS_BEFORE": self.rows_before,
        }
        texts = {key: "" if value is None else str(value) for key, value in said.items()}
        return {**os.environ, **{f"BLOCKLIST_{key}": text for key, text in texts.items()}}
