"""Where addresses are: country and network operator, from MaxMind DB files of the user's own."""

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from blocklist import networks
from blocklist.errors import UsageError

if TYPE_CHECKING:
    from maxminddb import Reader

#: Where files of different makers have the country's code, and the number and name of a network.
_COUNTRY = (
    ("country", "iso_code"),
    ("country_code",),
    ("country",),
    ("registered_country", "iso_code"),
)
_NUMBER = (("autonomous_system_number",), ("asn",))
_OPERATOR = (("autonomous_system_organization",), ("as_name",), ("name",), ("as_domain",))


@dataclass(frozen=True, slots=True)
class Place:
    """Where an address or network is, as far as the files know."""

    #: Two letters (ISO 3166-1).
    country: str | None = None
    asn: int | None = None
    operator: str | None = None

    def __str__(self) -> str:
        number = f"AS{self.asn}" if self.asn is not None else None
        named = " ".join(part for part in (number, self.operator) if part)
        return ", ".join(part for part in (self.country, named) if part)


class Atlas:
    """The files, opened when first asked. Used as a context, it closes them."""

    def __init__(self, country: Path | None = None, asn: Path | None = None) -> None:
        self._paths = [path for path in dict.fromkeys((country, asn)) if path is not None]

    def __bool__(self) -> bool:
        return bool(self._paths)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for _, reader in self.__dict__.pop("_readers", ()):
            reader.close()

    @cached_property
    def _readers(self) -> "list[tuple[Path, Reader]]":
        return [(path, _opened(path)) for path in self._paths]

    def place(self, value: str) -> Place:
        """Return where a canonical address or network is; of a network what all of it shares.

        Raise `UsageError` for a file that cannot be read.
        """
        network = networks.parse(value)
        first = self._place(str(network.network_address))
        if network.num_addresses == 1:
            return first
        last = self._place(str(network.broadcast_address))
        shared = {
            key: found if found == getattr(last, key) else None
            for key, found in asdict(first).items()
        }
        return Place(**shared)

    def _place(self, address: str) -> Place:
        found: dict[str, Any] = {}
        for path, reader in self._readers:
            try:
                record = reader.get(address)
            except ValueError:  # IPv6 in a file of IPv4
                continue
            except Exception as error:  # a damaged file fails in many ways
                raise _unusable(path, error) from None
            if isinstance(record, dict):
                found = {**_read(record), **found}
        return Place(**found)


def _read(record: dict[str, Any]) -> dict[str, Any]:
    number = _first(record, _NUMBER)
    if isinstance(number, str):
        digits = number.upper().removeprefix("AS")
        number = int(digits) if digits.isdecimal() else None
    said = {
        "country": _first(record, _COUNTRY),
        "asn": number,
        "operator": _first(record, _OPERATOR),
    }
    return {key: value for key, value in said.items() if isinstance(value, str | int)}


def _first(record: Any, paths: tuple[tuple[str, ...], ...]) -> Any:  # noqa: ANN401
    for path in paths:
        value = record
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, str | int):
            return value
    return None


def _opened(path: Path) -> "Reader":
    import maxminddb

    try:
        return maxminddb.open_database(path)
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        raise _unusable(path, error) from None


def _unusable(path: Path, error: Exception) -> UsageError:
    cause = error.strerror if isinstance(error, OSError) and error.strerror else error
    return UsageError(
        f"{path}: not a readable MaxMind DB file: {cause}; get it anew, or leave it out"
    )
