"""Run code as a user whom permissions bind, for tests may run as root."""

import subprocess
import sys
from pathlib import Path

NOBODY = 65534
_DROP = f"""
import encodings.utf_8_sig, os, urllib.parse  # which Python imports late
if os.geteuid() == 0:
    os.setgid({NOBODY})
    os.setuid({NOBODY})
"""


def as_user(imports: str, code: str, *arguments: str | Path) -> str:
    """Give what the code prints; `imports` run before, for root may keep Python to itself."""
    program = f"{imports}\n{_DROP}\n{code}"
    command = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert not done.stderr, done.stderr
    return done.stdout


def open_to_all(folder: Path) -> None:
    """Let every user write in a folder and in all that it holds."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o777)
