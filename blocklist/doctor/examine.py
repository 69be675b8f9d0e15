"""Run all checks; none keeps another from being made, whatever it meets."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from blocklist.config import Config, load
from blocklist.doctor.finding import Finding, State, problem, warning
from blocklist.doctor.registry import CHECKS, LEDGER_CHECKS
from blocklist.errors import BlocklistError
from blocklist.ledger import lock
from blocklist.ledger.connection import SCHEMA_VERSION, open_read_only, schema_version

#: The names of the two things that all other checks stand on.
CONFIGURATION, LEDGER = "configuration", "ledger"

_RUN = "blocklist run"
_DAMAGED = "do as the message says; a damaged file gives way to its last copy, or to a new one"


def examine(path: Path | None) -> list[Finding]:
    """Return what every check says of the installation with this configuration, or the usual one.

    Without a readable configuration there is nothing else to look at, and without a readable
    ledger nothing in it.
    """
    try:
        config = load(path)
    except BlocklistError as error:
        remedy = "mend the file as the message says; then run: blocklist doctor"
        return [replace(problem(str(error), path or "blocklist.toml", remedy), check=CONFIGURATION)]
    found = [_fine(CONFIGURATION, config.path or "no file: the built-in defaults")]
    for name, check in CHECKS.items():
        found += _made(name, partial(check, config))
    return found + _of_ledger(config)


def mended(path: Path | None) -> list[Finding]:
    """Mend what can be mended, and return what was, which is not found any more.

    Raise `LockHeld` while another command writes.
    """
    found = [one for one in examine(path) if one.mend]
    if found:
        with lock.hold_writer_lock(load(path).database, "doctor"):
            for one in found:
                assert one.mend
                one.mend()
    return found


def _of_ledger(config: Config) -> list[Finding]:
    found: list[Finding] = []
    try:
        with open_read_only(config.database) as reader:
            if reader is None:
                return [_ledger(warning("nothing was collected yet", config.database, _RUN))]
            if schema_version(reader) < SCHEMA_VERSION:
                what = "an earlier version wrote it last; the next run brings it up to date"
                return [_ledger(warning(what, config.database, _RUN))]
            for name, check in LEDGER_CHECKS.items():
                found += _made(name, partial(check, config, reader))
    except BlocklistError as error:
        return [*found, _ledger(problem(str(error), config.database, _DAMAGED))]
    return [_fine(LEDGER, config.database), *found]


def _ledger(found: Finding) -> Finding:
    return replace(found, check=LEDGER)


def _made(name: str, check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    try:
        found = list(check())
    except BlocklistError as error:
        found = [problem(str(error), "", "mend what the message says")]
    yield from (replace(one, check=name) for one in found)
    if not found:
        yield _fine(name, "")


def _fine(name: str, where: object) -> Finding:
    return Finding(name, State.FINE, "", str(where), "")
