"""Exports that are installed at once: outcomes, locks, the ledger, and Ctrl-C."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from blocklist.config.loader import Config, load_config
from blocklist.export import run as export_run
from blocklist.export.render.state import ExportOutcome
from blocklist.export.run import run_exports, select_exports
from blocklist.ledger.db.lock import hold_export_lock
from blocklist.ledger.db.writer import LedgerWriter, open_ledger_writer
from blocklist.model import Verdict
from tests.support.releases import add_name_entry, run_build

SECONDS = 0.8
_EXPORT = """
[exports.{name}]
target = "domains"
path = "out/{name}"
reload = ["sh", "-c", "{reload}"]
"""
_FEED = """
[feeds.mine]
url = "mine.txt"
format = "domains"
"""


class Folder:
    """A release, and exports whose servers take a while to reload."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "mine.txt").write_text("fraud.com\n")

    def configure(self, **reloads: str) -> None:
        """Configure exports, each with the shell command of its reload."""
        exports = (_EXPORT.format(name=name, reload=text) for name, text in reloads.items())
        (self.path / "blocklist.toml").write_text(_FEED + "".join(exports))

    @property
    def config(self) -> Config:
        return load_config(self.path / "blocklist.toml")

    def export(
        self,
        on_outcome: Callable[[ExportOutcome], None] = lambda _: None,
        names: tuple[str, ...] = (),
        *,
        force: bool = False,
    ) -> list[ExportOutcome]:
        config = self.config
        with open_ledger_writer(config.database, "test") as writer:
            chosen = select_exports(config, names)
            return run_exports(writer, config, chosen, on_outcome, force=force)

    def reloads(self, name: str) -> int:
        log = self.path / f"{name}.log"
        return len(log.read_text().splitlines()) if log.exists() else 0

    def logged(self, name: str) -> str:
        return f"echo x >> {self.path}/{name}.log"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    folder = Folder(tmp_path)
    folder.configure()
    add_name_entry(tmp_path, "mine.com", Verdict.BLOCK)
    run_build(tmp_path)
    yield folder


def test_servers_are_waited_for_at_once(folder: Folder) -> None:
    folder.configure(**dict.fromkeys("abc", f"sleep {SECONDS}"))
    begun = time.monotonic()
    outcomes = folder.export()
    assert time.monotonic() - begun < 2 * SECONDS, "not one after the other"
    assert [(one.name, bool(one.result)) for one in outcomes] == [(it, True) for it in "abc"]


def test_outcomes_are_in_the_order_that_was_asked_for(folder: Folder) -> None:
    folder.configure(a="sleep 0.3", b="true", c="true")
    ended = list[str]()
    outcomes = folder.export(lambda outcome: ended.append(outcome.name), ("c", "a", "b"))
    assert [outcome.name for outcome in outcomes] == ["c", "a", "b"]
    assert ended[-1] == "a", "it ended last"


def test_one_that_fails_harms_no_other(folder: Folder) -> None:
    folder.configure(a="exit 1", b="true")
    first, second = folder.export()
    assert "undone. reload failed" in (first.cause or "")
    assert second.result
    assert (folder.path / "out/b").exists()
    assert not (folder.path / "out/a").exists()


def test_only_the_calling_thread_writes_and_reports(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.configure(a="sleep 0.1", b="sleep 0.1")
    threads = set[threading.Thread]()
    transaction = LedgerWriter.transaction

    def note(writer: LedgerWriter) -> object:
        threads.add(threading.current_thread())
        return transaction(writer)

    monkeypatch.setattr(LedgerWriter, "transaction", note)
    folder.export(lambda _: threads.add(threading.current_thread()))
    assert threads == {threading.current_thread()}


def test_a_lock_is_held_until_its_server_has_the_file(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = list[str]()

    def hold(*arguments: object) -> object:
        held.append(str(arguments[1]))
        return hold_export_lock(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(export_run, "hold_export_lock", hold)
    monkeypatch.setattr("blocklist.ledger.db.lock.EXPORT_WAIT_SECONDS", 0)
    folder.configure(b="sleep 0.5", a="true")
    with hold_export_lock(folder.config.database, "a", "another"):
        outcomes = {outcome.name: outcome for outcome in folder.export()}
    assert held == ["a", "b"], "by name, so that no two processes wait for each other"
    assert "in use by process" in (outcomes["a"].cause or "")
    assert outcomes["b"].result
    with hold_export_lock(folder.config.database, "b", "free again"):
        pass


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_what_ends_the_caller_undoes_what_is_not_confirmed(
    folder: Folder, error: type[BaseException]
) -> None:
    folder.configure(a="true", b="true")
    folder.export()
    before = (folder.path / "out/b").read_bytes()
    add_name_entry(folder.path, "later.com", Verdict.BLOCK)
    run_build(folder.path)
    once = f"[ -e {folder.path}/b.log ] || {{ {folder.logged('b')}; sleep 30; }}"
    folder.configure(a="true", b=once)

    def end(_: ExportOutcome) -> None:
        while not folder.reloads("b"):
            time.sleep(0.01)
        raise error

    begun = time.monotonic()
    with pytest.raises(error):
        folder.export(end)
    assert time.monotonic() - begun < 10
    assert (folder.path / "out/b").read_bytes() == before
    assert b"later.com" in (folder.path / "out/a").read_bytes()


@pytest.mark.parametrize("forced", [False, True])
def test_an_unchanged_file_is_loaded_again_by_force(folder: Folder, forced: bool) -> None:
    folder.configure(a=folder.logged("a"))
    folder.export()
    before = (folder.path / "out/a").read_bytes()
    (outcome,) = folder.export(force=forced)
    assert outcome.result
    assert outcome.result.changed is forced
    assert folder.reloads("a") == 1 + forced
    listed = [line for line in before.splitlines() if not line.startswith(b"#")]
    after = (folder.path / "out/a").read_bytes().splitlines()
    assert [line for line in after if not line.startswith(b"#")] == listed
    (again,) = folder.export()
    assert again.result
    assert not again.result.changed, "and is as fresh as any file then"
