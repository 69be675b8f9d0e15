"""A healthy installation that tests break: folder -> configuration, lists, ledger and an export."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace

import dns.resolver
import pytest

from blocklist.config.loader import load_config
from blocklist.errors import ConfigError
from blocklist.export.stage.freshness import file_fingerprint, load_export_inputs
from blocklist.install import canary_probe
from blocklist.ledger.db.connection import SCHEMA_VERSION
from blocklist.ledger.db.lock import hold_writer_lock, lock_path
from blocklist.ledger.db.transaction import read_transaction
from tests.support.cli import blocklist

CONFIG = """
[feeds.mine]
url = "mine.txt"
format = "domains"

[guards.top]
url = "top.txt"
format = "domains"
mandatory = true

[exports.names]
target = "domains"
path = "out/names.txt"
"""
ODD_TARGET = """
title = "odd"
dialect = "lines"
kinds = ["domain"]
scopes = ["exact"]
check = ["no-such-program", "{file}"]
"""


#: Every time in the ledger that tells the age of something.
_TIMES = (
    ("run", "started"), ("run", "finished"), ("feed", "checked"), ("feed", "accepted_at"),
    ("feed", "good_at"), ("release", "created"), ("candidate", "created"), ("pin", "created"),
    ("export", "written"), ("export_outcome", "confirmed"), ("export_outcome", "fault_since"),
    ("server", "seen"), ("server", "fault_since"), ("entry", "created"),
)  # fmt: skip


class Installation:
    """A healthy installation that a test breaks; what it changes ends with the test."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, stack: ExitStack) -> None:
        self.folder, self.patch, self.stack = folder, patch, stack

    @property
    def database(self) -> Path:
        return self.folder / "blocklist.db"

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def remove(self, name: str) -> None:
        (self.folder / name).unlink()

    def sql(self, statement: str) -> None:
        with sqlite3.connect(self.database) as db:
            db.execute(statement)
        db.close()

    def empty_feed(self) -> None:
        self.replace("[feeds.mine]", "[feeds.mine]\ncan_be_empty = true")
        self.sql("UPDATE feed SET entries = 0 WHERE name = 'mine'")

    def replace(self, old: str, new: str) -> None:
        """Replace a part of the configuration."""
        assert old in CONFIG
        self.configure(CONFIG.replace(old, new))

    def configure(self, text: str) -> None:
        """Write another configuration, as if the exports had been written with it."""
        self.write("blocklist.toml", text)
        with suppress(ConfigError):
            self.adopt_files()

    def adopt_files(self) -> None:
        """Let the ledger take the files of the exports for what it wrote, with these settings."""
        config = load_config(self.folder / "blocklist.toml")
        with read_transaction(self.database) as transaction:
            inputs = load_export_inputs(config, transaction.connection, 1)
        with closing(sqlite3.connect(self.database)) as db, db:
            for name, export in config.exports.items():
                values = (inputs.digest_for(export), file_fingerprint(export.path), name)
                db.execute(
                    "UPDATE export SET inputs_digest = ?, file_fingerprint = ? WHERE name = ?",
                    values,
                )

    def move_back(self, days: int) -> None:
        """Let everything have happened so many days earlier, as if the clock had gone on."""
        for table, column in _TIMES:
            moved = f"strftime('%Y-%m-%dT%H:%M:%SZ', {column}, '{-days:+} days')"
            self.sql(f"UPDATE {table} SET {column} = {moved} WHERE {column} IS NOT NULL")

    def resolve(self, keys: str) -> None:
        self.configure(f"{CONFIG}\n[resolve]\n{keys}\n")

    def fill_disk(self) -> None:
        self.patch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1 << 20))

    def add_dead_server(self) -> None:
        self.patch.setattr(canary_probe, "_TIMEOUT_SECONDS", 0.01)
        self.replace('target = "domains"', 'target = "hosts"\nprobe = ["127.0.0.1#9"]')

    def remove_resolver(self) -> None:
        def fail() -> None:
            raise dns.resolver.NoResolverConfiguration

        self.patch.setattr(dns.resolver, "Resolver", fail)

    def forbid_writing(self) -> None:
        self.patch.setattr(os, "access", lambda path, _: Path(path).name != "out")

    def upgrade_program(self) -> None:
        self.patch.setattr("blocklist.doctor.run.SCHEMA_VERSION", SCHEMA_VERSION + 1)
        self.patch.setattr("blocklist.status.status.SCHEMA_VERSION", SCHEMA_VERSION + 1)

    def take_lock(self) -> None:
        self.stack.enter_context(hold_writer_lock(self.database, "run"))

    def replace_lock(self) -> None:
        path = lock_path(self.database)
        path.unlink(missing_ok=True)
        path.mkdir()

    def allow_unlisted(self) -> None:
        for words in (("allow", "add", "unlisted.com"), ("run",)):
            assert blocklist(self.folder, *words).code == 0


def make_installation(folder: Path) -> Path:
    """Make an installation after one successful run, and return its folder."""
    for name, text in {
        "blocklist.toml": CONFIG,
        "mine.txt": "evil.com\n",
        "top.txt": "shop.com\n",
        "exports/odd.toml": ODD_TARGET,
        "exports/bad.toml": ODD_TARGET.replace("lines", "no-such-dialect"),
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    assert blocklist(folder, "run").code == 0
    return folder


@contextmanager
def copy_installation(
    healthy: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Installation]:
    """Give a copy of an installation, on a machine with a resolver."""
    shutil.copytree(healthy, folder, dirs_exist_ok=True)
    resolver = SimpleNamespace(nameservers=["192.0.2.53"])
    monkeypatch.setattr(dns.resolver, "Resolver", lambda: resolver)
    with ExitStack() as stack:
        copy = Installation(folder, monkeypatch, stack)
        for table in ("export", "export_outcome"):
            copy.sql(f"UPDATE {table} SET path = '{folder / 'out/names.txt'}'")
        copy.adopt_files()
        yield copy
