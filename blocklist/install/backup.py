"""Backup of the installed file: a second name for the old file until the new one is confirmed."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from blocklist.atomic_files import copy_owner_and_mode, remove_leftovers, replace_atomically
from blocklist.errors import ExportFailed


class FileBackup:
    """The file at a path, for as long as another stands in its place.

    It is a second name for the same file, so bringing it back needs no room on a full disk. One
    that is there already was left by a run that was killed in the middle of an install. It is the
    last that a server was seen to load, and so the one to go back to.
    """

    def __init__(self, path: Path) -> None:
        self._path = Path(os.path.realpath(path))
        self._is_new = False
        self._backup_path = self._path.with_name(f".{self._path.name}.previous")

    def create(self) -> None:
        """Give the file its second name; there may be none."""
        remove_leftovers(self._backup_path)
        if self._backup_path.exists() or not self._path.exists():
            return
        try:
            self._backup_path.hardlink_to(self._path)
        except OSError:  # a file system without links, or a file of another user
            with replace_atomically(self._backup_path) as beside:
                shutil.copyfile(self._path, beside)
            copy_owner_and_mode(self._backup_path, self._path)
        self._is_new = True

    def restore(self) -> bool:
        """Put the old file back, or take the new one away; return whether there was an old one.

        It counts as written now, or servers that look at times would not read it again.
        """
        try:
            if not self._backup_path.exists():
                self._path.unlink(missing_ok=True)
                return False
            with suppress(PermissionError):  # a file of another user
                os.utime(self._backup_path)
            self._backup_path.replace(self._path)
        except OSError as error:
            message = f"the old file cannot be put back: {error.strerror or error}"
            raise ExportFailed(f"{message}; it is {self._backup_path}") from None
        return True

    def discard(self) -> None:
        """Let go of the old file: the new one has proved itself."""
        self._backup_path.unlink(missing_ok=True)

    def discard_if_new(self) -> None:
        """Take the second name away again, for nothing came into the place of the first."""
        if self._is_new:
            self.discard()
