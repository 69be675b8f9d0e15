"""Write text to stdout and stderr safely: no crash on odd bytes, no terminal control codes."""

import os
import sys
from io import TextIOWrapper
from typing import TextIO


def make_streams_robust() -> None:
    """Let no byte or character that a stream's encoding does not know end the program."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")


def write_text(text: str, stream: TextIO) -> None:
    """Write to a stream; when its reader went away, as `head` does, the work goes on unheard."""
    try:
        stream.write(text)
    except BrokenPipeError:
        _discard_output(stream)


def flush_stream(stream: TextIO) -> None:
    """Write out what a stream still holds."""
    try:
        stream.flush()
    except BrokenPipeError:
        _discard_output(stream)


def flush_streams() -> None:
    """Write out both streams, so that a reader who went away does not change the exit code."""
    for stream in (sys.stdout, sys.stderr):
        flush_stream(stream)


def _discard_output(stream: TextIO) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def warn(text: str) -> None:
    """Write a line on stderr: what went wrong is told to the quiet, too."""
    write_text(escape_unprintable(text) + "\n", sys.stderr)
    flush_stream(sys.stderr)


def escape_unprintable(text: str) -> str:
    """Return text with control and other unprintable characters escaped.

    Feeds are not trusted: a name must not be able to steer the terminal it is shown on.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text)
