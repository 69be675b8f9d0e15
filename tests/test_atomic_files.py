"""Files are written whole or not at all."""

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from blocklist import atomic_files
from blocklist.atomic_files import replace_atomically, write_atomically
from blocklist.errors import StorageError
from tests.support.users import as_user


def test_a_file_is_made_with_its_folders(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "list.txt"
    write_atomically(path, [b"one\n", b"two\n"])
    assert path.read_bytes() == b"one\ntwo\n"
    assert path.stat().st_mode & 0o777 == 0o644, "a server of another user has to read it"
    assert [*path.parent.iterdir()] == [path]


def test_the_mode_of_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(b"old")
    path.chmod(0o640)
    write_atomically(path, [b"new"])
    assert path.stat().st_mode & 0o777 == 0o640
    write_atomically(path, [])
    assert path.read_bytes() == b""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_owner_of_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(b"old")
    path.chmod(0o640)
    os.chown(path, 1234, 5678)
    write_atomically(path, [b"new"])
    found = path.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (1234, 5678, 0o640)


@pytest.mark.parametrize(
    ("mode", "message", "why"),
    [
        (0o644, "", "whoever reads it still may"),
        (0o640, "its owner and group cannot be kept", "its group could read it no more"),
    ],
)
def test_an_owner_that_cannot_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, message: str, why: str
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    path = tmp_path / "list.txt"
    path.write_bytes(b"old")
    path.chmod(mode)
    monkeypatch.setattr(os, "chown", refuse)
    monkeypatch.setattr(atomic_files, "_owner_ids", lambda found: (found.st_ino, 0))
    if not message:
        write_atomically(path, [b"new"])
        return
    with pytest.raises(StorageError, match=message):
        write_atomically(path, [b"new"])
    assert path.read_bytes() == b"old", why


def failing() -> Iterator[bytes]:
    yield b"half"
    raise ZeroDivisionError


def test_what_fails_midway_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError):
        write_atomically(path, failing())
    with (
        pytest.raises(StorageError, match="cannot be written: No space"),
        replace_atomically(path) as beside,
    ):
        beside.write_bytes(b"half")
        raise OSError(28, "No space left on device")
    assert path.read_bytes() == b"old"
    assert [*tmp_path.iterdir()] == [path]


def test_a_folder_that_cannot_be_synced_does_not_undo_what_is_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = os.fsync

    def refuse(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(22, "Invalid argument")
        synced(handle)

    monkeypatch.setattr(os, "fsync", refuse)
    path = tmp_path / "list.txt"
    path.write_bytes(b"old")
    write_atomically(path, [b"new"])
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize(
    ("name", "message", "why"),
    [
        ("folder", "cannot be written: Is a directory", "a folder"),
        ("file/list.txt", "cannot be written: Not a directory", "below a file"),
        ("x" * 300, "cannot be written: File name too long", "a name beyond measure"),
    ],
)
def test_places_that_cannot_be_written(tmp_path: Path, name: str, message: str, why: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError) as raised:
        write_atomically(tmp_path / name, [b"x"])
    assert str(raised.value) == f"{tmp_path / name}: {message}", why
    assert {path.name for path in tmp_path.iterdir()} == {"folder", "file"}


def test_a_device_is_not_replaced() -> None:
    with pytest.raises(StorageError, match="it is a device or a pipe"):
        write_atomically(Path("/dev/null"), [b"x"])


def test_a_folder_that_may_not_be_written(public_path: Path) -> None:
    path = public_path / "list.txt"
    path.write_bytes(b"old")
    (public_path / ".list.txt.abcdefgh.new").touch()
    public_path.chmod(0o555)
    imports = (
        "import errno, sys, tempfile, random\nfrom pathlib import Path\n"
        "from blocklist.errors import StorageError\n"
        "from blocklist.atomic_files import remove_leftovers, write_atomically\n"
    )
    code = (
        "remove_leftovers(Path(sys.argv[1]))\n"
        "try: write_atomically(Path(sys.argv[1]), [b'new'])\n"
        "except StorageError as error: print(error, end='')\n"
    )
    expected = f"{path}: cannot be written: Permission denied"
    assert as_user(imports, code, path) == expected
    assert path.read_bytes() == b"old"
    public_path.chmod(0o755)


@pytest.fixture
def no_rename(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every rename, as for a file that is a mount point."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    monkeypatch.setattr(Path, "replace", refuse)


@pytest.mark.usefixtures("no_rename")
@pytest.mark.parametrize("new", [b"new", b"", b"a longer content than before\n" * 9])
def test_a_file_that_cannot_be_replaced_is_written_in_place(tmp_path: Path, new: bytes) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(b"the old content")
    inode = path.stat().st_ino
    write_atomically(path, [new])
    assert (path.read_bytes(), path.stat().st_ino) == (new, inode)
    assert [*tmp_path.iterdir()] == [path], "no copies are left"


@pytest.mark.usefixtures("no_rename")
def test_a_write_in_place_that_fails_is_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(b"the old content")
    copied = []

    def copy_half(source: BinaryIO, target: BinaryIO, length: int) -> None:
        content = source.read(length)
        copied.append(content)
        target.write(content[: len(content) // 2] if content == b"new" else content)
        if content == b"new":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copyfileobj", copy_half)
    monkeypatch.setattr(
        shutil, "copyfile", lambda old, new: Path(new).write_bytes(old.read_bytes())
    )
    with pytest.raises(StorageError, match="No space left"):
        write_atomically(path, [b"new"])
    assert copied == [b"new", b"the old content"]
    assert path.read_bytes() == b"the old content"
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.usefixtures("no_rename")
def test_without_an_old_file_nothing_is_written_in_place(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="busy"):
        write_atomically(tmp_path / "list.txt", [b"new"])
    assert not [*tmp_path.iterdir()]
