"""Invented distributions: entry points and modules in a folder on sys.path."""

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from blocklist.parse.registry import load_format

#: Install a distribution: its name, its group, its entry points and its modules' texts.
InstallPlugin = Callable[..., None]


@pytest.fixture
def install_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InstallPlugin]:
    """Give a function that installs a distribution, or another version of it, for a test."""
    modules = set[str]()

    def forget() -> None:
        for module in modules:
            sys.modules.pop(module, None)
        load_format.cache_clear()

    def install(
        name: str, group: str, entry_points: dict[str, str], version: str = "1.5", **texts: str
    ) -> None:
        forget()
        site = tmp_path / "site" / name
        shutil.rmtree(site, ignore_errors=True)
        info = site / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        lines = [f"{key} = {module}" for key, module in entry_points.items()]
        (info / "entry_points.txt").write_text("\n".join([f"[{group}]", *lines]))
        for module, text in texts.items():
            (site / f"{module}.py").write_text(text)
        modules.update(texts)
        monkeypatch.syspath_prepend(str(site))

    yield install
    forget()
