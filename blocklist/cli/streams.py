"""Write text to stdout and stderr safely: no crash on odd bytes, no terminal control codes."""

import os
import sys
from io import TextIOWrapper
from typing import TextIO

from blocklist.cli.times import show_local_times
from blocklist.text import escape_unprintable


def make_streams_robust() -> None:
    """Let no byte or character that the encoding of a stream lacks end the program."""
    _replace_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")


def _replace_closed_streams() -> None:
    """Give the program the streams that it was started without, as by `>&-`; they lead nowhere."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123


def write_text(text: str, stream: TextIO) -> None:
    """Write to a stream; if its reader has gone, as `head` goes, or it is full, go on working."""
    try:
        stream.write(text)
    except OSError as error:
        _give_up(stream, error)


def flush_stream(stream: TextIO) -> None:
    """Write out the buffer of a stream."""
    try:
        stream.flush()
    except OSError as error:
        _give_up(stream, error)


def _give_up(stream: TextIO, error: OSError) -> None:
    """Discard all further output of a stream; say so on stderr unless its reader has gone."""
    _discard_output(stream)
    if stream is not sys.stderr and not isinstance(error, BrokenPipeError):
        cause = error.strerror or error
        warn(f"blocklist: the output cannot be written: {cause}; the work goes on without it")


def flush_streams() -> None:
    """Write out both streams, so that a reader who has gone does not change the exit code."""
    for stream in (sys.stdout, sys.stderr):
        flush_stream(stream)


def _discard_output(stream: TextIO) -> None:
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, stream.fileno())
    os.close(devnull)


def warn(text: str) -> None:
    """Write a line on stderr, also with `--quiet`: something is wrong."""
    write_text(show_local_times(escape_unprintable(text), sys.stderr) + "\n", sys.stderr)
    flush_stream(sys.stderr)
