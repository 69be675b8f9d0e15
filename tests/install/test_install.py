"""Installs from end to end, into a DNS server that can be told how to behave."""

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
# What comes is waited for, on a busy machine too; what never comes is not.
PATIENT, HASTY = 10.0, 0.5
OWN = "our-company.example"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DnsServer]:
    monkeypatch.setattr(canary_probe, "_TIMEOUT_SECONDS", 0.4)
    with dns_server(tmp_path) as running:
        running.resolves = {OWN}
        yield running


def export_into(server: DnsServer, **told: object) -> Export:
    """Return an export of a hosts file that the server loads, changed where told."""
    export = export_to(server.file.parent, "domains", None, line=HOSTS, canary=HOSTS)
    given: dict[str, object] = {
        "reload": server.reload,
        "probe": (server.where,),
        "probe_timeout": PATIENT,
        "timeout": PATIENT,
        "must_resolve": (OWN,),
    }
    installation = Installation(**{**given, **told})  # type: ignore[arg-type]
    return replace(export, path=server.file, installation=installation)


def own_canary(export: Export, state: ExportState) -> str:
    names = derive_canaries(export, state)
    assert names is not None
    return names.release_name


def failing(export: Export, previous: ExportState | None, text: str = NEW) -> str:
    """Return why an export failed, which must leave nothing beside the file."""
    before = export.path.read_bytes() if export.path.exists() else None
    with pytest.raises(ExportFailed) as raised:
        run(hasty(export), text, previous, 8)
    assert (export.path.read_bytes() if export.path.exists() else None) == before
    assert not [*export.path.parent.glob(".*")]
    return str(raised.value)


def hasty(export: Export) -> Export:
    return replace(export, installation=replace(export.installation, probe_timeout=HASTY))


def installed(server: DnsServer, **told: object) -> tuple[Export, ExportResult]:
    export = export_into(server, **told)
    return export, run(export, OLD)


# --- What goes well ---------------------------------------------------------------------------


def test_a_list_is_loaded_when_the_server_blocks_its_canary(server: DnsServer) -> None:
    export, first = installed(server)
    assert (first.said, first.loaded) == (("reload: OK",), True)
    assert {"old.example", own_canary(export, first.state)} < server.listed
    second = run(export, NEW, first.state, 8)
    assert "new.example" in server.listed
    assert own_canary(export, second.state) in server.listed
    assert server.reloads == 2
    assert not [*export.path.parent.glob(".*")], "nothing is left beside the file"


def test_a_server_may_take_its_time(server: DnsServer) -> None:
    server.on_reload = lambda number: Timer(0.1, server.load).start()
    installed(server)
    assert "old.example" in server.listed


def test_an_unchanged_list_that_is_loaded_is_left_alone(server: DnsServer) -> None:
    export, first = installed(server)
    again = export_one(export, release(OLD), 8, first.state, NOW)
    assert (again.changed, again.said, server.reloads) == (False, (), 1)
    assert again.loaded, "it was asked"


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
    asked = replace(export, installation=export_into(server).installation)
    with pytest.raises(ExportFailed, match="there is no canary to query"):
        export_one(asked, release(OLD), 8, first.state, NOW)


@pytest.mark.slow
def test_nxdomain_tells_when_the_control_resolves(server: DnsServer) -> None:
    export = replace(export_into(server), canary="c.example.org")
    server.block = None
    server.resolves |= {"c.example.org", "control.c.example.org"}
    assert run(export, OLD).changed
    server.resolves.discard("control.c.example.org")
    assert "for a name beside it that is not listed no address" in failing(export, None)


# --- What goes wrong after the file is in place -------------------------------------------------


def lie(server: DnsServer) -> None:
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
    (lie, "does not show that the list is loaded", "a reload that does nothing and says OK"),
    (empty_once, "does not show that the list is loaded", "a reload that empties the list"),
    (block_everything, "does not show that the list is loaded", "a list that blocks every name"),
    (block_own, f"resolved {OWN} before, and now has the null address", "one that blocks too much"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "message", "why"), FAULTS)
def test_the_old_list_comes_back(server: DnsServer, fault: object, message: str, why: str) -> None:
    export, first = installed(server)
    fault(server)  # type: ignore[operator]
    said = failing(export, first.state)
    assert message in said, why
    assert said.endswith("the old file is back, and the server blocks its canary")
    assert own_canary(export, first.state) in server.listed
    assert "new.example" not in server.listed
    assert server.reloads == 3
    server.on_reload = lambda number: server.load()
    assert run(export, NEW, first.state, 8).changed, "and the next run tries again"


