"""Serials of zones: zone file in place and stored serial -> the serial of the next zone.

Secondaries transfer a zone only when its serial rises (RFC 1982, RFC 1996). The zone in place may
be of another generator, so every SOA record that a name server reads is read.
"""

import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from blocklist.errors import ExportFailed
from blocklist.export.render.file_head import has_own_head, read_head_number

if TYPE_CHECKING:
    from dns.name import Name
    from dns.rdata import Rdata

_SERIAL_PATTERN = re.compile(rb"@ SOA \S+ \S+ ([0-9]{1,10}) ")
_SERIAL_MODULUS = 1 << 32


def latest_serial(stored: int | None, path: Path, zone: str) -> int | None:
    """Return the higher one of the stored serial and the serial of the zone file in place.

    They differ when the ledger was lost, when a run was killed before it stored the serial, or when
    another program wrote the file. Raise `ExportFailed` if such a file cannot be read.
    """
    written = _read_serial(path, zone, is_stored=stored is not None)
    if stored is None or (written is not None and _is_above(written, stored)):
        return written
    return stored


def next_serial(previous: int | None, now: datetime) -> int:
    """Return the serial of a changed zone: the time, or the previous serial plus 1 if higher."""
    time = int(now.timestamp()) % _SERIAL_MODULUS
    if previous is None or _is_above(time, previous):
        return time
    return (previous + 1) % _SERIAL_MODULUS


def _is_above(serial: int, other: int) -> bool:
    """Compare serials by RFC 1982, 3.2: above means less than half the number circle ahead."""
    return 0 < (serial - other) % _SERIAL_MODULUS < _SERIAL_MODULUS // 2


def _read_serial(path: Path, zone: str, *, is_stored: bool) -> int | None:
    """Return the serial of a zone file; None without a file or an SOA record."""
    if not path.is_file():
        return None
    if has_own_head(path):
        serial = read_head_number(path, _SERIAL_PATTERN)
        if serial is not None or is_stored:
            return serial
    try:
        return _parse_serial(path, zone)
    except (OSError, ValueError) as error:
        raise ExportFailed(
            f"the serial of the zone file in place cannot be read ({error}), and secondaries would "
            "never load a zone with a lower one; if no server has this zone, delete the file, else "
            "write its SOA record as the first record, as in: "
            f"{zone}. 300 IN SOA localhost. root.localhost. SERIAL 3600 600 604800 300"
        ) from None


def _parse_serial(path: Path, zone: str) -> int | None:
    """Return the serial of the first SOA record; raise `ValueError` for a text that is no zone."""
    import dns.exception
    import dns.name
    import dns.tokenizer
    import dns.zonefile
    from dns.rdataclass import IN

    origin = dns.name.from_text(zone)
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        transaction = _SoaTransaction(origin)
        tokens = dns.tokenizer.Tokenizer(file, path.name)
        reader = dns.zonefile.Reader(tokens, IN, transaction, default_ttl=0)  # type: ignore[arg-type]
        reader.current_origin = reader.last_name = origin
        try:
            reader.read()
        except _SerialFound as found:
            return found.serial
        except (dns.exception.DNSException, UnicodeError) as error:
            raise ValueError(str(error) or type(error).__name__) from None
    return None


class _SerialFound(Exception):
    """Ends reading at the first SOA record."""

    def __init__(self, serial: int) -> None:
        super().__init__(serial)
        self.serial = serial


class _SoaTransaction:
    """The receiver of the records that dnspython reads; it stops at the first SOA record.

    Records below every origin are received, because the file may name its zone in another way.
    """

    def __init__(self, origin: "Name") -> None:
        self.origin = origin

    @property
    def manager(self) -> "_SoaTransaction":
        return self

    def origin_information(self) -> tuple["Name", bool, "Name"]:
        from dns.name import root

        return root, False, self.origin

    def check_put_rdataset(self, check: object) -> None:
        """Accept the check that dnspython adds for stored records."""

    def _set_origin(self, origin: "Name") -> None:
        """Accept an $ORIGIN."""

    def add(self, _name: "Name", _ttl: int, record: "Rdata") -> None:
        from dns.rdtypes.ANY.SOA import SOA

        if isinstance(record, SOA):
            raise _SerialFound(record.serial)
