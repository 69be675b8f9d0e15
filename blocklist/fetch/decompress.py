"""Decompress a stream piece by piece, and read the one list in a zip: bytes -> list bytes.

The compression is detected by content, not by file name. A few kilobytes can decompress to
gigabytes, so every step returns at most one piece, and the total is checked after each (CWE-409).
"""

import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from blocklist.fetch.types import ContentRefused

_MAX_PIECE_BYTES = 1 << 20
#: Lists compress to a tenth at best; a higher ratio than this is an attack, from a certain size.
_MAX_RATIO = 200
_RATIO_CHECK_FROM = 16 << 20
#: A compressed file may be compressed once more for the transfer.
_MAX_LAYERS = 3
_LONGEST_MAGIC = 6


class _Decompressor(Protocol):
    """The common interface of bz2, lzma and zstd."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _ZlibDecompressor:
    """`zlib` with the common interface."""

    def __init__(self, window: int) -> None:
        self._inner = zlib.decompressobj(window)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max(0, max_length))


class _BrotliDecompressor:
    """Brotli with the common interface (RFC 7932)."""

    unused_data = b""

    def __init__(self) -> None:
        import brotli  # type: ignore[import-untyped]

        self._inner = brotli.Decompressor()

    @property
    def eof(self) -> bool:
        return bool(self._inner.is_finished())

    @property
    def needs_input(self) -> bool:
        return bool(self._inner.can_accept_more_data())

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return bytes(self._inner.process(data, output_buffer_limit=max_length))


def _make_gzip() -> _Decompressor:
    return _ZlibDecompressor(zlib.MAX_WBITS | 16)


def _make_bz2() -> _Decompressor:
    import bz2

    return bz2.BZ2Decompressor()


def _make_xz() -> _Decompressor:
    import lzma

    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=256 << 20)


def _make_zstd() -> _Decompressor:
    import sys

    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: 27})


#: First bytes of a compressed file, name of the compression, and factory of its decompressor.
_MAGIC_NUMBERS: tuple[tuple[bytes, str, Callable[[], _Decompressor]], ...] = (
    (b"\x1f\x8b", "gzip", _make_gzip),
    (b"BZh", "bzip2", _make_bz2),
    (b"\xfd7zXZ\x00", "xz", _make_xz),
    (b"\x28\xb5\x2f\xfd", "zstd", _make_zstd),
)
#: Compressions that have no magic number: only `Content-Encoding` names them (RFC 9110, 8.4.1).
_CONTENT_CODINGS: dict[str, Callable[[], _Decompressor]] = {
    "br": _BrotliDecompressor,
    "deflate": lambda: _ZlibDecompressor(zlib.MAX_WBITS),
}
#: The first bytes of a zip archive; its directory is at the end, so it is decompressed as a file.
ZIP_MAGIC = b"PK\x03\x04"


class StreamDecompressor:
    """Decompresses a stream, however many layers of compression it has."""

    def __init__(self, max_bytes: int, coding: str = "") -> None:
        """Limit input and output to `max_bytes` each; `coding` is the `Content-Encoding`."""
        self._max_bytes = max_bytes
        self.bytes_in = 0
        self.bytes_out = 0
        coding = coding.strip().lower()
        make_decompressor = _CONTENT_CODINGS.get(coding)
        self._layer = (
            _CompressedLayer(coding, make_decompressor, 1)
            if make_decompressor
            else _DetectingLayer(1)
        )

    def decompress_piece(self, data: bytes) -> Iterator[bytes]:
        """Yield the output of a piece of input; raise `ContentRefused` if it is not a list."""
        self.bytes_in += len(data)
        if self.bytes_in > self._max_bytes:
            raise ContentRefused(f"more than {self._max_bytes:,} bytes, which no list has")
        yield from map(self._count_output, self._layer.decompress_piece(data))

    def finish(self) -> Iterator[bytes]:
        """Yield the rest at the end of the input; raise `ContentRefused` if it is cut off."""
        yield from map(self._count_output, self._layer.finish())

    def _count_output(self, piece: bytes) -> bytes:
        self.bytes_out += len(piece)
        if self.bytes_out > self._max_bytes:
            raise ContentRefused(
                f"unpacks to more than {self._max_bytes:,} bytes, which no list has"
            )
        if self.bytes_out > _RATIO_CHECK_FROM and self.bytes_out > self.bytes_in * _MAX_RATIO:
            raise ContentRefused(
                f"unpacks to more than {_MAX_RATIO} times its size, as no list does"
            )
        return piece


class _DetectingLayer:
    """A layer whose first bytes decide how it is decompressed."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._head = b""
        self._layer: _CompressedLayer | _PlainLayer | None = None

    def decompress_piece(self, data: bytes) -> Iterator[bytes]:
        if self._layer is not None:
            yield from self._layer.decompress_piece(data)
            return
        self._head += data
        if len(self._head) >= _LONGEST_MAGIC:
            yield from self._detect_layer()

    def finish(self) -> Iterator[bytes]:
        if self._layer is None:
            yield from self._detect_layer()
        assert self._layer is not None
        yield from self._layer.finish()

    def _detect_layer(self) -> Iterator[bytes]:
        head, self._head = self._head, b""
        self._layer = _PlainLayer()
        for magic, name, make in _MAGIC_NUMBERS:
            if head.startswith(magic):
                self._layer = _CompressedLayer(name, make, self._depth)
        yield from self._layer.decompress_piece(head)


