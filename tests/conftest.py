"""What every test shares: how examples are searched, and what a test may ask of the machine."""

import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings

from tests.support.cli import Run, commands
from tests.support.installation import Installation, copy_installation, make_installation
from tests.support.process import SYSTEM_PATH

# The same examples in every run: a red test is red for everyone. .ci/run takes more of them, and
# HYPOTHESIS_PROFILE=explore looks further still, and remembers what it found.
settings.register_profile("fast", derandomize=True, deadline=None, database=None, max_examples=8)
settings.register_profile("ci", settings.get_profile("fast"), max_examples=100)
settings.register_profile("explore", deadline=None, max_examples=5000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))

# Small frames gain nothing from threads, and workers that share cores lose by them. Whoever looks
# further has them, for an order that only threads disturb.
if "PYTEST_XDIST_WORKER" in os.environ and "HYPOTHESIS_PROFILE" not in os.environ:
    os.environ.setdefault("POLARS_MAX_THREADS", "1")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Give `-n auto` a worker more than there are cores, for some wait for clocks and servers."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_finish() -> None:
    """Leave what importing and collecting made out of each search for garbage: a tenth faster."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what this machine cannot run, and say why; CI may not skip for a missing server."""
    for mark in item.iter_markers("e2e"):
        require_programs(mark.args)
    if item.get_closest_marker("corpus") and "BLOCKLIST_CORPUS" not in os.environ:
        pytest.skip("BLOCKLIST_CORPUS names no folder of real feeds")


def require_programs(programs: tuple[str, ...]) -> None:
    """Skip, or fail when BLOCKLIST_REQUIRE_SERVERS=1, unless all `programs` are installed."""
    missing = [program for program in programs if not shutil.which(program, path=SYSTEM_PATH)]
    if not missing:
        return
    message = f"not installed: {', '.join(missing)}"
    if os.environ.get("BLOCKLIST_REQUIRE_SERVERS") == "1":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Give the folder of real feeds; the test also needs `@pytest.mark.corpus`."""
    folder = Path(os.environ["BLOCKLIST_CORPUS"]).resolve()
    assert folder.is_dir(), f"BLOCKLIST_CORPUS={folder} is not a folder"
    return folder


@pytest.fixture
def public_path() -> Iterator[Path]:
    """Give a temporary folder that other users reach; `tmp_path` is this user's alone."""
    with TemporaryDirectory(prefix="blocklist-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture
def copied(ready: Path, tmp_path: Path) -> Path:
    """Give a copy of the folder that the test's module made once, as its fixture `ready`."""
    return Path(shutil.copytree(ready, tmp_path, dirs_exist_ok=True))


@pytest.fixture
def run(copied: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a function that runs a command in such a copy."""
    return commands(copied, monkeypatch, capsys)


@pytest.fixture(scope="session")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of an installation after one successful run."""
    return make_installation(tmp_path_factory.mktemp("healthy"))


@pytest.fixture
def installed(
    healthy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Installation]:
    """Give a copy of that installation."""
    with copy_installation(healthy, tmp_path, monkeypatch) as copy:
        yield copy
