"""Run all checks: configuration -> findings; a failing check does not stop the others."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from blocklist.config.loader import Config, load_config
from blocklist.config.paths import ConfigSource
from blocklist.doctor.finding import DoctorReport, Finding, FindingState, problem, warning
from blocklist.doctor.registry import load_config_checks, load_ledger_checks
from blocklist.errors import BlocklistError, ConfigError
from blocklist.ledger.db.connection import SCHEMA_VERSION, open_read_only, schema_version
from blocklist.ledger.db.lock import hold_writer_lock

#: The names of the two findings on which all checks depend.
CONFIGURATION, LEDGER = "configuration", "ledger"

_RUN_COMMAND = "blocklist run"
_DAMAGED_REMEDY = (
    "do what the message says; replace a damaged file with its last copy, or remove it"
)


def diagnose(given: ConfigSource | Path | None, *, mend: bool = False) -> DoctorReport:
    """Return the findings on the installation with this configuration, or the usual one.

    With `mend`, mend first what needs no decision. Raise `LockHeld` if something is to be mended
    while another command writes.
    """
    mended = mend_findings(given) if mend else []
    return DoctorReport(tuple(run_checks(given)), tuple(mended))


def run_checks(given: ConfigSource | Path | None) -> list[Finding]:
    """Return the findings of all checks, for a configuration or the usual one.

    Without a readable configuration no check runs, and without a readable ledger no check of it.
    """
    try:
        config = load_config(given)
    except BlocklistError as error:
        remedy = "correct the file as the message says; then run: blocklist doctor"
        messages = error.mistakes if isinstance(error, ConfigError) else [str(error)]
        path = given.shown if isinstance(given, ConfigSource) else given
        where = path or "blocklist.toml"
        return [
            replace(problem(message, where, remedy), check=CONFIGURATION) for message in messages
        ]
    findings = [_fine_finding(CONFIGURATION, config.path or "no file: the built-in defaults")]
    for name, check in load_config_checks().items():
        findings += _run_check(name, partial(check, config))
    return findings + _check_ledger(config)


def mend_findings(given: ConfigSource | Path | None) -> list[Finding]:
    """Repair what can be repaired without a decision; return the findings that are gone now.

    Raise `LockHeld` while another command writes.
    """
    findings = [(finding, finding.mend) for finding in run_checks(given) if finding.mend]
    if findings:
        with hold_writer_lock(load_config(given).database, "doctor"):
            for _, mend in findings:
                mend()
    return [finding for finding, _ in findings]


def _check_ledger(config: Config) -> list[Finding]:
    findings: list[Finding] = []
    try:
        with open_read_only(config.database) as reader:
            if reader is None:
                return [_warn_about_ledger(config, "nothing was collected yet")]
            if schema_version(reader) < SCHEMA_VERSION:
                what = "an earlier version wrote it last; the next run brings it up to date"
                return [_warn_about_ledger(config, what)]
            for name, check in load_ledger_checks().items():
                findings += _run_check(name, partial(check, config, reader))
    except BlocklistError as error:
        fault = problem(str(error), config.database, _DAMAGED_REMEDY)
        return [*findings, replace(fault, check=LEDGER)]
    return [_fine_finding(LEDGER, config.database), *findings]


def _warn_about_ledger(config: Config, what: str) -> Finding:
    return replace(warning(what, config.database, _RUN_COMMAND), check=LEDGER)


def _run_check(name: str, check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    try:
        findings = list(check())
    except BlocklistError as error:
        findings = [problem(str(error), "", "do what the message says")]
    yield from (replace(finding, check=name) for finding in findings)
    if not findings:
        yield _fine_finding(name, "")


def _fine_finding(name: str, where: object) -> Finding:
    return Finding(name, FindingState.FINE, "", str(where), "")
