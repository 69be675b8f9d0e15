"""Write a transferred zone to a file, a record a line; apply a difference to the last one.

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
    """The difference is to another zone than the one that is here."""


class ZoneFile(TransactionManager):
    """A file that a zone is transferred into: whole, or as a difference to `base`."""

    def __init__(self, origin: Name, path: Path, cap: int, base: Path | None) -> None:
        """`cap` is how many bytes the file may have."""
        self._origin = origin
        self._path = path
        self._max_bytes = cap
        self._base = base

    def writer(self, replacement: bool = False) -> Transaction:
        """Return the transaction for a whole zone, or for a difference."""
        # `dns.xfr` calls no more of a transaction than these classes have.
        if replacement or self._base is None:
            return cast("Transaction", _WholeZoneWriter(self._origin, self._path, self._max_bytes))
        return cast(
            "Transaction",
            _ZoneDifferenceWriter(self._origin, self._path, self._max_bytes, self._base),
        )

    def origin_information(self) -> tuple[Name | None, bool, Name | None]:
        """Return the zone's name, and that names in it are whole."""
        return self._origin, False, self._origin

    def get_class(self) -> RdataClass:
        """Return the class of the Internet."""
        return IN

    def from_wire_origin(self) -> Name | None:
        """Return what names are relative to: nothing."""
        return None


def _record_lines(name: Name, records: Rdataset) -> Iterator[bytes]:
    """Yield the records of a name: DNS knows no case, and a list no time to live."""
    kind = to_text(records.rdtype)
    for record in records:
        yield f"{name.to_text().lower()} {kind} {record.to_text().lower()}\n".encode()


class _WholeZoneWriter:
    """A zone that is written as it comes. Its SOA comes last, so a `$ORIGIN` tells its name."""

    def __init__(self, origin: Name, path: Path, cap: int) -> None:
        self._file = path.open("wb")
        self._bytes_left = cap
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
            raise ContentRefused("more records than any list has")
        self._file.write(line)


class _ZoneDifferenceWriter(_WholeZoneWriter):
    """What changes of a zone; at the end the last one is written with it."""

    def __init__(self, origin: Name, path: Path, cap: int, base: Path) -> None:
        super().__init__(origin, path, cap)
        self._base = base
        self._soa_prefix = f"{origin.to_text().lower()} SOA ".encode()
        self._last_soa = b""
        self._gone: set[bytes] = set()
        # A dict keeps their order.
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
