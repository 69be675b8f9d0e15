"""The package as a whole: what the wheel carries, and which package may import which."""

import ast
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "blocklist"

# A package imports from its own line or from those above it: data goes one way.
LAYERS = (
    {"errors", "model", "fingerprint", "config_keys", "plugins", "text"},
    {"indicators", "atomic_files"},
    {"frames", "geoip"},
    {"parse"},
    {"config"},
    {"install"},
    {"fetch", "judge"},
    {"ledger"},
    {"collect", "resolve", "check"},
    {"release"},
    {"export"},
    {"status"},
    {"doctor"},
    {"api", "pipeline"},
    {"cli", "__main__"},
)
LAYER = {package: number for number, packages in enumerate(LAYERS) for package in packages}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def dotted(module: Path) -> str:
    return ".".join(module.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {dotted(module) for module in modules()}


def package_of(module: str) -> str:
    return module.split(".")[1] if "." in module else "__init__"


def imported_modules(module: Path, *, at_start: bool = False) -> Iterator[str]:
    """Yield each module that `module` imports, also inside functions unless `at_start`."""
    tree = ast.parse(module.read_bytes())
    for node in tree.body if at_start else ast.walk(tree):
        match node:
            case ast.Import(names=names):
                full = [alias.name for alias in names]
            case ast.ImportFrom(module=str(source), names=names):
                full = [f"{source}.{alias.name}" for alias in names]
            case _:
                continue
        for name in full:
            if name.partition(".")[0] == "blocklist" and name != "blocklist.__version__":
                yield name if name in MODULES else name.rpartition(".")[0]


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
    core = {str(path.relative_to(ROOT)) for path in PACKAGE.glob("judge/builtin/*.toml")}
    assert catalogue
    assert core
    assert catalogue | core | {"blocklist/py.typed"} <= packed
    tops = {name.partition("/")[0] for name in packed}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"blocklist"}


def test_every_module_says_what_it_is_for() -> None:
    silent = [path for path in modules() if not ast.get_docstring(ast.parse(path.read_bytes()))]
    assert not silent


def test_every_package_has_its_place() -> None:
    assert {package_of(module) for module in MODULES} - {"__init__"} <= LAYER.keys()


def test_imports_go_one_way() -> None:
    upward = [
        f"{module.relative_to(ROOT)} imports {other}"
        for module in modules()
        for other in imported_modules(module)
        if LAYER.get(package_of(other), -1) > LAYER.get(package_of(dotted(module)), len(LAYERS))
    ]
    assert not upward


#: The work is in these packages; the command line reaches it through the library only.
WORKING = {
    "ledger",
    "parse",
    "install",
    "collect",
    "resolve",
    "release",
    "export",
    "status",
    "doctor",
}


def test_the_command_line_is_a_thin_layer() -> None:
    reached = [
        f"{module.relative_to(ROOT)} imports {other}"
        for module in modules()
        for other in imported_modules(module)
        if package_of(dotted(module)) == "cli" and package_of(other) in WORKING
    ]
    assert not reached


def test_packages_form_no_circle() -> None:
    graph: dict[str, set[str]] = {}
    for module in modules():
        package = package_of(dotted(module))
        others = {package_of(other) for other in imported_modules(module)} - {package}
        graph.setdefault(package, set()).update(others)
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_modules_form_no_circle() -> None:
    graph = {
        dotted(module): set(imported_modules(module)) - {dotted(module)} for module in modules()
    }
    TopologicalSorter(graph).prepare()


def test_no_test_imports_another_test_module() -> None:
    texts = {path: path.read_text("utf-8") for path in (ROOT / "tests").rglob("*.py")}
    wrong = re.compile(r"^(?:from|import) tests\.(?:\w+\.)*(?:test_\w+|conftest)\b", re.MULTILINE)
    assert wrong.search("from tests.export.test_rpz import ROWS")
    assert not [path for path, text in texts.items() if wrong.search(text)]
