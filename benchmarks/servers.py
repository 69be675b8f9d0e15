"""What a list of N names costs each server: until it blocks, memory, a reload, and the gap in it.

    python -m benchmarks.servers [N [ROUNDS [SERVER...]]]

Every name stands for itself and for all below it. A server is ready when it blocks the canary of
its file, and has reloaded when it blocks that of the next one, in which one name is another. In the
meantime it is asked for a name that is not listed; the gap is the longest wait for an answer.
"""

import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from benchmarks.generate import names
from benchmarks.measure import cost
from blocklist.config.dns_servers import DnsServer
from blocklist.config.exports import Export
from blocklist.config.targets import load_targets
from blocklist.export.render.canary import derive_canaries
from blocklist.export.render.state import ExportResult
from blocklist.export.update import export_one
from blocklist.frames.schemas import RELEASE
from blocklist.install.canary_probe import ProbeAnswer, find_load_fault, probe_server
from blocklist.install.command import fill_words, find_program, run_command
from tests.e2e.reloading import SERVERS, Running
from tests.e2e.servers import open_resolver
from tests.support.exports import NOW, ZONE

_OPEN = "good.blocklist-benchmark.example"
_PATIENCE = 600


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds until ready, of the reload and of the gap; MiB when ready and at most.

    The seconds of CPU say the same where other work slows the machine down.
    """

    ready: float
    ready_cpu: float
    reload: float
    reload_cpu: float
    gap: float
    memory: float
    peak: float


def exported(
    folder: Path, target: str, rows: pl.DataFrame, release: int
) -> tuple[Export, ExportResult]:
    """Write a file for a target, without its checker."""
    known = load_targets(folder)[target]
    zone = ZONE if known.needs_zone else None
    export = Export("office", replace(known, check=()), folder / f"blocklist.{release}", zone=zone)
    return export, export_one(export, rows, release, None, NOW)


def wait(server: DnsServer, export: Export, result: ExportResult) -> None:
    """Wait until a server has loaded a file."""
    told = derive_canaries(export, result.state)
    assert told is not None
    while find_load_fault(server, told):
        time.sleep(0.05)


@contextmanager
def asking(server: DnsServer) -> Iterator[list[float]]:
    """Ask all the while; give the list of how long each answer took."""
    waits, over = [0.0], threading.Event()

    def look() -> None:
        start = time.perf_counter()
        while not over.is_set():
            if probe_server(server, _OPEN) is ProbeAnswer.RESOLVES:
                waits.append(time.perf_counter() - start)
                time.sleep(0.01)
                start = time.perf_counter()

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield waits
    finally:
        over.set()
        thread.join()


def memory(running: Running, line: str) -> float:
    """Return a size from a process' status, in MiB."""
    status = Path(f"/proc/{running.pid}/status").read_text().splitlines()
    (found,) = (text.split()[1] for text in status if text.startswith(f"{line}:"))
    return int(found) / 1024


def cpu(running: Running) -> float:
    """Return the seconds of CPU that a process has used."""
    used = Path(f"/proc/{running.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, used)) / os.sysconf("SC_CLK_TCK")


def measured(name: str, rows: pl.DataFrame, other: pl.DataFrame, upstream: int) -> Took:
    """Start a server with one file and give it another."""
    start, target = SERVERS[name]
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        first, result = exported(folder, target, rows, 1)
        second, next_result = exported(folder, target, other, 2)
        began = time.perf_counter()
        with start(folder, first.path, upstream) as running:
            wait(running.server, first, result)
            ready, worked = time.perf_counter() - began, cpu(running)
            resident = memory(running, "VmRSS")
            with asking(running.server) as waits:
                began = time.perf_counter()
                second.path.replace(first.path)
                if words := fill_words(running.reload, {"zone": ZONE}):
                    run_command(words, _PATIENCE, os.environ, "nothing")
                wait(running.server, second, next_result)
                reload = time.perf_counter() - began
            again, peak = cpu(running) - worked, memory(running, "VmHWM")
            return Took(ready, worked, reload, again, max(waits), resident, peak)


def checked(target: str, rows: pl.DataFrame) -> float | None:
    """Return how many seconds the target's checker takes for a file."""
    with tempfile.TemporaryDirectory() as text:
        export, _ = exported(Path(text), target, rows, 1)
        check = load_targets(Path(text))[target].check
        if not check or not find_program(check[0]):
            return None
        return cost(fill_words(check, {"file": str(export.path), "zone": ZONE})).wall


def blocks(found: pl.Series) -> pl.DataFrame:
    """Return the rows of a release that blocks names and all below them."""
    rows = found.to_frame("value").select(
        kind=pl.lit("domain"), value="value", scope=pl.lit("subtree"), action=pl.lit("block")
    )
    return rows.cast(RELEASE)


def main(count: int, rounds: int, *chosen: str) -> None:
    """Print a line for each server, with the least and the most of all rounds."""
    found = names(count)
    rows, other = blocks(found), blocks(found[:-1].append(pl.Series(["other.example"])))
    print(f"{count:,} names, {rounds} rounds: least to most")
    with tempfile.TemporaryDirectory() as text, open_resolver(Path(text)) as upstream:
        for name in chosen or SERVERS:
            took = [measured(name, rows, other, upstream) for _ in range(rounds)]
            shown = [
                f"{field} {min(values):.1f} to {max(values):.1f}"
                for field in Took.__dataclass_fields__
                for values in [[getattr(one, field) for one in took]]
            ]
            print(f"{name}: {', '.join(shown)}", flush=True)
        for target in dict.fromkeys(SERVERS[name][1] for name in chosen or SERVERS):
            if seconds := checked(target, rows):
                print(f"checker of {target}: {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    size, repeats, *servers = [*sys.argv[1:], *("100_000", "3")[len(sys.argv) - 1 :]]
    main(int(size), int(repeats), *servers)
