"""Run all checks: configuration -> findings; a failing check does not stop the others.

The findings of `status` come first, then those of the configuration, the machine and the ledger.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from blocklist.config.loader import Config, load_config
from blocklist.config.paths import ConfigSource
from blocklist.doctor.registry import load_config_checks, load_ledger_checks
from blocklist.doctor.report import DoctorReport
from blocklist.errors import BlocklistError
from blocklist.ledger.db.connection import SCHEMA_VERSION, open_read_only, schema_version
from blocklist.ledger.db.lock import hold_writer_lock
from blocklist.status.finding import Finding, fine, problem
from blocklist.status.status import evaluate, load_status


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
    except BlocklistError:
        return list(load_status(given).findings)
    findings = list(evaluate(config, probe=True).findings)
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
            if reader is None or schema_version(reader) < SCHEMA_VERSION:
                return []
            for name, check in load_ledger_checks().items():
                findings += _run_check(name, partial(check, config, reader))
    except BlocklistError:  # which is a finding of the status
        pass
    return findings


def _run_check(name: str, check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    try:
        findings = list(check())
    except BlocklistError as error:
        findings = [problem(str(error), "", "do what the message says")]
    yield from (replace(finding, check=name) for finding in findings or [fine()])
