"""Register checks: a decorator on each check function -> checks by name, in the order to run.

All modules in `doctor/checks/` are imported in the order of their names. So checks run in the order
of their modules and, within a module, of their definitions.
"""

import pkgutil
import sqlite3
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import TypeVar

from blocklist.config.loader import Config
from blocklist.status.finding import Finding

ConfigCheck = Callable[[Config], Iterable[Finding]]
LedgerCheck = Callable[[Config, sqlite3.Connection], Iterable[Finding]]
_Check = TypeVar("_Check", ConfigCheck, LedgerCheck)

_CHECKS_PACKAGE = "blocklist.doctor.checks"
_CONFIG_CHECKS: dict[str, ConfigCheck] = {}
_LEDGER_CHECKS: dict[str, LedgerCheck] = {}


def config_check(name: str) -> Callable[[ConfigCheck], ConfigCheck]:
    """Register a check that needs only the configuration."""
    return _make_decorator(_CONFIG_CHECKS, name)


def ledger_check(name: str) -> Callable[[LedgerCheck], LedgerCheck]:
    """Register a check of the ledger; it runs if the ledger has the schema of this version."""
    return _make_decorator(_LEDGER_CHECKS, name)


def load_config_checks() -> dict[str, ConfigCheck]:
    """Return the checks that need only the configuration, by name, in the order to run."""
    _import_checks()
    return dict(_CONFIG_CHECKS)


def load_ledger_checks() -> dict[str, LedgerCheck]:
    """Return the checks of the ledger, by name, in the order to run."""
    _import_checks()
    return dict(_LEDGER_CHECKS)


def _make_decorator(checks: dict[str, _Check], name: str) -> Callable[[_Check], _Check]:
    def register(check: _Check) -> _Check:
        assert name not in {*_CONFIG_CHECKS, *_LEDGER_CHECKS}, f"two checks are named {name!r}"
        checks[name] = check
        return check

    return register


def _import_checks() -> None:
    modules = pkgutil.iter_modules(import_module(_CHECKS_PACKAGE).__path__)
    for name in sorted(module.name for module in modules):
        import_module(f"{_CHECKS_PACKAGE}.{name}")
