"""Installs from end to end, into a DNS server with configurable behaviour."""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Timer

import pytest

from blocklist.config.dns_servers import parse_dns_servers
from blocklist.config.exports import Export
from blocklist.config.installation import Installation
from blocklist.errors import ExportFailed
from blocklist.export.render.canary import derive_canaries
from blocklist.export.render.state import ExportResult, ExportState
from blocklist.export.update import export_one
from blocklist.install import canary_probe
from blocklist.install.command import run_command
from tests.support.dns_server import DnsServer, dns_server
from tests.support.exports import NOW, export_to, release, run

OLD, NEW = "block exact old.example", "block exact new.example"
HOSTS = "0.0.0.0 {value}"
# Seconds to wait for what comes, also on a busy machine, and for what never comes.
PATIENT, HASTY = 10.0, 0.5
OWN = "our-company.example"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DnsServer]:
    monkeypatch.setattr(canary_probe, "_TIMEOUT_SECONDS", 0.4)
    with dns_server(tmp_path) as running:
        running.resolves = {OWN}
        yield running


def export_into(server: DnsServer, **changes: object) -> Export:
    """Return an export of a hosts file that the server loads, with some changed keys."""
    export = export_to(server.file.parent, "domains", None, line=HOSTS, canary=HOSTS)
    keys: dict[str, object] = {
        "reload": server.reload,
        "probe": (server.where,),
        "probe_timeout": PATIENT,
        "timeout": PATIENT,
        "must_resolve": (OWN,),
    }
    installation = Installation(**{**keys, **changes})  # type: ignore[arg-type]
    return replace(export, path=server.file, installation=installation)


def own_canary(export: Export, state: ExportState) -> str:
    canaries = derive_canaries(export, state)
    assert canaries is not None
    return canaries.release_name


def failing(export: Export, previous: ExportState | None, text: str = NEW) -> str:
    """Return the error of an export that fails, which must leave no other file."""
    before = export.path.read_bytes() if export.path.exists() else None
    with pytest.raises(ExportFailed) as raised:
        run(hasty(export), text, previous, 8)
    assert (export.path.read_bytes() if export.path.exists() else None) == before
    assert not [*export.path.parent.glob(".*")]
    return str(raised.value)


def hasty(export: Export) -> Export:
    return replace(export, installation=replace(export.installation, probe_timeout=HASTY))


def installed(server: DnsServer, **changes: object) -> tuple[Export, ExportResult]:
    export = export_into(server, **changes)
    return export, run(export, OLD)


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


def ignore_reloads(server: DnsServer) -> None:
    server.on_reload = lambda number: None


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
    (block_everything, "does not show that the list is loaded", "a list that blocks every name"),
    (block_own, f"resolved {OWN} before, and now has the null address", "one that blocks too much"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "message", "why"), FAULTS)
def test_the_old_list_is_restored(server: DnsServer, fault: object, message: str, why: str) -> None:
    export, first = installed(server)
    fault(server)  # type: ignore[operator]
    error = failing(export, first.state)
    assert message in error, why
    assert error.endswith("the old file is back, and the server blocks its canary")
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
    assert "the old file is back" in error
    assert own_canary(export_into(server), first.state) in server.listed
    if "check_server" in changes:
        assert server.reloads == 1, "no reload after a failed check"


@pytest.mark.parametrize("first", [True, False])
def test_a_file_that_check_server_refuses_is_not_loaded(server: DnsServer, first: bool) -> None:
    """A reload may be a restart, after which a server without its file would not run."""
    before = None if first else installed(server)[1].state
    reloads = server.reloads
    error = failing(export_into(server, check_server=("sh", "-c", "! grep new {file}")), before)
    assert error.endswith("taken away" if first else "the old file is back")
    assert server.reloads == reloads


