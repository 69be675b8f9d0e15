"""Queue messages in a file, so that a slow reader never delays the sender.

A name server closes the connection to a client that reads too slowly (Knot DNS after half a
second), and parsing a message takes longer than sending one.
"""

import asyncio
import os
from pathlib import Path
from typing import Self


class Spool:
    """A queue of messages whose bytes are stored in a file until they are read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lengths: asyncio.Queue[int | Exception] = asyncio.Queue()
        self._write_offset = 0
        self._read_offset = 0

    def __enter__(self) -> Self:
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)
        self._path.unlink(missing_ok=True)

    def put(self, message: bytes) -> None:
        """Append a message."""
        self._write_offset += os.pwrite(self._descriptor, message, self._write_offset)
        self._lengths.put_nowait(len(message))

    def end_with_error(self, error: Exception) -> None:
        """Make `get` raise an error once all messages were read."""
        self._lengths.put_nowait(error)

    async def get(self) -> bytes:
        """Wait for the next message and return it, or raise the error at the end."""
        length = await self._lengths.get()
        if isinstance(length, Exception):
            raise length
        message = os.pread(self._descriptor, length, self._read_offset)
        self._read_offset += length
        return message
