"""Plugins: formats and dialects of other distributions work as built-in ones, and fail clearly."""

import re
from pathlib import Path

import pytest

from blocklist.errors import ConfigError
from blocklist.export.registry import get_dialect, get_reader
from blocklist.parse.detect import detect_format
from blocklist.parse.parser import parse_snapshot
from blocklist.parse.registry import load_format, load_formats
from blocklist.plugins import (
    DIALECT_EXTENSIONS,
    FORMAT_EXTENSIONS,
    READER_EXTENSIONS,
    PluginError,
)
from tests.support.cli import Run, commands
from tests.support.plugins import InstallPlugin, install_plugin

__all__ = ["install_plugin"]

FORMATS, DIALECTS = "blocklist.formats", "blocklist.dialects"
#: A format of lines such as `host=evil.example`.
FORMAT = """
import polars as pl
from blocklist.parse.format import Format, make_tokens

def extract(frame, options):
    return make_tokens(frame, token=pl.col("text").str.strip_prefix("host="))

FORMAT = Format("hostlines", extract, detection_rank=5)
"""
#: A dialect of lines such as `deny evil.example`.
DIALECT = """
import polars as pl
from blocklist.export.readers.reading import ReadResult, read_pieces
from blocklist.export.render.body import Body, BodyPart

def render_head(export, state, body):
    return [f"# {body.entry_count} names"]

def render_body(export, rows):
    names = rows.filter(action="block").select(pl.col("value").unique().sort())
    return Body((BodyPart(names, pl.lit("deny ") + pl.col("value")),), names.height, {})

def read_file(path, export, queries):
    parts, canaries = read_pieces(path, export, lambda texts: texts.str.strip_prefix("deny "))
    names = set(pl.concat(parts))
    blocked = {kind: names.intersection(asked) for kind, asked in queries.items()}
    return ReadResult(len(names), blocked, canaries)
"""
TARGET = 'title = "Denied"\ndialect = "deny"\nkinds = ["domain"]\nscopes = ["exact"]\n'
CONFIG = """
[feeds.mine]
url = "mine.txt"
format = "hostlines"
[feeds.plain]
url = "plain.txt"
format = "domains"
[exports.denied]
target = "denied"
path = "out/denied"
[exports.names]
target = "domains"
path = "out/names"
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    for name, text in {
        "blocklist.toml": CONFIG,
        "mine.txt": "host=a.top\nhost=b.top\n",
        "plain.txt": "c.top\n",
        "exports/denied.toml": TARGET,
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return commands(tmp_path, monkeypatch, capsys)


def install_both(install: InstallPlugin, list_format: str = FORMAT, dialect: str = DIALECT) -> None:
    install("host-lists", FORMATS, {"hostlines": "host_lines"}, host_lines=list_format)
    install("deny-lists", DIALECTS, {"deny": "deny_lines"}, deny_lines=dialect)


def read_names(folder: Path) -> list[str]:
    return (folder / "out/denied").read_text().splitlines()[1:]


def test_a_plugin_works_as_a_built_in(
    run: Run, tmp_path: Path, install_plugin: InstallPlugin
) -> None:
    install_both(install_plugin)
    for words in (
        ("feeds", "test", "mine.txt"),
        ("feeds", "test", "mine.txt", "--format", "hostlines"),
    ):
        assert "hostlines: 2 lines = 2 accepted" in run(*words).out
    assert run("run").code == 0
    assert read_names(tmp_path) == ["deny a.top", "deny b.top", "deny c.top"]
    assert run("check", "a.top").code == 1


def test_a_plugin_that_is_not_installed(run: Run) -> None:
    ended = run("update")
    assert ended.code == 2
    assert "feeds.mine.format: unknown format 'hostlines'" in ended.err


def test_a_failing_format_fails_its_feed_alone(
    run: Run, tmp_path: Path, install_plugin: InstallPlugin
) -> None:
    install_both(install_plugin, FORMAT.replace("return", "raise KeyError('column x')  #"))
    ended = run("run")
    assert ended.code == 4
    assert "the format 'hostlines' of the distribution host-lists 1.5: KeyError: 'column x'" in (
        ended.out + ended.err
    )
    assert (tmp_path / "out/names").read_text().endswith("\nc.top\n")


DIALECT_FAULTS = [
    ("import of it fails", "import no_such_module", "ModuleNotFoundError: No module named"),
    ("a function is missing", "def render_head(*_): ...", "it does not define render_body"),
    ("rendering fails", DIALECT.replace("rows.filter", "rows.nothing"), "AttributeError: 'Data"),
    ("reading fails", DIALECT.replace("= read_pieces", "= no_pieces"), "NameError: name 'no_pi"),
]


@pytest.mark.parametrize(
    ("why", "text", "cause"), DIALECT_FAULTS, ids=[r[0] for r in DIALECT_FAULTS]
)
def test_a_failing_dialect_fails_its_export_alone(
    run: Run, tmp_path: Path, install_plugin: InstallPlugin, why: str, text: str, cause: str
) -> None:
    install_both(install_plugin, dialect=text)
    ended = run("run")
    assert ended.code == 6, why
    assert f"export denied: the dialect 'deny' of the distribution deny-lists 1.5: {cause}" in (
        ended.out + ended.err
    )
    assert (tmp_path / "out/names").exists()


def test_a_new_version_of_a_plugin_does_its_work_again(
    run: Run, tmp_path: Path, install_plugin: InstallPlugin
) -> None:
    install_both(install_plugin)
    assert run("run").code == 0
    written = (tmp_path / "out/denied").stat().st_ino
    assert run("run").code == 0
    assert (tmp_path / "out/denied").stat().st_ino == written
    changed = FORMAT.replace("token=", 'token="new." + ')
    install_plugin("host-lists", FORMATS, {"hostlines": "host_lines"}, "1.6", host_lines=changed)
    assert run("run").code == 0
    assert read_names(tmp_path) == ["deny c.top", "deny new.a.top", "deny new.b.top"]
    changed = DIALECT.replace("deny ", "stop ")
    install_plugin("deny-lists", DIALECTS, {"deny": "deny_lines"}, "1.6", deny_lines=changed)
    assert run("run").code == 0
    assert read_names(tmp_path) == ["stop c.top", "stop new.a.top", "stop new.b.top"]


FORMAT_FAULTS = [
    ("no such module", {"x1": "nowhere.at_all"}, "", "'x1' of the distribution lists 1.5: Module"),
    ("no FORMAT", {"x2": "some_lists"}, "", "lists 1.5: it does not define FORMAT"),
    ("another type", {"x3": "some_lists"}, "FORMAT = 3", "lists 1.5: its FORMAT is no blocklist."),
    ("another name", {"x4": "some_lists"}, FORMAT, "lists 1.5: its FORMAT is named 'hostlines'"),
    ("it fails", {"x5": "some_lists"}, "raise RuntimeError", "lists 1.5: RuntimeError"),
    ("it ends the process", {"x6": "some_lists"}, "import sys; sys.exit(7)", "1.5: SystemExit: 7"),
    ("it is no Python", {"x7": "some_lists"}, "import", "lists 1.5: SyntaxError"),
]


@pytest.mark.parametrize(
    ("why", "entry_points", "text", "message"), FORMAT_FAULTS, ids=[row[0] for row in FORMAT_FAULTS]
)
def test_errors_name_the_distribution(
    install_plugin: InstallPlugin, why: str, entry_points: dict[str, str], text: str, message: str
) -> None:
    install_plugin("lists", FORMATS, entry_points, some_lists=text)
    (name,) = entry_points
    with pytest.raises(PluginError, match=message):
        load_format(name)
    assert name not in load_formats(), "other lists are read"
    assert detect_format(b"a.top\nb.top\n") == "domains"
    (fault,) = FORMAT_EXTENSIONS.find_faults(load_format)
    assert re.search(message, fault)


def test_a_plugin_cannot_take_a_built_in_name(install_plugin: InstallPlugin) -> None:
    install_plugin("lists", FORMATS, {"hosts": "other_hosts"}, other_hosts=FORMAT)
    assert parse_snapshot(b"0.0.0.0 a.top", "hosts").accepted == 1
    (fault,) = FORMAT_EXTENSIONS.find_faults(load_format)
    assert re.search(r"'hosts' of the distribution lists 1\.5: .* built in; it is not used", fault)
    assert detect_format(b"0.0.0.0 a.top\n0.0.0.0 b.top\n") == "hosts"


def test_two_plugins_of_one_name(install_plugin: InstallPlugin) -> None:
    for name in ("one", "two"):
        install_plugin(name, FORMATS, {"hostlines": f"lists_{name}"}, **{f"lists_{name}": FORMAT})
    with pytest.raises(PluginError, match=r"several distributions: (one|two) 1\.5, (one|two) 1\.5"):
        load_format("hostlines")


def test_an_unknown_name() -> None:
    with pytest.raises(ConfigError, match="unknown format 'x'; known are adblock, csv, dnsmasq"):
        load_format("x")


@pytest.mark.parametrize("name", DIALECT_EXTENSIONS.builtin_names())
def test_every_dialect_has_a_reader(name: str) -> None:
    assert callable(get_dialect(name).render_head)
    assert callable(get_dialect(name).render_body)
    assert callable(get_reader(name).read_file)
    assert not READER_EXTENSIONS.origin(name)
