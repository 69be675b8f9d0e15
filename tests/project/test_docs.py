"""Compare README.md and docs/ with the program: output, commands, keys, reasons, paths, links."""

import re
import tomllib
from pathlib import Path

import pytest
from typer.core import TyperCommand

from blocklist import errors
from blocklist.config import loader
from blocklist.config.reference import KEY_TABLES, render_template
from blocklist.config.targets import load_targets
from blocklist.ledger.db.connection import open_read_only, prepare_database
from blocklist.model import GuardClass, Kind, Reason, Verdict
from blocklist.parse.registry import load_formats
from blocklist.plugins import DIALECT_EXTENSIONS, FORMAT_EXTENSIONS, READER_EXTENSIONS
from tests.support.docs import DOCUMENTS, ROOT, leaves, made, root

DOCS = ROOT / "docs"
PACKAGE = ROOT / "blocklist"
names = [str(document.relative_to(ROOT)) for document in DOCUMENTS]


def read(name: str) -> str:
    """Return the text of a document, by its path below docs/."""
    return (DOCS / name).read_text(encoding="utf-8")


def first_cells(text: str) -> set[str]:
    """Return all code spans in the first cells of table rows."""
    rows = re.findall(r"^\| ([^|]*)\|", text, re.MULTILINE)
    return {code for row in rows for code in re.findall(r"`([^`]+)`", row)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=names)
def test_generated_parts_are_current(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert made(document, text) == text, "write them with: make docs"


# --- Commands ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "command"), list(leaves(root(), "blocklist")))
def test_every_command_is_documented_and_has_help(name: str, command: TyperCommand) -> None:
    assert f"\n## {name}\n" in read("reference/cli.md")
    assert command.help
    for param in command.params:
        assert getattr(param, "help", None), f"{name}: {param.name} has no help"


def test_every_command_in_the_documents_exists() -> None:
    known = {name for name, _ in leaves(root(), "blocklist")}
    known |= {name.rpartition(" ")[0] for name in known}
    used = {
        (document.name, words)
        for document in DOCUMENTS
        for words in re.findall(
            r"(?:^|[`$] ?)(blocklist(?: [a-z]+){1,2})", document.read_text("utf-8"), re.MULTILINE
        )
    }
    unknown = [
        (where, words)
        for where, words in used
        if words not in known and words.rpartition(" ")[0] not in known
    ]
    assert used
    assert not unknown


def test_every_exit_code_is_documented() -> None:
    table = set(re.findall(r"^\| (\d) \|", read("reference/exit-codes.md"), re.MULTILINE))
    of_errors = {
        str(error.exit_code)
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, errors.BlocklistError)
    }
    assert table == {"0", "1", "4"} | of_errors


# --- Configuration ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", KEY_TABLES)
def test_every_key_is_in_the_reference(name: str) -> None:
    assert f"<!-- keys: {name} -->" in read("reference/configuration.md")
    assert {key.doc[-1] for key in KEY_TABLES[name].values()} == {"."}, "sentences"
    assert not [key.name for key in KEY_TABLES[name].values() if "](" in key.doc], "no links"


def test_every_table_of_the_configuration_is_in_the_reference() -> None:
    in_other_tables = {"guards"}  # the keys of feeds
    tables = {name for name, key in KEY_TABLES["blocklist"].items() if key.type.base is not str}
    assert tables - in_other_tables <= KEY_TABLES.keys()


def test_the_template_describes_its_keys() -> None:
    lines = render_template().splitlines()
    assert max(map(len, lines)) <= 100
    comments = [line.partition("# ")[2] for line in lines if " = " in line and "# " in line]
    assert "The lowest score that blocks, 0 to 1" in comments
    assert not re.findall(r"\{\w+\.\w+\}", render_template())


def test_the_template_names_every_target() -> None:
    words = re.findall(r"[\w-]+", render_template())
    missing = {path.stem for path in (ROOT / "exports").glob("*.toml")} - {*words}
    assert not missing
    assert "docs/reference/configuration.md of the source" in render_template(), "no wheel has it"
    system = render_template("/var/lib/blocklist/")
    assert 'file "/var/lib/blocklist/out/db.rpz"' in system, "where the export writes it"


def test_the_examples_in_the_template_are_right(tmp_path: Path) -> None:
    path = tmp_path / "blocklist.toml"
    path.write_text(re.sub(r"(?m)^# (?=\[\w|\w+ = )", "", render_template()), encoding="utf-8")
    config = loader.load_config(path)
    assert config.feeds["mine"].category == "fraud"
    assert config.exports["dns"].installation.probe == ("127.0.0.1",)
    assert config.exports["firewall"].target.name == "nftables"


def blocks() -> list[tuple[str, str]]:
    found = [
        (document.name, block)
        for document in DOCUMENTS
        for block in re.findall(r"```toml\n(.*?)```", document.read_text("utf-8"), re.DOTALL)
    ]
    assert found
    return found


@pytest.mark.parametrize(("document", "block"), blocks())
def test_configurations_in_the_documents_are_right(
    tmp_path: Path, document: str, block: str
) -> None:
    table = tomllib.loads(block)
    if "project" in table:
        kinds = (FORMAT_EXTENSIONS, DIALECT_EXTENSIONS, READER_EXTENSIONS)
        assert table["project"]["entry-points"].keys() == {kind.group for kind in kinds}
        return
    if "dialect" in table:
        (tmp_path / "exports").mkdir()
        (tmp_path / "exports" / "own.toml").write_text(block)
        assert "own" in load_targets(tmp_path)
        return
    path = tmp_path / "blocklist.toml"
    path.write_text(block, encoding="utf-8")
    loader.load_config(path)


