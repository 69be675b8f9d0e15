"""Load credentials for requests: environment or file -> headers, URLs, keys; redact URLs."""

import os
import re
from base64 import b64decode, b64encode
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

from blocklist.config.feeds import Feed
from blocklist.fetch.types import FetchError

if TYPE_CHECKING:
    from dns.tsig import Key

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_TOKEN_PLACEHOLDER = "{token}"  # noqa: S105


def redact_url(url: str) -> str:
    """Return a URL without user, password, query and fragment, which may be secret."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "a URL that cannot be read"
    if not parts.scheme or not parts.netloc:
        return url.partition("?")[0] if "://" in url else url
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", "")) + ("?..." if parts.query else "")


def url_origin(url: str) -> str:
    """Return the scheme, host and port of a URL; empty for a path."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.hostname}:{parts.port}" if parts.hostname else ""
    except ValueError:
        return ""


def fill_credentials(feed: Feed, url: str) -> tuple[str, dict[str, str]]:
    """Return a feed's URL and headers with the secrets filled in.

    Raise `FetchError` if a secret is missing; no message ever contains a secret.
    """
    headers = dict(_parse_header(feed, line) for line in feed.headers)
    if not feed.token_env and not feed.token_file:
        return url, headers
    token = _read_token(feed)
    if _TOKEN_PLACEHOLDER in url:
        return url.replace(_TOKEN_PLACEHOLDER, quote(token, safe="")), headers
    return url, {"Authorization": _authorization_header(feed.user, token), **headers}


def _authorization_header(user: str, token: str) -> str:
    if not user:
        return f"Bearer {token}"
    return f"Basic {b64encode(f'{user}:{token}'.encode()).decode()}"


def load_tsig_key(feed: Feed) -> "Key | None":
    """Return the key that signs a feed's transfers, or None; its secret is the feed's token."""
    if not feed.tsig:
        return None
    from dns.exception import DNSException
    from dns.tsig import Key

    algorithm, _, name = feed.tsig.rpartition(":")
    if not feed.token_env and not feed.token_file:
        raise FetchError(f"{feed.config_key}.tsig: its secret must be in token_env or token_file")
    try:
        return Key(
            name, b64decode(_read_token(feed), validate=True), f"{algorithm or 'hmac-sha256'}."
        )
    except (ValueError, DNSException):
        raise FetchError(f"{feed.config_key}: the secret of its TSIG key is not Base64") from None


def _read_token(feed: Feed) -> str:
    if feed.token_env:
        return _check_header_value(_read_variable(feed, feed.token_env), feed.token_env)
    try:
        return _check_header_value(Path(feed.token_file).read_text().strip(), feed.token_file)
    except (OSError, UnicodeDecodeError):
        raise FetchError(
            f"{feed.config_key}.token_file: {feed.token_file} cannot be read"
        ) from None


def _parse_header(feed: Feed, line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not _HEADER_NAME.fullmatch(name.strip()):
        raise FetchError(f"{feed.config_key}.headers: expected texts such as 'Auth-Key: $NAME'")
    filled = _VARIABLE.sub(lambda match: _read_variable(feed, match[1] or match[2]), value.strip())
    return name.strip(), _check_header_value(filled, f"{feed.config_key}.headers")


def _read_variable(feed: Feed, name: str) -> str:
    value = os.environ.get(name, "").strip()
    if not value:
        raise FetchError(
            f"{feed.config_key} needs the environment variable {name}, which is not set"
        )
    return value


def _check_header_value(value: str, source: str) -> str:
    """Return a valid header value; raise `FetchError` for any other, such as one of two lines."""
    if not value or not value.isascii() or not value.isprintable():
        raise FetchError(f"{source}: expected one line of plain ASCII")
    return value
