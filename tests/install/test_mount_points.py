"""Exports onto files that are mount points, as `docker run -v ./hosts:/out/hosts` makes them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.process import SYSTEM_PATH

pytestmark = pytest.mark.e2e("unshare", "mount")

CONFIG = """
[feeds.mine]
url = "mine.txt"
format = "domains"
[exports.names]
target = "domains"
path = "out/my names"
"""
NOTE = "is a mount point and cannot be replaced, so it is written in place; mount its folder"
BIND = 'mount --bind there "out/my names"'
ON_TMPFS = "mkdir other && mount -t tmpfs none other && cp there other && there=other/there"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "blocklist.toml").write_text(CONFIG)
    (tmp_path / "mine.txt").write_text("real-scam.top\n")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "my names").touch()
    (tmp_path / "there").write_text("old.top\n")
    return tmp_path


def run_with_mount(folder: Path, mount: str, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a mount namespace of its own; `blocklist` is the command."""
    own = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    blocklist = f'blocklist() {{ "{sys.executable}" -m blocklist "$@"; }}'
    return subprocess.run(
        [*own, "sh", "-ec", f"{blocklist}\n{mount}\n{script}"],
        cwd=folder,
        env={**os.environ, "PATH": SYSTEM_PATH},
        capture_output=True,
        text=True,
        check=False,
    )


def _names(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("#")]


@pytest.mark.parametrize(
    ("mount", "why"),
    [
        (BIND, "a file of the same file system"),
        (f'{ON_TMPFS} && mount --bind "$there" "out/my names"', "a file of another file system"),
    ],
)
def test_a_mounted_file_is_written_in_place(folder: Path, mount: str, why: str) -> None:
    script = 'blocklist run; cat "out/my names" >found; blocklist doctor || true; ls -A out >left'
    done = run_with_mount(folder, mount, script)
    assert done.returncode == 0, done.stderr
    assert _names((folder / "found").read_text()) == ["real-scam.top"], why
    assert NOTE in done.stdout + done.stderr
    assert "do: mount its folder instead of the file" in done.stdout
    assert "was never written there" not in done.stdout
    assert (folder / "left").read_text() == "my names\n", "no copies are left"


def test_a_second_run_and_a_shorter_list(folder: Path) -> None:
    (folder / "mine.txt").write_text("a.top\nb.top\nreal-scam.top\n")
    script = """
        blocklist run; blocklist allow add a.top --reason test; blocklist run; cat there >found
        blocklist -q run; blocklist -q run
    """
    done = run_with_mount(folder, BIND, script)
    assert done.returncode == 0, done.stderr
    assert _names((folder / "found").read_text()) == ["b.top", "real-scam.top"]


def test_a_reload_that_fails_restores_the_old_content(folder: Path) -> None:
    with (folder / "blocklist.toml").open("a") as configuration:
        configuration.write('reload = ["false"]\n')
    done = run_with_mount(folder, BIND, "blocklist run || exit $?")
    assert done.returncode == 6
    assert "The previous list is back in place" in done.stdout + done.stderr
    assert (folder / "there").read_text() == "old.top\n"


def test_a_read_only_mount_is_left_as_it_is(folder: Path) -> None:
    mount = f'{BIND}\nmount -o remount,bind,ro "out/my names"'
    done = run_with_mount(folder, mount, "blocklist run || exit $?")
    assert done.returncode == 6
    assert "Read-only file system" in done.stderr
    assert (folder / "there").read_text() == "old.top\n"


def test_a_mounted_folder_is_written_as_usual(folder: Path) -> None:
    script = 'blocklist run; cat "out/my names" >found'
    done = run_with_mount(folder, "mkdir lists && mount --bind lists out", script)
    assert done.returncode == 0, done.stderr
    assert _names((folder / "found").read_text()) == ["real-scam.top"]
    assert NOTE not in done.stdout + done.stderr
