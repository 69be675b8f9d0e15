"""Lay out an installation: place -> a commented configuration and, for a system, its folders."""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from blocklist.atomic_files import write_atomically
from blocklist.config.paths import CONFIG_FILE_NAME, SYSTEM_CONFIG
from blocklist.config.reference import render_template
from blocklist.errors import StorageError, UsageError

#: Where a system keeps the database and the exports, and the user whose timer writes them.
STATE_FOLDER = Path("/var/lib/blocklist")
SERVICE_USER = "blocklist"
#: DNS servers read the exports as other users.
_FOLDER_MODE = 0o755


def place_config(place: Path) -> Path:
    """Return the path of the configuration that `init` writes: in a folder, or a .toml file."""
    return place if place.suffix == ".toml" else place / CONFIG_FILE_NAME


def write_config(path: Path) -> None:
    """Write a commented configuration; raise `StorageError` if a file is there already."""
    with _translate_errors(path):
        if path.exists() or path.is_symlink():
            raise StorageError(f"{path}: exists already and is left as it is")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, [render_template().encode()])


def lay_out_system(root: Path, user: str) -> tuple[Path, bool]:
    """Make the configuration and the folders of a system; return its path, and whether it is new.

    Everything is made below `root`. If that is `/`, the state folder belongs to `user`, who must
    exist. What exists already is left as it is, so a package may call this at each upgrade.
    """
    account = _find_account(user) if root == Path("/") else None
    config, state = (root / path.relative_to("/") for path in (SYSTEM_CONFIG, STATE_FOLDER))
    for folder in (config.parent, state, state / "out"):
        with _translate_errors(folder):
            if not folder.is_dir():
                folder.mkdir(parents=True)
                folder.chmod(_FOLDER_MODE)
                if account and folder != config.parent:
                    os.chown(folder, account.pw_uid, account.pw_gid)
    with _translate_errors(config):
        if config.exists() or config.is_symlink():
            return config, False
        write_atomically(config, [render_template(f"{STATE_FOLDER}/").encode()])
    return config, True


def _find_account(user: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(user)
    except KeyError:
        command = f"useradd --system --home-dir {STATE_FOLDER} --shell /usr/sbin/nologin {user}"
        raise UsageError(f"there is no user {user!r}; make one, as with: {command}") from None


@contextmanager
def _translate_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error.strerror or error}") from None
