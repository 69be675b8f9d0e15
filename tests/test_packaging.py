"""The package as a whole: what the wheel carries, and which room may know which."""

import ast
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "blocklist"

# A room imports from its own line or from those above it: data goes one way.
LAYERS = (
    {"errors", "model", "program"},
    {
        "names",
        "actions",
        "forms",
        "suffixes",
        "networks",
        "urls",
        "geo",
        "reading",
        "columns",
        "files",
        "spec",
    },
    {"location", "queries"},
    {"catalogue", "targets", "settings", "config", "addition", "installation", "exporting"},
    {"parse", "ledger"},
    {"check", "collect", "judge", "resolve"},
    {"checks", "release"},
    {"install"},
    {"export"},
    {"doctor"},
    {"cli", "__main__"},
)
LAYER = {room: number for number, rooms in enumerate(LAYERS) for room in rooms}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room(module: Path) -> str:
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(module: Path) -> Iterator[str]:
    """Every room that `module` imports from, also inside its functions; ruff bans relative ones."""
    for node in ast.walk(ast.parse(module.read_bytes())):
        match node:
            case ast.Import(names=names):
                full = [alias.name for alias in names]
            case ast.ImportFrom(module=str(source), names=names):
                full = [f"{source}.{alias.name}" for alias in names]
            case _:
                continue
        for name in full:
            top, _, rest = name.partition(".")
            if top == "blocklist" and not rest.startswith("__version__"):
                yield rest.partition(".")[0]


def test_wheel_carries_all_data_and_only_one_package(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())

    catalogue = {
        f"blocklist/_catalogue/{path.relative_to(ROOT)}"
        for folder in ("feeds", "exports")
        for path in (ROOT / folder).rglob("*")
        if path.is_file()
    }
    core = {str(path.relative_to(ROOT)) for path in PACKAGE.glob("judge/core/*.toml")}
    assert catalogue
    assert core
    assert catalogue | core | {"blocklist/py.typed"} <= packed
    tops = {name.partition("/")[0] for name in packed}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"blocklist"}


def test_every_module_says_what_it_is_for() -> None:
    silent = [path for path in modules() if not ast.get_docstring(ast.parse(path.read_bytes()))]
    assert not silent


def test_every_room_has_its_place() -> None:
    assert {room(module) for module in modules()} - {"__init__"} <= LAYER.keys()


def test_imports_go_one_way() -> None:
    upward = [
        f"{module.relative_to(ROOT)} imports {other}"
        for module in modules()
        for other in imported_rooms(module)
        if LAYER.get(other, len(LAYERS)) > LAYER.get(room(module), -1)
    ]
    assert not upward


def test_rooms_form_no_circle() -> None:
    graph: dict[str, set[str]] = {}
    for module in modules():
        graph.setdefault(room(module), set()).update(set(imported_rooms(module)) - {room(module)})
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle
