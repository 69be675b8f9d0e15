"""Look up addresses in the user's MaxMind DB files: address or network -> country and operator."""

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from blocklist.errors import StorageError
from blocklist.indicators.networks import parse_network

if TYPE_CHECKING:
    from maxminddb import Reader

#: Paths of the country code, the network number and the network name in files of different makers.
_COUNTRY_PATHS = (
    ("country", "iso_code"),
    ("country_code",),
    ("country",),
    ("registered_country", "iso_code"),
)
_ASN_PATHS = (("autonomous_system_number",), ("asn",))
_OPERATOR_PATHS = (("autonomous_system_organization",), ("as_name",), ("name",), ("as_domain",))


@dataclass(frozen=True, slots=True)
class GeoLocation:
    """The location of an address or network, as far as the files contain it."""

    #: Two letters (ISO 3166-1).
    country: str | None = None
    asn: int | None = None
    operator: str | None = None

    def __str__(self) -> str:
        number = f"AS{self.asn}" if self.asn is not None else None
        network = " ".join(part for part in (number, self.operator) if part)
        return ", ".join(part for part in (self.country, network) if part)


class GeoIpDatabase:
    """MaxMind DB files, opened on first use and closed at the end of a `with` block."""

    def __init__(self, country: Path | None = None, asn: Path | None = None) -> None:
        self._paths = [path for path in dict.fromkeys((country, asn)) if path is not None]

    def __bool__(self) -> bool:
        return bool(self._paths)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for _, reader in self.__dict__.pop("_readers", ()):
            reader.close()

    @cached_property
    def _readers(self) -> "list[tuple[Path, Reader]]":
        return [(path, _open_reader(path)) for path in self._paths]

    def locate(self, value: str) -> GeoLocation:
        """Return the location of a canonical address or network.

        For a network, only the fields that its first and last address share are set. Raise
        `StorageError` for a file that cannot be read.
        """
        network = parse_network(value)
        first_location = self._locate_address(str(network.network_address))
        if network.num_addresses == 1:
            return first_location
        last_location = self._locate_address(str(network.broadcast_address))
        shared = {
            key: field if field == getattr(last_location, key) else None
            for key, field in asdict(first_location).items()
        }
        return GeoLocation(**shared)

    def _locate_address(self, address: str) -> GeoLocation:
        fields: dict[str, Any] = {}
        for path, reader in self._readers:
            try:
                record = reader.get(address)
            except ValueError:  # IPv6 address, IPv4 file
                continue
            except Exception as error:  # a damaged file fails in many ways
                raise _make_error(path, error) from None
            if isinstance(record, dict):
                fields = {**_extract_fields(record), **fields}
        return GeoLocation(**fields)


def _extract_fields(record: dict[str, Any]) -> dict[str, Any]:
    number = _first_value(record, _ASN_PATHS)
    if isinstance(number, str):
        digits = number.upper().removeprefix("AS")
        number = int(digits) if digits.isdecimal() else None
    fields = {
        "country": _first_value(record, _COUNTRY_PATHS),
        "asn": number,
        "operator": _first_value(record, _OPERATOR_PATHS),
    }
    return {key: value for key, value in fields.items() if isinstance(value, str | int)}


def _first_value(record: Any, paths: tuple[tuple[str, ...], ...]) -> Any:  # noqa: ANN401
    for path in paths:
        value = record
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, str | int):
            return value
    return None


def _open_reader(path: Path) -> "Reader":
    import maxminddb

    try:
        return maxminddb.open_database(path)
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        raise _make_error(path, error) from None


def _make_error(path: Path, error: Exception) -> StorageError:
    cause = error.strerror if isinstance(error, OSError) and error.strerror else error
    remedy = "download it again, or remove it from the configuration"
    return StorageError(f"{path}: not a readable MaxMind DB file: {cause}; {remedy}")
