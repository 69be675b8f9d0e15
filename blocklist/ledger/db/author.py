"""Who gives a command: written beside what was decided, for those who ask later."""

import getpass
import os


def current_author() -> str:
    """Return who gives the command, as far as the system tells; behind sudo, who called it."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (OSError, KeyError):  # a container's user need not have a name
        return f"user {os.getuid()}"
