"""Transfer a zone from a name server: AXFR or IXFR, optionally signed with TSIG -> zone file.

RFC 5936, RFC 1995, RFC 8945. The serial shows whether the zone changed: if it is the stored one,
the server sends nothing more, or the rest is not read.
"""

import asyncio
import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.tsig
import dns.xfr

from blocklist.config.sections import CollectConfig
from blocklist.fetch.http import ByteProgressCallback, Download
from blocklist.fetch.spool import Spool
from blocklist.fetch.types import ContentRefused, FetchError
from blocklist.fetch.zone_file import BaseMismatch, ZoneFile
from blocklist.model import Validators

_DNS_PORT = 53
#: Answers of servers that do not support IXFR but may still send the complete zone.
_NO_IXFR_RCODES = (dns.rcode.NOTIMP, dns.rcode.FORMERR)
_TSIG_CAUSES: dict[type[dns.exception.DNSException], str] = {
    dns.tsig.PeerBadKey: "the server does not know the TSIG key",
    dns.tsig.PeerBadSignature: "the server has another secret for the TSIG key",
    dns.tsig.PeerBadTime: "by the server's clock the request is too old or too new",
    dns.tsig.PeerBadTruncation: "the server wants longer TSIG signatures",
    dns.tsig.BadTime: "by this machine's clock the answer is too old or too new",
    dns.tsig.BadSignature: "the answer is signed with another secret",
    dns.tsig.BadKey: "the answer is signed with another TSIG key",
    dns.tsig.BadAlgorithm: "the answer is signed with another TSIG algorithm",
    dns.message.UnknownTSIGKey: "the answer is signed with another TSIG key",
}


class _IxfrUnavailable(Exception):
    """The server cannot send a difference, so the complete zone is needed."""


@dataclass(frozen=True, slots=True)
class ZoneRequest:
    """A request for a zone, with what is stored from the last transfer."""

    #: `axfr://server[:port]/zone`
    url: str
    tsig_key: dns.tsig.Key | None
    validators: Validators
    #: The stored zone, with the serial in the validators.
    base: Path | None
    max_bytes: int
    #: The URL for messages, without secrets.
    display_url: str


async def transfer_zone(
    request: ZoneRequest, settings: CollectConfig, path: Path, progress: ByteProgressCallback
) -> Download:
    """Return the zone in `path`, or no file if its serial has not changed.

    Raise `FetchError` if the transfer fails, `ContentRefused` if the zone is not acceptable.
    """
    try:
        if request.base is not None and request.validators.etag is not None:
            try:
                return await _ZoneTransfer(request, settings, request.base).run(path, progress)
            except (_IxfrUnavailable, BaseMismatch):
                pass
        return await _ZoneTransfer(request, settings, None).run(path, progress)
    except ContentRefused as error:
        raise ContentRefused(f"{request.display_url}: {error}") from None
    except FetchError as error:
        raise FetchError(
            f"{request.display_url}: {error}",
            can_retry=error.can_retry,
            is_unreachable=error.is_unreachable,
        ) from None


def _parse_zone_url(url: str) -> tuple[str, int, dns.name.Name]:
    """Return server, port and zone of a URL; raise `FetchError` if it is malformed."""
    try:
        parts = urlsplit(url)
        zone = dns.name.from_text(unquote(parts.path.strip("/")))
        port = parts.port or _DNS_PORT
    except (ValueError, dns.exception.DNSException):
        raise FetchError("the URL names no valid zone") from None
    if not parts.hostname or zone == dns.name.root:
        raise FetchError("expected a server and a zone, as in axfr://server/zone")
    return parts.hostname, port, zone


