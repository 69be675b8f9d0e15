"""Backup of the installed file: a second name for the old file until the new one is confirmed."""

import logging
import os
import shutil
from contextlib import suppress
from pathlib import Path

from blocklist.atomic_files import (
    copy_owner_and_mode,
    remove_leftovers,
    replace_atomically,
    replace_file,
)
from blocklist.errors import ExportFailed

logger = logging.getLogger(__name__)


class FileBackup:
    """The old file at a path, kept while a new one is in its place.

    It is a second name for the same file, so restoring it needs no room on a full disk. A backup
    that exists already was left by a run that was killed during an install. It is the last file
    that a server has shown to load, so it is the one to restore.
    """

    def __init__(self, path: Path) -> None:
        self._path = Path(os.path.realpath(path))
        self._is_new = False
        self._backup_path = self._path.with_name(f".{self._path.name}.previous")

    def create(self) -> None:
        """Give the file its second name, if there is a file and no backup yet."""
        remove_leftovers(self._backup_path)
        if self._backup_path.exists() or not self._path.exists():
            return
        try:
            self._backup_path.hardlink_to(self._path)
        except OSError:  # a file system without hard links, or a file of another user
            with replace_atomically(self._backup_path) as temporary:
                shutil.copyfile(self._path, temporary)
            copy_owner_and_mode(self._backup_path, self._path)
        self._is_new = True
        logger.debug("%s: the old file is kept as %s", self._path, self._backup_path)

    def restore(self) -> bool:
        """Restore the old file, or remove the new one; return whether there was an old file.

        The old file gets the current time, because some servers read only newer files.
        """
        try:
            if not self._backup_path.exists():
                self._path.unlink(missing_ok=True)
                return False
            with suppress(PermissionError):  # a file of another user
                os.utime(self._backup_path)
            replace_file(self._backup_path, self._path)
        except OSError as error:
            message = f"the old file cannot be put back: {error.strerror or error}"
            raise ExportFailed(f"{message}; it is {self._backup_path}") from None
        return True

    def discard(self) -> None:
        """Remove the backup, after the new file was confirmed."""
        self._backup_path.unlink(missing_ok=True)

    def discard_if_new(self) -> None:
        """Remove the backup if this install made it, because no new file was installed."""
        if self._is_new:
            self.discard()