class _PlainLayer:
    """The innermost layer: the list itself."""

    def decompress_piece(self, data: bytes) -> Iterator[bytes]:
        yield data

    def finish(self) -> Iterator[bytes]:
        yield from ()


class _CompressedLayer:
    """A layer of compression; several compressed parts in a row are one list."""

    def __init__(self, name: str, make: Callable[[], _Decompressor], depth: int) -> None:
        if depth > _MAX_LAYERS:
            raise ContentRefused(f"compressed more than {_MAX_LAYERS} times, which no list is")
        self._name, self._make_decompressor = name, make
        self._decompressor: _Decompressor | None = None
        self._inner_layer = _DetectingLayer(depth + 1)

    def decompress_piece(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._decompressor is None:
                data = data.lstrip(b"\0")  # padding of tapes and block devices
                if not data:
                    return
                self._decompressor = self._make_decompressor()
            yield from self._decompress_all(self._decompressor, data)
            if not self._decompressor.eof:
                return
            data = self._decompressor.unused_data
            self._decompressor = None

    def _decompress_all(self, decompressor: _Decompressor, data: bytes) -> Iterator[bytes]:
        while True:
            try:
                piece = decompressor.decompress(data, _MAX_PIECE_BYTES)
            except Exception as error:  # each library has an error class of its own
                raise ContentRefused(f"broken {self._name} data: {error}") from None
            if piece:
                yield from self._inner_layer.decompress_piece(piece)
            is_empty, data = not piece and not data, b""
            if (
                is_empty
                or decompressor.eof
                or (decompressor.needs_input and len(piece) < _MAX_PIECE_BYTES)
            ):
                return

    def finish(self) -> Iterator[bytes]:
        if self._decompressor is not None:
            raise ContentRefused(f"cut off: its {self._name} data ends too early")
        yield from self._inner_layer.finish()


def is_zip_file(path: Path) -> bool:
    """Return whether a file starts like a zip archive."""
    with path.open("rb") as file:
        return file.read(len(ZIP_MAGIC)) == ZIP_MAGIC


def read_zip_member(path: Path, max_bytes: int) -> Iterator[bytes]:
    """Yield the bytes of the only file in a zip archive.

    Raise `ContentRefused` if there is not exactly one, or if it is larger than `max_bytes` or too
    large for the size of the archive.
    """
    counter = StreamDecompressor(max_bytes)
    packed_bytes = path.stat().st_size
    try:
        with zipfile.ZipFile(path) as archive:
            members = [entry for entry in archive.infolist() if not entry.is_dir()]
            if len(members) != 1:
                raise ContentRefused(f"a zip of {len(members)} files, expected one")
            with archive.open(members[0]) as member:
                while piece := member.read(_MAX_PIECE_BYTES):
                    yield from counter.decompress_piece(piece)
                    if counter.bytes_out > max(packed_bytes * _MAX_RATIO, _RATIO_CHECK_FROM):
                        raise ContentRefused(
                            f"unpacks to more than {_MAX_RATIO} times its size, as no list does"
                        )
                yield from counter.finish()
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise ContentRefused(f"broken zip data: {error}") from None
    except (RuntimeError, NotImplementedError):
        raise ContentRefused("a zip with a password or an unsupported compression") from None
