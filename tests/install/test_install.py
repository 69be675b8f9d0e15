"""Installs from end to end: success, and failures after the swap."""

import logging
import os
import shutil
from dataclasses import replace
from pathlib import Path
from threading import Timer

import pytest

from blocklist.errors import ExportFailed
from blocklist.export.update import export_one
from blocklist.install import canary_probe, loading
from tests.support.dns_server import DnsServer
from tests.support.exports import NOW, release, run
from tests.support.installs import (
    NEW,
    OLD,
    OWN,
    export_into,
    failing,
    hasty,
    ignore_reloads,
    installed,
    own_canary,
    server,
)

__all__ = ["server"]

BACK = "The previous list is back in place"

# --- Success ---------------------------------------------------------------------------


def test_a_list_is_loaded_when_the_server_blocks_its_canary(server: DnsServer) -> None:
    export, first = installed(server)
    assert (first.said, first.loaded) == (("reload: OK",), True)
    assert {"old.example", own_canary(export, first.state)} < server.listed
    second = run(export, NEW, first.state, 8)
    assert "new.example" in server.listed
    assert own_canary(export, second.state) in server.listed
    assert server.reloads == 2
    assert not [*export.path.parent.glob(".*")], "no other file is left"


def test_a_slow_server(server: DnsServer) -> None:
    server.on_reload = lambda number: Timer(0.1, server.load).start()
    installed(server)
    assert "old.example" in server.listed


def test_an_unchanged_list_that_is_loaded_is_not_reloaded(server: DnsServer) -> None:
    export, first = installed(server)
    again = export_one(export, release(OLD), 8, first.state, NOW)
    assert (again.changed, again.said, server.reloads) == (False, (), 1)
    assert again.loaded, "the server was queried"


def test_an_unchanged_list_that_is_not_loaded_is_loaded_again(server: DnsServer) -> None:
    export, first = installed(server)
    server.listed = set()  # as after a restart in which it could not read its zone
    again = export_one(export, release(OLD), 8, first.state, NOW)
    assert (again.changed, server.reloads) == (False, 2)
    assert "does not show that the list is loaded" in again.said[0]
    assert "old.example" in server.listed


@pytest.mark.slow
def test_an_unchanged_list_that_stays_unloaded_is_a_failure_each_time(server: DnsServer) -> None:
    export, first = installed(server)
    server.listed = set()
    server.on_reload = lambda number: None
    for _ in range(2):
        with pytest.raises(ExportFailed, match="does not show that the list is loaded"):
            export_one(hasty(export), release(OLD), 8, first.state, NOW)


def test_an_unchanged_list_without_canaries_does_not_count_as_loaded(server: DnsServer) -> None:
    export = replace(export_into(server, probe=()), canary=".".join(["c" * 60] * 4))
    first = run(export, OLD)
    probed = replace(export, installation=export_into(server).installation)
    with pytest.raises(ExportFailed, match="there is no canary to query"):
        export_one(probed, release(OLD), 8, first.state, NOW)


@pytest.mark.slow
def test_nxdomain_is_proof_only_if_the_control_resolves(server: DnsServer) -> None:
    export = replace(export_into(server), canary="c.example.org")
    server.block = None
    server.resolves |= {"c.example.org", "control.c.example.org"}
    assert run(export, OLD).changed
    server.resolves.discard("control.c.example.org")
    assert "for a name beside it that is not listed no address" in failing(export, None)


# --- Failures after the swap -------------------------------------------------


def empty_once(server: DnsServer) -> None:
    server.on_reload = lambda number: server.listed.clear() if number == 2 else server.load()


def block_everything(server: DnsServer) -> None:
    def on_reload(number: int) -> None:
        server.load()
        server.everything = number == 2

    server.on_reload = on_reload


def block_own(server: DnsServer) -> None:
    def on_reload(number: int) -> None:
        server.load()
        server.listed |= {OWN} if number == 2 else set()

    server.on_reload = on_reload


FAULTS = [
    (
        ignore_reloads,
        "does not show that the list is loaded",
        "a reload without effect",
    ),
    (empty_once, "does not show that the list is loaded", "a reload that empties the list"),
    (block_everything, f"blocks {OWN}, which it resolved before", "a list that blocks every name"),
    (block_own, f"blocks {OWN}, which it resolved before", "one that blocks too much"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "message", "why"), FAULTS)
def test_the_old_list_is_restored(server: DnsServer, fault: object, message: str, why: str) -> None:
    export, first = installed(server)
    fault(server)  # type: ignore[operator]
    error = failing(export, first.state)
    assert message in error, why
    assert error.endswith(f"{BACK}, and {server.where} blocks its canary.")
    assert own_canary(export, first.state) in server.listed
    assert "new.example" not in server.listed
    assert server.reloads == 3
    server.on_reload = lambda number: server.load()
    assert run(export, NEW, first.state, 8).changed, "the next run tries again"


