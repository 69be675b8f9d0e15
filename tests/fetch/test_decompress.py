"""Compressed lists: each compression is detected, and damage is refused."""

import bz2
import gzip
import io
import lzma
import zipfile

import brotli  # type: ignore[import-untyped]
import pytest

from tests.support.fault_server import says
from tests.support.http_feeds import (
    FRESH,
    GOOD,
    REFUSED,
    UNCHANGED,
    HttpFeeds,
)


def zipped(*members: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in members:
            archive.writestr(name, GOOD)
    return buffer.getvalue()


def zstd(data: bytes) -> bytes:
    from backports import zstd as library

    return bytes(library.compress(data))


@pytest.mark.parametrize(
    ("body", "coding", "why"),
    [
        (gzip.compress(GOOD), "gzip", "the usual"),
        (brotli.compress(GOOD), "br", "told by the header alone"),
        (zstd(GOOD), "zstd", "the newest"),
        (gzip.compress(GOOD), "", "a packed file"),
        (gzip.compress(gzip.compress(GOOD)), "gzip", "a packed file, packed on the way"),
        (GOOD, "gzip", "a server that says what is not so"),
        (gzip.compress(GOOD[:100]) + gzip.compress(GOOD[100:]), "", "in two parts"),
        (gzip.compress(GOOD) + b"\0" * 512, "", "padded"),
        (bz2.compress(GOOD), "", "bzip2"),
        (lzma.compress(GOOD), "", "xz"),
        (zipped("list.txt"), "", "a zip"),
        (GOOD.decode().encode("utf-16"), "", "UTF-16 with a mark"),
    ],
)
def test_whatever_it_is_packed_in(
    http_feeds: HttpFeeds, body: bytes, coding: str, why: str
) -> None:
    feed = http_feeds.feed(
        "packed", says(body, *([f"Content-Encoding: {coding}"] if coding else []))
    )
    (outcome,) = http_feeds.update(feed)
    assert (outcome.state, outcome.entries) == (FRESH, 2000), (why, outcome.cause)
    assert http_feeds.update(feed)[0].state is UNCHANGED


@pytest.mark.parametrize(
    ("body", "cause", "why"),
    [
        (zipped("a", "b"), "a zip of 2 files, expected one", "which is it?"),
        (zipped("a")[:-30], "broken zip data: File is not a zip file", "cut off"),
        (bz2.compress(GOOD)[:-9], "cut off: its bzip2 data ends too early", "cut off"),
        (lzma.compress(GOOD)[:-9], "cut off: its xz data ends too early", "cut off"),
        (zstd(GOOD)[:-9], "cut off: its zstd data ends too early", "cut off"),
        (gzip.compress(GOOD)[:50] + b"x" * 500, "broken gzip data", "damaged"),
        (
            gzip.compress(gzip.compress(gzip.compress(gzip.compress(GOOD)))),
            "compressed more than 3",
            "",
        ),
    ],
)
def test_what_does_not_unpack(http_feeds: HttpFeeds, body: bytes, cause: str, why: str) -> None:
    (outcome,) = http_feeds.update(http_feeds.feed("packed", says(body)))
    assert (outcome.state, cause in (outcome.cause or "")) == (REFUSED, True), (why, outcome)
