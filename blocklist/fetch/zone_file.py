"""Write a transferred zone to a file, one record a line; apply a difference to the stored zone.

`dns.xfr.Inbound` implements the protocol and calls a transaction to add and delete records.
dnspython's own zone would hold millions of records in memory; these transactions write to disk.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

from dns.name import Name
from dns.rdataclass import IN, RdataClass
from dns.rdataset import Rdataset
from dns.rdatatype import to_text
from dns.transaction import Transaction, TransactionManager

from blocklist.fetch.types import ContentRefused


class BaseMismatch(Exception):
    """The difference was computed from another zone than the stored one."""


class ZoneFile(TransactionManager):
    """The file that a zone is transferred into: complete, or as a difference to `base`."""

    def __init__(self, origin: Name, path: Path, max_bytes: int, base: Path | None) -> None:
        """Set the limit of the file's size to `max_bytes`."""
        self._origin = origin
        self._path = path
        self._max_bytes = max_bytes
        self._base = base

    def writer(self, replacement: bool = False) -> Transaction:
        """Return the transaction for a complete zone, or for a difference."""
        # These classes implement all methods of a transaction that `dns.xfr` calls.
        if replacement or self._base is None:
            return cast("Transaction", _WholeZoneWriter(self._origin, self._path, self._max_bytes))
        return cast(
            "Transaction",
            _ZoneDifferenceWriter(self._origin, self._path, self._max_bytes, self._base),
        )

    def origin_information(self) -> tuple[Name | None, bool, Name | None]:
        """Return the zone's name; names in it are absolute."""
        return self._origin, False, self._origin

    def get_class(self) -> RdataClass:
        """Return the class IN."""
        return IN

    def from_wire_origin(self) -> Name | None:
        """Return None: names are not relative to any origin."""
        return None


def _record_lines(name: Name, records: Rdataset) -> Iterator[bytes]:
    """Yield the records of a name in lower case, without their time to live."""
    record_type = to_text(records.rdtype)
    for record in records:
        yield f"{name.to_text().lower()} {record_type} {record.to_text().lower()}\n".encode()


class _WholeZoneWriter:
    """Writes a zone as it arrives. The SOA comes last, so a `$ORIGIN` states the zone's name."""

    def __init__(self, origin: Name, path: Path, max_bytes: int) -> None:
        self._file = path.open("wb")
        self._bytes_left = max_bytes
        self._write_line(f"$ORIGIN {origin.to_text().lower()}\n".encode())

    def add(self, name: Name, records: Rdataset) -> None:
        for line in _record_lines(name, records):
            self._write_line(line)

    def delete_exact(self, _name: Name, _records: Rdataset) -> None:
        raise BaseMismatch

    replace = add

    def commit(self) -> None:
        self._file.close()

    rollback = commit

    def _write_line(self, line: bytes) -> None:
        self._bytes_left -= len(line)
        if self._bytes_left < 0:
            raise ContentRefused("more bytes of records than any list has")
        self._file.write(line)


class _ZoneDifferenceWriter(_WholeZoneWriter):
    """Collects the changes of a zone; `commit` applies them to the stored zone."""

    def __init__(self, origin: Name, path: Path, max_bytes: int, base: Path) -> None:
        super().__init__(origin, path, max_bytes)
        self._base = base
        self._soa_prefix = f"{origin.to_text().lower()} SOA ".encode()
        self._last_soa = b""
        self._gone: set[bytes] = set()
        # A dict, because it keeps the order.
        self._come: dict[bytes, None] = {}

    def add(self, name: Name, records: Rdataset) -> None:
        for line in _record_lines(name, records):
            if line in self._gone:
                self._gone.remove(line)
            else:
                self._come[line] = None

    def delete_exact(self, name: Name, records: Rdataset) -> None:
        for line in _record_lines(name, records):
            if line in self._come:
                del self._come[line]
            else:
                self._gone.add(line)

    def replace(self, name: Name, records: Rdataset) -> None:
        self._last_soa = b"".join(_record_lines(name, records))

    def commit(self) -> None:
        with self._base.open("rb") as base:
            next(base)  # the $ORIGIN
            for line in base:
                if line in self._gone:
                    self._gone.remove(line)
                elif not line.startswith(self._soa_prefix):
                    self._write_line(line)
        if self._gone:
            raise BaseMismatch
        for line in (*self._come, self._last_soa):
            self._write_line(line)
        super().commit()
