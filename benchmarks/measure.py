"""Run a command and say what it took; write results down with the machine they are of."""

import json
import os
import platform
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process and its children took: seconds of wall and CPU, MiB of memory at most."""

    wall: float
    cpu: float
    peak: float


def cost(command: list[str], given: Path | None = None, expected: tuple[int, ...] = (0,)) -> Cost:
    """Run a command, its input read from a file and its output thrown away.

    Raise `RuntimeError` when it ends with another code than those `expected`.
    """
    start = time.perf_counter()
    with (given or Path(os.devnull)).open("rb") as stdin, Path(os.devnull).open("wb") as void:
        process = subprocess.Popen(
            command, stdin=stdin, stdout=void, stderr=void, env={**os.environ, "LC_ALL": "C"}
        )
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in expected:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    wall = time.perf_counter() - start
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def median(costs: list[Cost]) -> Cost:
    """Return the run in the middle by its wall time."""
    return sorted(costs, key=lambda one: one.wall)[len(costs) // 2]


def record(name: str, size: int, costs: Mapping[str, Cost]) -> None:
    """Append what was measured to `results/NAME.jsonl`, with machine and versions."""
    RESULTS.mkdir(exist_ok=True)
    row = {
        "when": datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ"),
        "size": size,
        "machine": {"cores": os.cpu_count(), "processor": platform.machine()},
        "versions": {
            "python": platform.python_version(),
            "polars": version("polars"),
            "sqlite": sqlite3.sqlite_version,
            "blocklist": version("blocklist"),
        },
        "costs": {what: asdict(one) for what, one in costs.items()},
    }
    with (RESULTS / f"{name}.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")


def blocklist(config: Path) -> list[str]:
    """Return how this program is called with a configuration."""
    return [sys.executable, "-m", "blocklist", "--quiet", "--config", str(config)]
