"""Explain failed downloads: HTTP status or library error -> `FetchError` without secrets."""

import re
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from blocklist.fetch.ssrf import SsrfGuard
from blocklist.fetch.types import FetchError

if TYPE_CHECKING:
    from aiohttp import ClientResponse

#: Statuses of a server that may think otherwise in a moment.
_RETRY_STATUSES = (408, 425, 429, 500, 502, 503, 504)


def error_from_status(where: str, response: "ClientResponse") -> FetchError:
    """Return the refusal of a server as an error, with how long it wants to be left alone."""
    wait = _parse_retry_after(response.headers.get("Retry-After", ""))
    cause = f"{where}: the server answers {response.status}"
    reason = re.sub(r"[^ -~]", "", response.reason or "")[:60]
    return FetchError(
        f"{cause} {reason}".rstrip(), again=response.status in _RETRY_STATUSES, wait=wait
    )


def _parse_retry_after(text: str) -> float | None:
    """Return a `Retry-After` in seconds: a number or a date (RFC 9110, 10.2.3)."""
    from datetime import UTC, datetime

    if re.fullmatch(r"[0-9]{1,9}", text.strip()):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(
        0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    )


def error_from_exception(where: str, reach: SsrfGuard, error: Exception) -> FetchError:
    """Return a library's error in one line that says no more than is known."""
    if reach.refused_address is not None:
        return FetchError(
            f"{where}: leads to {reach.refused_address}, which is in no public network"
        )
    cause, again = _explain_exception(error)
    return FetchError(f"{where}: {cause}", again=again)


def _explain_exception(error: Exception) -> tuple[str, bool]:
    """Return the cause of an error in plain words, and whether another try may help."""
    import aiohttp

    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        inner = error.certificate_error
        why = getattr(inner, "verify_message", "") or type(inner).__name__
        return f"its TLS certificate cannot be trusted: {why}", False
    # The first that fits: most special first.
    for kind, cause, again in (
        (aiohttp.ClientSSLError, "no TLS connection: {}", True),
        (aiohttp.ClientConnectorDNSError, "its host is not found in DNS", True),
        (aiohttp.ClientConnectorError, "cannot be reached: {}", True),
        (aiohttp.ClientPayloadError, "the connection ended before the list did", True),
        (aiohttp.ServerDisconnectedError, "the server hung up without an answer", True),
        ((aiohttp.ClientOSError, ConnectionError), "the connection broke", True),
        (aiohttp.ClientResponseError, "the server does not speak HTTP as it should", False),
        ((aiohttp.InvalidURL, ValueError), "not a URL that can be fetched", False),
        (OSError, "cannot be kept: {}", False),
    ):
        if isinstance(error, kind):
            return cause.format(_system_reason(error)), again
    return type(error).__name__, False


def _system_reason(error: Exception) -> str:
    inner = getattr(error, "os_error", error)
    reason = getattr(inner, "reason", None) or getattr(inner, "strerror", None)
    return str(reason or type(inner).__name__)[:100]