@pytest.mark.parametrize(
    ("changes", "message", "why"),
    [
        ({"reload": ("false",)}, "reload failed: false: it ended with 1 and no output", "fails"),
        (
            {"reload": ("sh", "-c", "echo 'no such zone' >&2; exit 3")},
            "reload failed: sh: no such zone",
            "its output is shown",
        ),
        (
            {"reload": ("sh", "-c", "sleep 30 & wait"), "timeout": 0.2},
            "sh did not end within 0.2 s; see exports.office.timeout",
            "hangs, and so does its child",
        ),
        ({"reload": ("no-such-program",)}, "it is not installed", "is not there"),
        ({"reload": (os.devnull,)}, "is not installed, or not executable", "is no program"),
        ({"check_server": ("false",)}, "check_server failed", "the server's own check fails"),
    ],
)
def test_a_command_that_fails(
    server: DnsServer, changes: dict[str, object], message: str, why: str
) -> None:
    _, first = installed(server)
    error = failing(export_into(server, **changes), first.state)
    assert message in error, why
    assert BACK in error
    assert own_canary(export_into(server), first.state) in server.listed
    if "check_server" in changes:
        assert server.reloads == 1, "no reload after a failed check"


@pytest.mark.parametrize("first", [True, False])
def test_a_file_that_check_server_refuses_is_not_loaded(server: DnsServer, first: bool) -> None:
    """A reload may be a restart, after which a server without its file would not run."""
    before = None if first else installed(server)[1].state
    reloads = server.reloads
    error = failing(export_into(server, check_server=("sh", "-c", "! grep new {file}")), before)
    assert error.endswith("the new one was removed." if first else f"{BACK}.")
    assert server.reloads == reloads


@pytest.mark.slow
def test_the_server_is_down(server: DnsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    export, first = installed(server)
    monkeypatch.setattr(canary_probe, "_TIMEOUT_SECONDS", 0.02)
    server.silent = True
    error = failing(export, first.state)
    assert f"undone. {server.where} gave no answer for 0.5 s; is it running?\n" in error
    assert error.endswith(f"{BACK}; {server.where} has not confirmed it.")


@pytest.mark.slow
def test_a_first_list_that_is_not_loaded_is_removed(server: DnsServer) -> None:
    ignore_reloads(server)
    error = failing(export_into(server), None, OLD)
    assert error.endswith("There was no previous list, so the new one was removed.")
    assert server.reloads == 2, "the server was reloaded"


def test_a_name_that_did_not_resolve_before_proves_nothing(server: DnsServer) -> None:
    server.resolves = set()
    export, _ = installed(server, must_resolve=("unknown.example", OWN))
    assert export.path.exists()


def test_the_restored_file_has_the_current_time(server: DnsServer) -> None:
    """BIND does not read a file again that is older than what it has loaded."""
    export, first = installed(server)
    os.utime(export.path, (1, 1))
    inode = export.path.stat().st_ino
    ignore_reloads(server)
    failing(export, first.state)
    assert export.path.stat().st_mtime > 1
    assert export.path.stat().st_ino == inode, "it is the same file, so a full disk does not matter"


@pytest.mark.slow
def test_a_file_system_without_links(server: DnsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*paths: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    export, first = installed(server)
    monkeypatch.setattr(Path, "hardlink_to", refuse)
    ignore_reloads(server)
    leftover = export.path.with_name("..list.previous.abcdefgh.new")
    leftover.touch()
    assert BACK in failing(export, first.state)
    assert not leftover.exists(), "of a run that was killed while it copied the old file"


@pytest.mark.slow
def test_an_old_file_that_cannot_be_restored_is_named(
    server: DnsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    export, first = installed(server)
    before = export.path.read_bytes()
    ignore_reloads(server)

    replaced = Path.replace

    def refuse(source: Path, target: Path) -> Path:
        if source.name.endswith(".previous"):
            raise OSError(5, "Input/output error")
        return replaced(source, target)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(ExportFailed, match="cannot be put back: Input/output error; it is /"):
        run(hasty(export), NEW, first.state, 8)
    monkeypatch.undo()
    assert export.path.with_name(".list.previous").read_bytes() == before


def test_ctrl_c_restores_the_old_file(server: DnsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    export, first = installed(server)
    before = export.path.read_bytes()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(loading, "wait_until_loaded", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(export, NEW, first.state, 8)
    assert export.path.read_bytes() == before
    assert "old.example" in server.listed, "the server had read the new file, and was reloaded"


@pytest.mark.slow
def test_the_backup_of_a_killed_run_is_restored(
    server: DnsServer,
) -> None:
    export, first = installed(server)
    good = export.path.read_bytes()
    shutil.copy(export.path, export.path.with_name(".list.previous"))
    export.path.write_text("half of a file\n")
    ignore_reloads(server)
    with pytest.raises(ExportFailed, match=f"{BACK}, and .* blocks its canary"):
        run(hasty(export), NEW, first.state, 8)
    assert export.path.read_bytes() == good


@pytest.mark.slow
def test_loading_and_undoing_are_logged(
    server: DnsServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "blocklist.install")
    export, first = installed(server)
    canary = own_canary(export, first.state)
    ignore_reloads(server)
    failing(export, first.state)
    loaded, done, restored, undone = caplog.messages
    assert restored.startswith(f"{server.where} blocks the canary {canary} after ")
    assert loaded.startswith(f"{server.where} blocks the canary {canary} after ")
    assert done == "export office: installed release 7"
    assert undone.startswith("export office: undid release 8: ")
    assert undone.endswith(f"{BACK}, and {server.where} blocks its canary.")
