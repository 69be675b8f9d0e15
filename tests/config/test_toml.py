"""Files as editors, systems and accidents leave them: what is read, and what is refused how."""

from pathlib import Path

import pytest

from blocklist.config.loader import load_config
from blocklist.config.paths import ConfigSource
from blocklist.config.toml import load_toml
from blocklist.errors import ConfigError, StorageError
from tests.support.config_files import write

MEBIBYTE = 1 << 20


@pytest.mark.parametrize(
    ("content", "expected", "why"),
    [
        (b"", {}, "an empty file"),
        (b"# nothing yet\n", {}, "a comment alone"),
        (b"\xef\xbb\xbfa = 1\r\n[b]\r\n", {"a": 1, "b": {}}, "a byte order mark and CRLF"),
        (b"a = 1", {"a": 1}, "no line end"),
        ("a = 'm\u00fcll'".encode(), {"a": "m\u00fcll"}, "letters beyond ASCII"),
        pytest.param(b"# x\n" * (10 * MEBIBYTE // 4), {}, "10 MiB", marks=pytest.mark.slow),
    ],
    ids=range(6),
)
def test_files_that_are_read(tmp_path: Path, content: bytes, expected: object, why: str) -> None:
    (tmp_path / "x.toml").write_bytes(content)
    assert load_toml(tmp_path / "x.toml") == expected, why


@pytest.mark.parametrize(
    ("content", "message", "why"),
    [
        (b"a = 1\na = 2", "a key is given twice (at line 2, column 6)", "a key twice"),
        (b"[a]\nb = 1\n[a]\n", "Cannot declare ('a',) twice (at line 3", "a table twice"),
        (b"[a]\nb = 1\n[a.b]\nc = 1\n", "a key is given twice (at line 3", "a key and a table"),
        (b"[feeds.mine", "Expected ']' at the end of a table declaration", "cut off"),
        (b"a = yes", "Invalid value (at line 1, column 5)", "another language's true"),
        (b"a = 0,5", "Expected newline or end of document", "a comma in a number"),
        (b'a = "C:\\lists"', "Unescaped '\\' in a string (at line 1", "a path of Windows"),
        (b"a = 1\n\nb = '\xff'", "byte 0xff is not UTF-8 (at line 3)", "another encoding"),
        ("a = 1".encode("utf-16"), "the text is UTF-16; save it as UTF-8", "a Windows editor"),
        (b"a = " + b"[" * 9999, "tables or lists are nested too deeply", "an attack"),
        (b"a = " + b"1" * 9999, "Exceeds the limit", "a number with many digits"),
        (b"\0" * 99, "Invalid statement (at line 1, column 1)", "a file after a power cut"),
        (b"\x1f\x8b\x08", "byte 0x8b is not UTF-8 (at line 1)", "a compressed file"),
    ],
    ids=range(13),
)
def test_files_that_are_no_toml(tmp_path: Path, content: bytes, message: str, why: str) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as raised:
        load_toml(path)
    (line,) = raised.value.mistakes
    assert line.startswith(f"{path}: not valid TOML: {message}"), why
    assert "\n" not in line, why


@pytest.mark.parametrize("name", ["large.toml", "/dev/zero"])
def test_a_file_of_any_size_ends(tmp_path: Path, name: str) -> None:
    with (tmp_path / "large.toml").open("wb") as file:
        file.truncate(100 * MEBIBYTE)
    with pytest.raises(ConfigError, match="larger than 16 MiB"):
        load_toml(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "message", "why"),
    [
        ("missing.toml", "cannot be read: No such file or directory", "a missing file"),
        ("a-folder", "cannot be read: Is a directory", "a folder"),
        ("file.toml/x.toml", "cannot be read: Not a directory", "below a file"),
    ],
)
def test_a_file_that_cannot_be_read(folder: Path, name: str, message: str, why: str) -> None:
    (folder / "a-folder").mkdir()
    write(folder / "file.toml", "")
    for load in (load_config, lambda path: ConfigSource(path).database):
        with pytest.raises(StorageError) as raised:
            load(folder / name)
        assert str(raised.value) == f"{folder / name}: {message}", why


def test_a_folder_in_the_place_of_the_configuration_is_reported(folder: Path) -> None:
    (folder / "blocklist.toml").mkdir()
    with pytest.raises(StorageError, match=r"blocklist\.toml: cannot be read: Is a directory"):
        load_config()