@pytest.mark.slow
def test_the_server_is_down(server: DnsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    export, first = installed(server)
    monkeypatch.setattr(canary_probe, "_TIMEOUT_SECONDS", 0.02)
    server.silent = True
    error = failing(export, first.state)
    assert "it has no answer, for a name beside it" in error
    assert "the old file is back, but not loaded again" in error


@pytest.mark.slow
def test_a_first_list_that_is_not_loaded_is_removed(server: DnsServer) -> None:
    ignore_reloads(server)
    error = failing(export_into(server), None, OLD)
    assert error.endswith("there was no old file, so the new one was taken away")
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
    assert "the old file is back" in failing(export, first.state)
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

    monkeypatch.setattr(canary_probe, "wait_until_loaded", interrupted)
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
    with pytest.raises(ExportFailed, match="the old file is back, and the server blocks its can"):
        run(hasty(export), NEW, first.state, 8)
    assert export.path.read_bytes() == good


# --- Hooks and commands -------------------------------------------------------------------------


def script(folder: Path, text: str) -> tuple[str, ...]:
    return "sh", "-c", text.replace("OUTPUT", str(folder / "output"))


def test_hooks_get_output_that_is_not_utf_8(server: DnsServer) -> None:
    folder = server.file.parent
    reload = ("sh", "-c", r"printf 'bro\0ken\377'; exit 1")
    export = export_into(
        server, reload=reload, after=script(folder, "echo $BLOCKLIST_CAUSE>OUTPUT")
    )
    assert "reload failed: sh: broken" in failing(export, None, OLD)
    assert (folder / "output").read_text().startswith("reload failed: sh: broken")


def test_no_room_for_the_output_of_a_command(
    server: DnsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, first = installed(server)

    def refuse() -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    error = failing(export_into(server, probe=()), first.state)
    assert "cannot be run: no file for its output: No space left on device" in error


def test_variables_of_hooks(server: DnsServer) -> None:
    folder = server.file.parent
    _, first = installed(server)
    names = "$BLOCKLIST_EXPORT $BLOCKLIST_TARGET $BLOCKLIST_RELEASE_BEFORE>$BLOCKLIST_RELEASE"
    record = f'echo "{names} $BLOCKLIST_ROWS_BEFORE>$BLOCKLIST_ROWS $BLOCKLIST_OUTCOME" >> OUTPUT'
    before = script(
        folder, f"{record}; grep -c example $BLOCKLIST_NEW_FILE $BLOCKLIST_FILE >> OUTPUT"
    )
    export = export_into(server, before=before, after=script(folder, record))
    run(export, f"{NEW}\nblock exact more.example", first.state, 8)
    first_line, new, old, last = (folder / "output").read_text().splitlines()
    assert first_line == "office domains 7>8 1>2 "
    assert new.endswith(":2")
    assert old == f"{server.file}:1"
    assert last == "office domains 7>8 1>2 installed"


def test_a_hook_before_may_stop_the_export(server: DnsServer) -> None:
    export, first = installed(server, before=("sh", "-c", "[ $BLOCKLIST_RELEASE = 7 ]"))
    error = failing(export, first.state)
    assert "before failed: sh" in error
    assert error.endswith("is as it was)")
    assert server.reloads == 1


@pytest.mark.slow
def test_variables_of_the_hook_after_an_undo(server: DnsServer) -> None:
    record = script(server.file.parent, 'echo "$BLOCKLIST_OUTCOME: $BLOCKLIST_CAUSE" > OUTPUT')
    export, first = installed(server, after=record)
    ignore_reloads(server)
    failing(export, first.state)
    text = (server.file.parent / "output").read_text()
    assert text.startswith("undone: ")
    assert "does not show that the list is loaded" in text


def test_a_hook_after_that_fails_undoes_nothing(server: DnsServer) -> None:
    export, result = installed(server, after=("false",))
    assert result.said[-1] == "after failed: false: it ended with 1 and no output"
    assert export.path.exists()


def test_the_file_and_the_zone_are_filled_in(tmp_path: Path) -> None:
    commands = Installation(reload=("echo", "{zone}", "{file}"))
    export = replace(export_to(tmp_path, "rpz"), installation=commands)
    assert run(export, OLD).said == (f"reload: rpz.office.example {export.path}",)


@pytest.mark.parametrize(
    ("shell", "expected"),
    [(False, "reload: $((6 * 7)) && echo a b.out"), (True, "reload: 42")],
)
def test_the_shell_is_used_only_if_configured(tmp_path: Path, shell: bool, expected: str) -> None:
    commands = Installation(reload=("echo", "$((6 * 7))", "&& echo {file}"), shell=shell)
    export = replace(export_to(tmp_path, "hosts"), path=tmp_path / "a b.out", installation=commands)
    lines = run(export, OLD).said
    assert lines[0].replace(f"{tmp_path}/", "") == expected
    if shell:
        assert lines[1] == f"reload: {export.path}", "one word, with its space"


def test_a_command_may_leave_a_server_running(tmp_path: Path) -> None:
    """It keeps the output open, which must not be waited for."""
    start = time.monotonic()
    result = run_command(["sh", "-c", "sleep 5 & echo $!"], 60, os.environ, "timeout")
    assert time.monotonic() - start < 4
    os.kill(int(result.output_text), 9)


def test_long_output_is_cut() -> None:
    result = run_command([sys.executable, "-c", "print('x' * 9999)"], 60, os.environ, "timeout")
    assert result.output_text == "x" * 2000


# --- Answers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "control", "blocks", "why"),
    [
        (
            "NULL_ADDRESS",
            "NO_ADDRESS",
            True,
            "the list's answer; the name does not exist otherwise",
        ),
        ("NULL_ADDRESS", "RESOLVES", True, "a wildcard answers for all other names"),
        ("NULL_ADDRESS", "NO_ANSWER", True, "without an upstream, as in a closed network"),
        ("NULL_ADDRESS", "NULL_ADDRESS", False, "all names get this answer"),
        ("NO_ADDRESS", "RESOLVES", True, "the name would resolve without the list"),
        ("NO_ADDRESS", "NO_ADDRESS", False, "any invented name gets this answer"),
        ("NO_ADDRESS", "NO_ANSWER", False, "the control shows nothing"),
        ("RESOLVES", "NO_ADDRESS", False, "not blocked"),
        ("NO_ANSWER", "RESOLVES", False, "the server is busy"),
    ],
)
def test_answers_that_show_a_loaded_list(answer: str, control: str, blocks: bool, why: str) -> None:
    assert (
        canary_probe._is_list_answer(
            canary_probe.ProbeAnswer[answer], canary_probe.ProbeAnswer[control]
        )
        is blocks
    ), why


def test_a_server_that_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canary_probe, "_TIMEOUT_SECONDS", 0.1)
    assert (
        canary_probe.probe_server(parse_dns_servers(["127.0.0.1#9"])[0], "x.example")
        is canary_probe.ProbeAnswer.NO_ANSWER
    )
