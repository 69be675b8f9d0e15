"""Columns in pieces: nothing is lost, the order is kept, and no text is decompressed."""

import gzip
import signal
import subprocess
import sys
import threading
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocklist.frames import parallel
from blocklist.frames.parallel import (
    bytes_to_lines,
    compact_strings,
    iter_file_pieces,
    map_in_order,
)


@given(text=st.text(alphabet="ab \n\t\x00\x0b\x85\u2028é"))
def test_lines_end_in_line_feeds_alone(text: str) -> None:
    expected = text.removesuffix("\n").split("\n") if text else []
    assert bytes_to_lines(text.encode()).to_list() == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (gzip.compress(b"a.example\n" * 9), "polars would unpack it, to any size"),
        (zlib.compress(b"a.example\n" * 9), "another magic number"),
        (b"x^ is how zlib may start\n", "and text may, too"),
    ],
    ids=["gzip", "zlib", "text"],
)
def test_nothing_is_unpacked(text: bytes, why: str) -> None:
    try:
        found = bytes_to_lines(text).to_list()
    except UnicodeError:
        found = []
    assert "a.example" not in found, why
    assert found in ([], [text.decode(errors="replace").rstrip("\n")])


@given(body=st.binary(max_size=60), size=st.integers(1, 9))
def test_pieces_of_a_file_are_whole_lines(body: bytes, size: int) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(body)
        cut = list(iter_file_pieces(path, size))
    assert b"".join(cut) == body
    assert all(piece.endswith(b"\n") for piece in cut[:-1])


@given(texts=st.lists(st.none() | st.text(alphabet="ab.é\x00\u2028", max_size=30), max_size=20))
def test_texts_that_are_laid_side_by_side_are_the_same(texts: list[str | None]) -> None:
    column = pl.Series("value", texts, pl.String)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parallel, "_PIECE_ROWS", 7)
        found = compact_strings(column)
    assert found.equals(column, check_names=True, check_dtypes=True, null_equal=True)


def test_pieces_come_back_in_order_and_a_fault_ends_the_work() -> None:
    for count in (0, 1, 2, 50):
        numbers = iter(range(count))
        assert list(map_in_order(lambda number: number * 2, numbers)) == list(
            range(0, 2 * count, 2)
        )
    seen = []

    def work(number: int) -> int:
        seen.append(number)
        return 1 // (number - 3)

    with pytest.raises(ZeroDivisionError):
        list(map_in_order(work, range(1000)))
    assert len(seen) < 20


def test_a_piece_that_comes_alone_needs_no_thread() -> None:
    assert list(map_in_order(lambda _: threading.current_thread(), [1])) == [
        threading.main_thread()
    ]


INTERRUPTED = """
import os, time
from blocklist.frames.parallel import map_in_order

def work(number):
    os.write(1, b"%d\\n" % number)  # in one piece, whatever the other thread writes
    time.sleep(1)

for _ in map_in_order(work, range(9), 2):
    pass
"""


def test_ctrl_c_starts_no_further_piece() -> None:
    command = [sys.executable, "-c", INTERRUPTED]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout
        started = [running.stdout.readline() for _ in range(2)]
        running.send_signal(signal.SIGINT)
        rest, errors = running.communicate(timeout=30)
    assert sorted(started) == [b"0\n", b"1\n"]
    assert rest == b""
    assert b"KeyboardInterrupt" in errors


def test_ctrl_c_ends_a_wait_although_polars_handles_signals() -> None:
    program = (
        "import threading, blocklist.frames\n"
        "try:\n print('ready', flush=True)\n threading.Event().wait()\n"
        "except KeyboardInterrupt: print('interrupted')"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        running.send_signal(signal.SIGINT)
        try:
            assert running.communicate(timeout=60)[0] == "interrupted\n"
        finally:
            running.kill()
