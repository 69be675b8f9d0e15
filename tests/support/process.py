"""Run commands as processes of their own, where the process is what is tested or what is killed."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.cli import SOMEBODY

#: Where programs are looked for: a user's PATH may lack the folders of servers.
SYSTEM_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


def blocklist(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, as somebody who has no configuration of their own."""
    environment = {**os.environ, "XDG_CONFIG_HOME": str(folder / "none"), "PYTHONUTF8": "1"}
    return subprocess.run(
        [sys.executable, "-m", "blocklist", *words],
        cwd=folder,
        env={**environment, **SOMEBODY},
        check=False,
        capture_output=True,
        encoding="utf-8",
    )