class _ZoneTransfer:
    """One transfer: of the complete zone, or of the difference to `base`."""

    def __init__(self, request: ZoneRequest, settings: CollectConfig, base: Path | None) -> None:
        self._request = request
        self._settings = settings
        self._base = base
        self._server, self._port, self._origin = _parse_zone_url(request.url)
        self._serial = int(request.validators.etag) if request.validators.etag else None
        self._query = self._make_query()
        self._tsig_context: dns.tsig.HMACTSig | None = None

    def _make_query(self) -> dns.message.QueryMessage:
        record_type = dns.rdatatype.IXFR if self._base else dns.rdatatype.AXFR
        query = dns.message.make_query(self._origin, record_type)
        if self._base:
            soa = f". . {self._serial} 0 0 0 0"
            query.authority.append(dns.rrset.from_text(self._origin, 0, "IN", "SOA", soa))
        if self._request.tsig_key is not None:
            query.use_tsig(self._request.tsig_key)
        return query

    async def run(self, path: Path, progress: ByteProgressCallback) -> Download:
        """Return the result.

        Raise `_IxfrUnavailable` or `BaseMismatch` if the complete zone is needed.
        """
        try:
            async with asyncio.timeout(self._settings.total_timeout):
                reader, writer = await self._connect()
                try:
                    writer.write(_frame_message(self._query.to_wire()))
                    serial = await self._receive_zone(reader, path, progress)
                finally:
                    writer.transport.abort()
        except TimeoutError:
            seconds = self._settings.total_timeout
            raise FetchError(f"not finished within {seconds:g} s") from None
        except (asyncio.IncompleteReadError, ConnectionError):
            raise FetchError("the connection ended before the zone did", can_retry=True) from None
        except OSError as error:
            cause = error.strerror or type(error).__name__
            raise FetchError(f"cannot be stored: {cause}") from None
        unchanged = serial == self._serial
        return Download(None if unchanged else path, Validators(str(serial)))

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        seconds = self._settings.connect_timeout
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.open_connection(self._server, self._port)
        except TimeoutError:
            raise FetchError(
                f"no connection within {seconds:g} s", can_retry=True, is_unreachable=True
            ) from None
        except socket.gaierror:
            raise FetchError(
                "its host is not found in DNS", can_retry=True, is_unreachable=True
            ) from None
        except OSError as error:
            cause = error.strerror or type(error).__name__
            raise FetchError(
                f"cannot be reached: {cause}", can_retry=True, is_unreachable=True
            ) from None

    async def _receive_zone(
        self, reader: asyncio.StreamReader, path: Path, progress: ByteProgressCallback
    ) -> int:
        """Process messages until the zone is complete or found unchanged; return its serial."""
        zone = ZoneFile(self._origin, path, self._request.max_bytes, self._base)
        record_type = self._query.question[0].rdtype
        with (
            Spool(path.with_suffix(".wire")) as spool,
            dns.xfr.Inbound(zone, record_type, self._serial if self._base else None) as inbound,
        ):
            receiver = asyncio.create_task(self._spool_messages(reader, spool, progress))
            try:
                while not await asyncio.to_thread(
                    self._process_message, inbound, await spool.get()
                ):
                    pass
            finally:
                receiver.cancel()
                await asyncio.gather(receiver, return_exceptions=True)
            return _zone_serial(inbound)

    async def _spool_messages(
        self, reader: asyncio.StreamReader, spool: Spool, progress: ByteProgressCallback
    ) -> None:
        """Put all messages of the server into the spool, up to the size limit of a list."""
        received = 0
        try:
            while True:
                wire = await self._read_message(reader)
                received += len(wire)
                if received > self._request.max_bytes:
                    raise ContentRefused(f"more than {self._request.max_bytes:,} bytes of any list")
                spool.put(wire)
                progress(received, None)
        except (FetchError, OSError, asyncio.IncompleteReadError) as error:
            spool.end_with_error(error)

    async def _read_message(self, reader: asyncio.StreamReader) -> bytes:
        seconds = self._settings.read_timeout
        try:
            async with asyncio.timeout(seconds):
                (length,) = struct.unpack("!H", await reader.readexactly(2))
                return await reader.readexactly(length)
        except TimeoutError:
            raise FetchError(f"no data from the server for {seconds:g} s", can_retry=True) from None

    def _process_message(self, inbound: dns.xfr.Inbound, wire: bytes) -> bool:
        """Process a message; return whether the transfer is finished."""
        try:
            message = dns.message.from_wire(
                wire,
                keyring=self._query.keyring,
                request_mac=self._query.mac,
                xfr=True,
                tsig_ctx=self._tsig_context,
                multi=True,
                one_rr_per_rrset=True,
            )
            if message.id != self._query.id:
                raise FetchError("answers another query than the one that was sent")
            self._tsig_context = message.tsig_ctx
            return inbound.process_message(message) or _zone_serial(inbound) == self._serial
        except dns.exception.DNSException as error:
            raise self._explain_error(error) from None

    def _explain_error(self, error: dns.exception.DNSException) -> Exception:
        """Return the error to raise: with a plain cause, or the request for the complete zone."""
        cause = next(
            (text for error_class, text in _TSIG_CAUSES.items() if isinstance(error, error_class)),
            None,
        )
        if cause is not None:
            return FetchError(cause)
        if isinstance(error, dns.xfr.TransferError):
            if self._base and error.rcode in _NO_IXFR_RCODES:
                return _IxfrUnavailable()
            code = dns.rcode.to_text(error.rcode)
            return FetchError(
                f"the server answers {code}", can_retry=error.rcode == dns.rcode.SERVFAIL
            )
        if self._base:
            return _IxfrUnavailable()
        return ContentRefused(f"sends no valid zone: {' '.join(str(error).split())[:100]}")


def _frame_message(wire: bytes) -> bytes:
    return struct.pack("!H", len(wire)) + wire


def _zone_serial(inbound: dns.xfr.Inbound) -> int:
    """Return the serial of the server's zone; its SOA comes first."""
    assert inbound.soa_rdataset is not None
    return int(inbound.soa_rdataset[0].serial)