# --- Words ------------------------------------------------------------------------------------


def test_every_verdict_and_reason_is_explained() -> None:
    explained = first_cells(read("reference/verdicts.md")) | {"url-only"}
    assert set(Verdict) | (set(Reason) - {Reason.STALE}) <= explained
    assert "`url-only`" in read("reference/verdicts.md")


def test_every_guard_class_is_explained() -> None:
    cells = first_cells(read("reference/configuration.md"))
    assert {f'"{kind}"' for kind in GuardClass} <= cells


def test_every_format_has_a_section() -> None:
    sections = set(re.findall(r"^## ([a-z-]+)$", read("reference/formats.md"), re.MULTILINE))
    assert sections == set(load_formats())


def refusals_in_the_code() -> set[str]:
    """Return every refusal reason that is a literal in the code."""
    sources = {path: path.read_text("utf-8") for path in PACKAGE.rglob("*.py")}
    found = {
        reason
        for text in sources.values()
        for reason in re.findall(r'InvalidIndicator\("([a-z-]+)"', text)
    }
    for path, text in sources.items():
        if "parse" in path.parts:
            found |= set(re.findall(r'_one_line\(text, "([a-z-]+)"', text))
            found |= set(re.findall(r'reason=.*?(?:lit|then)\("([a-z-]+)"', text))
            found |= set(re.findall(r'pl\.lit\("([a-z-]+)"\)\)\)?$', text, re.MULTILINE))
            found |= set(re.findall(r'^        \("([a-z-]+)", ', text, re.MULTILINE))
    return found - {
        "redirect-address",
        "host",
        "schemeless-url",
        *Kind,
    }  # counted, and words for how to read


def test_every_refusal_is_explained() -> None:
    section = (
        read("reference/formats.md").partition("## Why a line is refused")[2].partition("\n## ")[0]
    )
    reasons = refusals_in_the_code()
    assert len(reasons) > 20
    assert reasons <= first_cells(section)


def test_every_package_is_described() -> None:
    packages = {path.name.removesuffix(".py") for path in PACKAGE.iterdir()}
    packages = {name for name in packages if name.isidentifier() and not name.startswith("_")}
    section = read("architecture.md").partition("## Packages")[2].partition("\n## ")[0]
    assert packages <= first_cells(section)


def test_every_table_of_the_ledger_is_described(tmp_path: Path) -> None:
    prepare_database(tmp_path / "x.db")
    with open_read_only(tmp_path / "x.db") as reader:
        assert reader is not None
        names = reader.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    tables = {name for (name,) in names if not name.startswith(("sqlite_", "_"))}
    section = read("explanation/ledger.md").partition("## Tables")[2].partition("\n## ")[0]
    assert tables == first_cells(section)


# --- Catalogue --------------------------------------------------------------------------------


def test_shipped_targets(tmp_path: Path) -> None:
    known = load_targets(tmp_path)
    assert known.keys() == {path.stem for path in (ROOT / "exports").glob("*.toml")}
    assert {f"`{name}`" for name in known} <= {
        f"`{code}`" for code in re.findall(r"`([a-z-]+)`", read("reference/configuration.md"))
    }


# --- Links ------------------------------------------------------------------------------------


def anchor(heading: str) -> str:
    kept = re.sub(r"[^a-z0-9 _-]", "", heading.lower())
    return kept.strip().replace(" ", "-")


@pytest.mark.parametrize("document", DOCUMENTS, ids=names)
def test_links_resolve(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text("utf-8")):
        if target.startswith("https://"):
            continue
        place, _, fragment = target.partition("#")
        file = (document.parent / place).resolve() if place else document
        assert file.exists(), f"{target} is nowhere"
        if fragment:
            headings = re.findall(r"^#+ (.*)$", file.read_text("utf-8"), re.MULTILINE)
            assert fragment in map(anchor, headings), f"{target} is nowhere"


@pytest.mark.parametrize("document", DOCUMENTS, ids=names)
def test_no_place_of_one_machine(document: Path) -> None:
    text = document.read_text("utf-8")
    assert not re.findall(r"/(?:work|tmp|root|home)/\S+", text)


@pytest.mark.parametrize("document", DOCUMENTS, ids=names)
def test_paths_exist(document: Path) -> None:
    """Check every path of a module, data file or folder that a document names as code."""
    only_in_a_wheel = {"blocklist/_catalogue/"}
    roots = (ROOT, PACKAGE)
    pattern = r"`((?:[\w-][\w.-]*/)+[\w.-]*)`"
    for path in set(re.findall(pattern, document.read_text("utf-8"))) - only_in_a_wheel:
        first = path.partition("/")[0]
        if "NAME" not in path and any((root / first).is_dir() for root in roots):
            assert any((root / path).exists() for root in roots), f"{path} does not exist"


# --- Site -------------------------------------------------------------------------------------


def test_every_page_is_in_the_navigation() -> None:
    config = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    pages = re.findall(r"^ +- (?:[^:]+: )?([\w/-]+\.md)$", config, re.MULTILINE)
    assert sorted(pages) == sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))
