"""Run all checks: configuration -> findings; a failing check does not stop the others."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from blocklist.config.loader import Config, load_config
from blocklist.doctor.finding import Finding, FindingState, problem, warning
from blocklist.doctor.registry import CONFIG_CHECKS, LEDGER_CHECKS
from blocklist.errors import BlocklistError
from blocklist.ledger.db.connection import SCHEMA_VERSION, open_read_only, schema_version
from blocklist.ledger.db.lock import hold_writer_lock

#: The names of the two things that all other checks stand on.
CONFIGURATION, LEDGER = "configuration", "ledger"

_RUN_COMMAND = "blocklist run"
_DAMAGED_REMEDY = (
    "do as the message says; a damaged file gives way to its last copy, or to a new one"
)


def run_checks(path: Path | None) -> list[Finding]:
    """Return what every check says of the installation with this configuration, or the usual one.

    Without a readable configuration there is nothing else to look at, and without a readable
    ledger nothing in it.
    """
    try:
        config = load_config(path)
    except BlocklistError as error:
        remedy = "mend the file as the message says; then run: blocklist doctor"
        return [replace(problem(str(error), path or "blocklist.toml", remedy), check=CONFIGURATION)]
    found = [_fine_finding(CONFIGURATION, config.path or "no file: the built-in defaults")]
    for name, check in CONFIG_CHECKS.items():
        found += _run_check(name, partial(check, config))
    return found + _check_ledger(config)


def mend_findings(path: Path | None) -> list[Finding]:
    """Mend what can be mended, and return what was, which is not found any more.

    Raise `LockHeld` while another command writes.
    """
    found = [one for one in run_checks(path) if one.mend]
    if found:
        with hold_writer_lock(load_config(path).database, "doctor"):
            for one in found:
                assert one.mend
                one.mend()
    return found


def _check_ledger(config: Config) -> list[Finding]:
    found: list[Finding] = []
    try:
        with open_read_only(config.database) as reader:
            if reader is None:
                return [
                    _as_ledger_finding(
                        warning("nothing was collected yet", config.database, _RUN_COMMAND)
                    )
                ]
            if schema_version(reader) < SCHEMA_VERSION:
                what = "an earlier version wrote it last; the next run brings it up to date"
                return [_as_ledger_finding(warning(what, config.database, _RUN_COMMAND))]
            for name, check in LEDGER_CHECKS.items():
                found += _run_check(name, partial(check, config, reader))
    except BlocklistError as error:
        return [*found, _as_ledger_finding(problem(str(error), config.database, _DAMAGED_REMEDY))]
    return [_fine_finding(LEDGER, config.database), *found]


def _as_ledger_finding(found: Finding) -> Finding:
    return replace(found, check=LEDGER)


def _run_check(name: str, check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    try:
        found = list(check())
    except BlocklistError as error:
        found = [problem(str(error), "", "mend what the message says")]
    yield from (replace(one, check=name) for one in found)
    if not found:
        yield _fine_finding(name, "")


def _fine_finding(name: str, where: object) -> Finding:
    return Finding(name, FindingState.FINE, "", str(where), "")
