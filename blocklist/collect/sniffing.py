"""Detect bodies that are no list: web pages, error documents, damage, the feed's own host."""

import re
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

import polars as pl

from blocklist.collect.outcome import EXCERPT_LABEL
from blocklist.config.feeds import Feed
from blocklist.fetch.types import is_remote_url
from blocklist.indicators.names import name_and_ancestors
from blocklist.model import Kind, Scope
from blocklist.parse.result import ParseResult

_WEB_PAGE_STARTS = (
    "<!doctype html",
    "<html",
    "<?xml",
    "<head",
    "<body",
    "<!--",
    "<script",
    "<title",
)
_HEAD_BYTES = 1024
_JSON_DOCUMENT = re.compile(r"\{\s*[\"}]|\[\s*[{\"]")
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")
_TEXT_IN_UTF16 = re.compile(rb"(?:[^\0]\0){4}|(?:\0[^\0]){4}", re.DOTALL)


def detect_non_list(body: bytes, *, may_be_json: bool) -> str | None:
    """Return why a body cannot be a list, in words for a person, or None."""
    encoding = "utf-16" if body.startswith(_UTF16_BOMS) else "utf-8"
    head = body[:_HEAD_BYTES].decode(encoding, errors="replace").lstrip("\ufeff \t\r\n")
    if head.lower().startswith(_WEB_PAGE_STARTS):
        return "a web page, not a list"
    if not may_be_json and _JSON_DOCUMENT.match(head):
        return f"a JSON document, not a list{EXCERPT_LABEL}{_printable_head(head)}"
    if _TEXT_IN_UTF16.match(body):
        return "UTF-16 without a byte order mark, which cannot be told from binary data"
    return None


def detect_nul(body: bytes) -> str | None:
    """Return where a body contains a NUL, as files damaged on disk do, or None."""
    if body.startswith(_UTF16_BOMS) or b"\0" not in body:
        return None
    return f"damaged: a NUL at byte {body.index(0):,}, which no list has"


def _printable_head(head: str) -> str:
    return "".join(c for c in " ".join(head.split())[:60] if c.isprintable())


def find_own_host(feed: Feed, parsed: ParseResult) -> str | None:
    """Return the host of the feed's own URL if the feed lists it, or None.

    A guard may list its own host.
    """
    if feed.guard is not None:
        return None
    for host in {urlsplit(url).hostname or "" for url in feed.urls if is_remote_url(url)}:
        covers_host = pl.col("value").is_in(list(_ancestors_of_host(host)))
        rows = parsed.indicators.filter((pl.col("kind") != Kind.URL.value) & covers_host)
        itself = pl.col("value") == host
        exact, below = (pl.col("scope") == scope.value for scope in (Scope.EXACT, Scope.BELOW))
        is_name = pl.col("kind") == Kind.DOMAIN.value
        covers = (
            pl.when(is_name).then((itself & ~below) | (~itself & ~exact)).otherwise(pl.lit(True))
        )
        if not rows.filter(covers).is_empty():
            return host
    return None


def _ancestors_of_host(host: str) -> Iterator[str]:
    """Yield the values that cover a host: itself and the names or networks above it."""
    yield from name_and_ancestors(host)
    try:
        address = ip_address(host)
    except ValueError:
        return
    for length in range(address.max_prefixlen):
        yield str(ip_network((host, length), strict=False))