@pytest.mark.parametrize(
    ("told", "message", "why"),
    [
        ({"reload": ("false",)}, "reload failed: false: it ended with 1 and no output", "fails"),
        (
            {"reload": ("sh", "-c", "echo 'no such zone' >&2; exit 3")},
            "reload failed: sh: no such zone",
            "its words are shown",
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
    server: DnsServer, told: dict[str, object], message: str, why: str
) -> None:
    _, first = installed(server)
    said = failing(export_into(server, **told), first.state)
    assert message in said, why
    assert "the old file is back" in said
    assert own_canary(export_into(server), first.state) in server.listed
    if "check_server" in told:
        assert server.reloads == 1, "no reload was dared"


@pytest.mark.parametrize("first", [True, False])
def test_a_server_is_told_nothing_of_a_file_that_its_own_check_refuses(
    server: DnsServer, first: bool
) -> None:
    """A reload may be a restart, which a server without its file does not survive."""
    before = None if first else installed(server)[1].state
    told = server.reloads
    said = failing(export_into(server, check_server=("sh", "-c", "! grep new {file}")), before)
    assert said.endswith("taken away" if first else "the old file is back")
    assert server.reloads == told


@pytest.mark.slow
def test_the_server_is_down(server: DnsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    export, first = installed(server)
    monkeypatch.setattr(canary_probe, "_TIMEOUT_SECONDS", 0.02)
    server.silent = True
    said = failing(export, first.state)
    assert "it has no answer, for a name beside it" in said
    assert "the old file is back, but not loaded again" in said


@pytest.mark.slow
def test_a_first_list_that_is_not_loaded_is_taken_away(server: DnsServer) -> None:
    lie(server)
    said = failing(export_into(server), None, OLD)
    assert said.endswith("there was no old file, so the new one was taken away")
    assert server.reloads == 2, "the server was told"


def test_a_name_that_did_not_resolve_before_proves_nothing(server: DnsServer) -> None:
    server.resolves = set()
    export, _ = installed(server, must_resolve=("unknown.example", OWN))
    assert export.path.exists()


def test_the_file_that_comes_back_counts_as_new(server: DnsServer) -> None:
    """BIND does not read a file again that is older than what it has loaded."""
    export, first = installed(server)
    os.utime(export.path, (1, 1))
    owner = export.path.stat().st_ino
    lie(server)
    failing(export, first.state)
    assert export.path.stat().st_mtime > 1
    assert export.path.stat().st_ino == owner, "it is the very file, so a full disk is no matter"


@pytest.mark.slow
def test_a_file_system_without_links(server: DnsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*paths: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    export, first = installed(server)
    monkeypatch.setattr(Path, "hardlink_to", refuse)
    lie(server)
    left = export.path.with_name("..list.previous.abcdefgh.new")
    left.touch()
    assert "the old file is back" in failing(export, first.state)
    assert not left.exists(), "of a run that was killed while it copied the old file"


@pytest.mark.slow
def test_an_old_file_that_cannot_come_back_is_said_to_be_where_it_is(
    server: DnsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    export, first = installed(server)
    before = export.path.read_bytes()
    lie(server)

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


def test_a_person_who_has_had_enough(server: DnsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    export, first = installed(server)
    before = export.path.read_bytes()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(canary_probe, "wait_until_loaded", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(export, NEW, first.state, 8)
    assert export.path.read_bytes() == before
    assert "old.example" in server.listed, "the server had read the new one, and was told of it"


@pytest.mark.slow
def test_a_run_that_was_killed_in_the_middle_leaves_the_list_to_go_back_to(
    server: DnsServer,
) -> None:
    export, first = installed(server)
    good = export.path.read_bytes()
    shutil.copy(export.path, export.path.with_name(".list.previous"))
    export.path.write_text("half of what was never proved\n")
    lie(server)
    with pytest.raises(ExportFailed, match="the old file is back, and the server blocks its can"):
        run(hasty(export), NEW, first.state, 8)
    assert export.path.read_bytes() == good


# --- Hooks and commands -------------------------------------------------------------------------


def script(folder: Path, text: str) -> tuple[str, ...]:
    return "sh", "-c", text.replace("HEARD", str(folder / "heard"))


def test_a_hook_hears_of_a_command_that_says_no_text(server: DnsServer) -> None:
    folder = server.file.parent
    reload = ("sh", "-c", r"printf 'bro\0ken\377'; exit 1")
    export = export_into(server, reload=reload, after=script(folder, "echo $BLOCKLIST_CAUSE>HEARD"))
    assert "reload failed: sh: broken" in failing(export, None, OLD)
    assert (folder / "heard").read_text().startswith("reload failed: sh: broken")


def test_no_room_for_what_a_command_says(
    server: DnsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, first = installed(server)

    def refuse() -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    said = failing(export_into(server, probe=()), first.state)
    assert "cannot be run: no file for its output: No space left on device" in said


def test_hooks_hear_what_changed(server: DnsServer) -> None:
    folder = server.file.parent
    _, first = installed(server)
    names = "$BLOCKLIST_EXPORT $BLOCKLIST_TARGET $BLOCKLIST_RELEASE_BEFORE>$BLOCKLIST_RELEASE"
    hear = f'echo "{names} $BLOCKLIST_ROWS_BEFORE>$BLOCKLIST_ROWS $BLOCKLIST_OUTCOME" >> HEARD'
    before = script(folder, f"{hear}; grep -c example $BLOCKLIST_NEW_FILE $BLOCKLIST_FILE >> HEARD")
    export = export_into(server, before=before, after=script(folder, hear))
    run(export, f"{NEW}\nblock exact more.example", first.state, 8)
    first_line, new, old, last = (folder / "heard").read_text().splitlines()
    assert first_line == "office domains 7>8 1>2 "
    assert new.endswith(":2")
    assert old == f"{server.file}:1"
    assert last == "office domains 7>8 1>2 installed"


def test_a_hook_before_may_stop_the_export(server: DnsServer) -> None:
    export, first = installed(server, before=("sh", "-c", "[ $BLOCKLIST_RELEASE = 7 ]"))
    said = failing(export, first.state)
    assert "before failed: sh" in said
    assert said.endswith("is as it was)")
    assert server.reloads == 1


@pytest.mark.slow
def test_a_hook_after_hears_of_the_undo(server: DnsServer) -> None:
    heard = script(server.file.parent, 'echo "$BLOCKLIST_OUTCOME: $BLOCKLIST_CAUSE" > HEARD')
    export, first = installed(server, after=heard)
    lie(server)
    failing(export, first.state)
    text = (server.file.parent / "heard").read_text()
    assert text.startswith("undone: ")
    assert "does not show that the list is loaded" in text


def test_a_hook_after_that_fails_undoes_nothing(server: DnsServer) -> None:
    export, result = installed(server, after=("false",))
    assert result.said[-1] == "after failed: false: it ended with 1 and no output"
    assert export.path.exists()


def test_the_file_and_the_zone_are_filled_in(tmp_path: Path) -> None:
    told = Installation(reload=("echo", "{zone}", "{file}"))
    export = replace(export_to(tmp_path, "rpz"), installation=told)
    assert run(export, OLD).said == (f"reload: rpz.office.example {export.path}",)


@pytest.mark.parametrize(
    ("shell", "said"),
    [(False, "reload: $((6 * 7)) && echo a b.out"), (True, "reload: 42")],
)
def test_a_shell_only_when_asked_for(tmp_path: Path, shell: bool, said: str) -> None:
    told = Installation(reload=("echo", "$((6 * 7))", "&& echo {file}"), shell=shell)
    export = replace(export_to(tmp_path, "hosts"), path=tmp_path / "a b.out", installation=told)
    lines = run(export, OLD).said
    assert lines[0].replace(f"{tmp_path}/", "") == said
    if shell:
        assert lines[1] == f"reload: {export.path}", "one word, blanks and all"


def test_a_command_may_leave_a_server_running(tmp_path: Path) -> None:
    """It holds the output open for ever, which must not be waited for."""
    start = time.monotonic()
    ended = run_command(["sh", "-c", "sleep 5 & echo $!"], 60, os.environ, "timeout")
    assert time.monotonic() - start < 4
    os.kill(int(ended.output_text), 9)


def test_a_command_that_says_too_much_is_cut() -> None:
    ended = run_command([sys.executable, "-c", "print('x' * 9999)"], 60, os.environ, "timeout")
    assert ended.output_text == "x" * 2000


# --- Answers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "control", "blocks", "why"),
    [
        (
            "NULL_ADDRESS",
            "NO_ADDRESS",
            True,
            "the list's own answer, and the name is not there otherwise",
        ),
        ("NULL_ADDRESS", "RESOLVES", True, "where a wildcard answers for everything else"),
        ("NULL_ADDRESS", "NO_ANSWER", True, "without an upstream, as in a closed network"),
        ("NULL_ADDRESS", "NULL_ADDRESS", False, "every name is blocked so"),
        ("NO_ADDRESS", "RESOLVES", True, "a name that would resolve, but for the list"),
        ("NO_ADDRESS", "NO_ADDRESS", False, "what any invented name gets"),
        ("NO_ADDRESS", "NO_ANSWER", False, "nothing is known"),
        ("RESOLVES", "NO_ADDRESS", False, "not blocked"),
        ("NO_ANSWER", "RESOLVES", False, "the server is busy"),
    ],
)
def test_what_counts_as_blocked(answer: str, control: str, blocks: bool, why: str) -> None:
    assert (
        canary_probe._is_list_answer(
            canary_probe.ProbeAnswer[answer], canary_probe.ProbeAnswer[control]
        )
        is blocks
    ), why


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canary_probe, "_TIMEOUT_SECONDS", 0.1)
    assert (
        canary_probe.probe_server(parse_dns_servers(["127.0.0.1#9"])[0], "x.example")
        is canary_probe.ProbeAnswer.NO_ANSWER
    )
