"""Explain failed downloads: HTTP status or library error -> `FetchError` without secrets."""

import re
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from blocklist.fetch.ssrf import SsrfGuard
from blocklist.fetch.types import FetchError

if TYPE_CHECKING:
    from aiohttp import ClientResponse

#: Statuses after which another try may succeed.
_RETRY_STATUSES = (408, 425, 429, 500, 502, 503, 504)


def error_from_status(display_url: str, response: "ClientResponse") -> FetchError:
    """Return a server's error status as an error, with the delay that it asks for."""
    retry_after = _parse_retry_after(response.headers.get("Retry-After", ""))
    cause = f"{display_url}: the server answers {response.status}"
    reason = re.sub(r"[^ -~]", "", response.reason or "")[:60]
    return FetchError(
        f"{cause} {reason}".rstrip(),
        can_retry=response.status in _RETRY_STATUSES,
        retry_after=retry_after,
    )


def _parse_retry_after(text: str) -> float | None:
    """Return a `Retry-After` in seconds; it is a number or a date (RFC 9110, 10.2.3)."""
    from datetime import UTC, datetime

    if re.fullmatch(r"[0-9]{1,9}", text.strip()):
        return float(text)
    try:
        retry_time = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(
        0.0,
        (retry_time.replace(tzinfo=retry_time.tzinfo or UTC) - datetime.now(UTC)).total_seconds(),
    )


def error_from_exception(display_url: str, guard: SsrfGuard, error: Exception) -> FetchError:
    """Return a library's exception as an error with a plain cause."""
    if guard.refused_address is not None:
        return FetchError(
            f"{display_url}: leads to {guard.refused_address}, which is not a public address"
        )
    cause, can_retry = _explain_exception(error)
    return FetchError(
        f"{display_url}: {cause}", can_retry=can_retry, is_unreachable=_is_unreachable(error)
    )


def _is_unreachable(error: Exception) -> bool:
    """Return whether there was no connection; a server with a bad certificate was reached."""
    import aiohttp

    is_refused = isinstance(error, aiohttp.ClientSSLError)
    return isinstance(error, aiohttp.ClientConnectorError) and not is_refused


def _explain_exception(error: Exception) -> tuple[str, bool]:
    """Return the cause of an exception in plain words, and whether another try may help."""
    import aiohttp

    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        certificate_error = error.certificate_error
        reason = (
            getattr(certificate_error, "verify_message", "") or type(certificate_error).__name__
        )
        return f"its TLS certificate cannot be trusted: {reason}", False
    # The first match wins, so the most specific class comes first.
    for error_class, cause, can_retry in (
        (aiohttp.ClientSSLError, "no TLS connection: {}", True),
        (aiohttp.ClientConnectorDNSError, "its host is not found in DNS", True),
        (aiohttp.ClientConnectorError, "cannot be reached: {}", True),
        (aiohttp.ClientPayloadError, "the connection ended before the list did", True),
        (
            aiohttp.ServerDisconnectedError,
            "the server closed the connection without an answer",
            True,
        ),
        ((aiohttp.ClientOSError, ConnectionError), "the connection broke", True),
        (aiohttp.ClientResponseError, "the server does not speak HTTP as it should", False),
        ((aiohttp.InvalidURL, ValueError), "not a URL that can be fetched", False),
        (OSError, "cannot be stored: {}", False),
    ):
        if isinstance(error, error_class):
            return cause.format(_system_reason(error)), can_retry
    return type(error).__name__, False


def _system_reason(error: Exception) -> str:
    inner = getattr(error, "os_error", error)
    reason = getattr(inner, "reason", None) or getattr(inner, "strerror", None)
    return str(reason or type(inner).__name__)[:100]
