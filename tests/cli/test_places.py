"""Where a configuration is looked for and written, and what commands do where there is none."""

from pathlib import Path

import pytest

from blocklist import Blocklist, ConfigError
from blocklist.config import paths
from blocklist.config.loader import load_config
from blocklist.config.paths import find_config
from tests.support.cli import Run, commands
from tests.support.docs import leaves, root
from tests.support.users import as_user


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a function that runs a command in an empty folder, on a system without configuration."""
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr(paths, "SYSTEM_CONFIG", tmp_path / "etc/blocklist.toml")
    return commands(tmp_path / "empty", monkeypatch, capsys)


def test_the_order_of_the_search(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user = tmp_path / "empty/none/blocklist/blocklist.toml"
    here, system = Path("blocklist.toml"), tmp_path / "etc/blocklist.toml"
    assert find_config(None) is None
    for path in (system, user, here):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
        assert find_config(None) == path
    monkeypatch.setenv("BLOCKLIST_CONFIG", "named.toml")
    assert find_config(None) == Path("named.toml")
    assert find_config(Path("given.toml")) == Path("given.toml")
    ended = run("feeds", "list")
    assert (ended.code, "named.toml" in ended.err) == (2, True), "a named file must be there"


#: Every command that writes to the ledger, with arguments.
WRITERS: dict[str, tuple[str, ...]] = {
    "run": (), "update": (), "resolve": (), "export": (), "prune": ("--keep", "1d"),
    "allow add": ("a.example",), "allow remove": ("a.example",),
    "block add": ("a.example",), "block remove": ("a.example",),
    "release build": (), "release accept": ("--reason", "x"), "release rollback": (),
    "release unpin": (), "check": ("a.example",), "check --json": ("a.example",),
    "check --explain": ("a.example",), "expire": (),
}  # fmt: skip


@pytest.mark.parametrize("command", WRITERS)
def test_a_command_that_writes_refuses_without_a_configuration(
    run: Run, tmp_path: Path, command: str
) -> None:
    ended = run(*command.split(), *WRITERS[command])
    assert (ended.code, ended.out) == (2, "")
    for place in (
        "empty/blocklist.toml",
        "empty/none/blocklist/blocklist.toml",
        "etc/blocklist.toml",
    ):
        assert str(tmp_path / place) in ended.err
    assert "blocklist init" in ended.err
    assert not list(Path().iterdir())


#: Commands that read, or write a configuration, or ask nothing of the ledger.
READERS = {
    "init", "status", "doctor", "check", "allow list", "block list", "review list",
    "review accept", "review reject", "feeds list", "feeds show", "feeds test", "feeds add",
    "feeds overlap", "release list", "release show", "release diff", "allow export",
    "block export", "allow import", "block import",
}  # fmt: skip


def test_every_command_is_known() -> None:
    names = {name.removeprefix("blocklist ") for name, _ in leaves(root(), "blocklist")}
    assert names <= {*READERS, *WRITERS}


@pytest.mark.parametrize("command", sorted(READERS - {"init", "check"}))
def test_no_other_command_leaves_a_file(run: Run, command: str) -> None:
    known = {name for name, _ in leaves(root(), "blocklist")}
    assert f"blocklist {command}" in known
    run(*command.split(), "x.example")
    run(*command.split())
    assert not list(Path().iterdir())


def test_the_library_refuses_as_well(run: Run) -> None:
    library = Blocklist.open()
    for call in (library.run, library.update, library.export, library.build_release,
                 library.prune, library.resolve, lambda: library.allow.add("a.example"),
                 lambda: library.block.remove("a.example"), lambda: library.check("a.example"),
                 library.releases.rollback, library.releases.unpin,
                 lambda: library.review.decide([], "block")):  # fmt: skip
        with pytest.raises(ConfigError, match="no configuration found"):
            call()
    assert not list(Path().iterdir())


@pytest.mark.parametrize(
    ("place", "written"),
    [
        ((), "blocklist.toml"),
        (("new",), "new/blocklist.toml"),
        (("new/deeper",), "new/deeper/blocklist.toml"),
        (("some/blocklist.toml",), "some/blocklist.toml"),
        (("other.toml",), "other.toml"),
        (("with space/my.toml",), "with space/my.toml"),
        (("dotted.d",), "dotted.d/blocklist.toml"),
    ],
)
def test_init_writes_a_file(run: Run, place: tuple[str, ...], written: str) -> None:
    ended = run("init", *place)
    assert (ended.code, Path(written).is_file()) == (0, True)
    assert load_config(Path(written)).enabled_sources
    again = run("init", *place)
    assert (again.code, "exists already" in again.err) == (2, True)


@pytest.mark.parametrize("place", ["", "x", "x/blocklist.toml"])
def test_init_where_nobody_may_look(public_path: Path, place: str) -> None:
    closed = public_path / "closed"
    closed.mkdir(mode=0o700)
    code = """
import sys
sys.argv = ["blocklist", "init", FOLDER]
try:
    main()
except SystemExit as end:
    print(end.code, file=real)
"""
    imports = (
        "import os, sys, io\nimport blocklist.cli.commands.init\nfrom blocklist.cli import main\n"
        f"FOLDER = {str(closed / place)!r}\nreal = sys.stdout\nsys.stderr = io.TextIOWrapper("
        "io.FileIO(os.dup(1), 'w'), write_through=True)"
    )
    said = as_user(imports, code)
    assert "Permission denied" in said or "is not readable" in said
    assert "Traceback" not in said
    assert said.splitlines()[-1] == "2"


def test_init_through_a_file(run: Run) -> None:
    Path("file").write_text("")
    ended = run("init", "file/x")
    assert (ended.code, "Traceback" in ended.err) == (2, False)


def test_a_system_is_laid_out(run: Run, tmp_path: Path) -> None:
    ended = run("init", "--system", "--root", str(tmp_path / "root"))
    config = tmp_path / "root/etc/blocklist/blocklist.toml"
    assert (ended.code, str(config) in ended.err) == (0, True)
    assert (tmp_path / "root/var/lib/blocklist/out").is_dir()
    settings = load_config(config)
    assert settings.database == Path("/var/lib/blocklist/blocklist.db")
    assert '# path = "/var/lib/blocklist/out/' in config.read_text()
    config.write_text("# mine\n")
    again = run("init", "--system", "--root", str(tmp_path / "root"))
    assert (again.code, "left as it is" in again.err) == (0, True)
    assert config.read_text() == "# mine\n"


def test_a_system_needs_its_user(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def find_nobody(_name: str) -> None:
        raise KeyError

    monkeypatch.setattr("pwd.getpwnam", find_nobody)
    ended = run("init", "--system")
    assert (ended.code, "useradd --system" in ended.err) == (2, True)
    assert run("init", "--system", "x").code == 2


def test_a_system_is_found_from_every_folder(run: Run, tmp_path: Path) -> None:
    system = tmp_path / "etc/blocklist.toml"
    system.parent.mkdir()
    system.write_text(f'database = "{tmp_path / "state.db"}"\n')
    assert run("allow", "add", "a.example").code == 0
    assert (tmp_path / "state.db").exists()
    assert not list(Path().iterdir())
