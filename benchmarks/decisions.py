"""How long a name stays blocked after `allow add --now`, while runs are in progress.

    python -m benchmarks.decisions [N [SERVER...]]

A server has a list of N names. One run after the other is in progress, each with a hundredth of the
names changed. In the meantime 20 names are allowed, one after the other, and the server is asked
all the while: the seconds from the start of the command to the first answer with an address.
`BIND hot` and so on have a hot zone before the list. `nft` is a set of N addresses in the kernel,
in a network of its own.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.generate import names
from benchmarks.measure import blocklist
from blocklist.install.canary_probe import ProbeAnswer, probe_server
from tests.e2e.reloading import SERVERS, Running
from tests.e2e.servers import open_resolver, short_folder
from tests.support.exports import ZONE

DECISIONS, REACH = 20, 5.0
_PATIENCE = 900
_KERNEL, _HOT = "nft", " hot"
_CONFIG = """
[feeds.{kind}]
url = "{kind}.txt"
format = "{kind}"
"""
_EXPORT = """
[exports.office]
target = "{target}"
path = "list"
{keys}
"""
IsOpen = Callable[[str], bool]


class Installation:
    """A folder with a configuration, a feed that can change, and the program."""

    def __init__(self, folder: Path, listed: list[str], kind: str) -> None:
        self.folder, self.kind, self._listed, self._day = folder, kind, listed, 0
        self._write()

    def configure(self, target: str, *keys: str) -> None:
        """Write the configuration, with keys of its export."""
        export = _EXPORT.format(target=target, keys="\n".join(keys))
        (self.folder / "blocklist.toml").write_text(_CONFIG.format(kind=self.kind) + export)

    def change_feed(self) -> None:
        """Replace a hundredth of the names that no decision is about."""
        self._day += 1
        for place in range(DECISIONS + self._day % 97, len(self._listed), 100):
            self._listed[place] = self._invent(place)
        self._write()

    def start(self, *words: str) -> "subprocess.Popen[bytes]":
        """Start a command of the program."""
        command = [*blocklist(self.folder / "blocklist.toml"), *words]
        null = subprocess.DEVNULL
        return subprocess.Popen(command, stdin=null, stdout=null)

    def run(self, *words: str) -> None:
        """Run a command of the program; raise `RuntimeError` if it fails."""
        if code := self.start(*words).wait(_PATIENCE):
            raise RuntimeError(f"{' '.join(words)} ended with {code}")

    def _invent(self, place: int) -> str:
        if self.kind == "domains":
            return f"day{self._day}-{place}.example-{place % 977}.com"
        return f"46.{self._day % 128}.{place >> 7 & 255}.{2 * place & 255}"

    def _write(self) -> None:
        temporary = self.folder / "new"
        temporary.write_text("\n".join(self._listed) + "\n")
        temporary.replace(self.folder / f"{self.kind}.txt")


@contextmanager
def runs_in_progress(installation: Installation) -> Iterator[list[float]]:
    """Run the main job again and again; give the list of how long each took."""
    seconds, over = list[float](), threading.Event()

    def work() -> None:
        while not over.is_set():
            begin = time.perf_counter()
            installation.change_feed()
            installation.run("run")
            seconds.append(time.perf_counter() - begin)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield seconds
    finally:
        over.set()
        thread.join()


def open_names(installation: Installation, decided: list[str], is_open: IsOpen) -> list[float]:
    """Allow one name after the other; return how long each stayed blocked."""
    seconds = []
    for name in decided:
        if is_open(name):
            raise RuntimeError(f"{name} is open before it is allowed")
        begin = time.perf_counter()
        command = installation.start("allow", "add", name, "--now")
        while not is_open(name):
            if time.perf_counter() > begin + _PATIENCE:
                raise RuntimeError(f"{name} is not open after {_PATIENCE} s")
            time.sleep(0.01)
        seconds.append(time.perf_counter() - begin)
        if code := command.wait(_PATIENCE):
            raise RuntimeError(f"allow add {name} ended with {code}")
    return seconds


@contextmanager
def server_with_list(name: str, count: int, upstream: int) -> Iterator[tuple[Installation, IsOpen]]:
    """Give an installation whose list a server has loaded."""
    hot = name.endswith(_HOT)
    start, target = SERVERS[name.removesuffix(_HOT)]
    with tempfile.TemporaryDirectory() as text, short_folder() as folder:
        installation = Installation(Path(text), names(count).to_list(), "domains")
        zone = f'zone = "{ZONE}"' if target.startswith("rpz") else ""
        zone += "\nhot = true" if hot else ""
        installation.configure(target, zone)
        installation.run("run")
        with start(
            folder, installation.folder / "list", upstream, **({"hot": True} if hot else {})
        ) as server:
            installation.configure(target, zone, *_describe_server(server))
            installation.run("export")

            def is_open(asked: str) -> bool:
                return probe_server(server.server, asked) is ProbeAnswer.RESOLVES

            yield installation, is_open


def _describe_server(server: Running) -> list[str]:
    probe = f'probe = ["127.0.0.1#{server.port}"]'
    return [
        f"reload = {list(server.reload)}",
        probe,
        f"probe_timeout = {_PATIENCE}",
        f"timeout = {_PATIENCE}",
    ]


@contextmanager
def kernel_with_list(count: int) -> Iterator[tuple[Installation, IsOpen]]:
    """Give an installation whose list is in a set of the kernel."""
    # Every second address, so that no two are joined; 45.0.0.0/8 is no reserved network.
    listed = [f"45.{n >> 15 & 255}.{n >> 7 & 255}.{2 * n & 255}" for n in range(count)]
    with tempfile.TemporaryDirectory() as text:
        installation = Installation(Path(text), listed, "ips")
        installation.configure("nftables", 'reload = ["nft", "-f", "{file}"]')
        installation.run("run")

        def is_open(address: str) -> bool:
            element = f"inet blocklist blocklist4 {{ {address} }}"
            look = ["nft", "get", "element", element]
            return subprocess.run(look, capture_output=True, check=False).returncode != 0

        yield installation, is_open


def measure(name: str, count: int, upstream: int) -> None:
    """Print the median and the worst of the decisions for one server."""
    made = kernel_with_list(count) if name == _KERNEL else server_with_list(name, count, upstream)
    with made as (installation, is_open):
        decided = (installation.folder / f"{installation.kind}.txt").read_text().split()
        with runs_in_progress(installation) as runs:
            seconds = open_names(installation, decided[:DECISIONS], is_open)
    print(
        f"{name}: median {statistics.median(seconds):.2f} s, worst {max(seconds):.2f} s of "
        f"{len(seconds)}; reach {REACH:g}; {len(runs)} runs of {statistics.median(runs):.1f} s "
        "meanwhile",
        flush=True,
    )


def main(count: int, *chosen: str) -> None:
    """Print a line for each server."""
    print(f"{count:,} names, {DECISIONS} decisions while runs are in progress")
    with short_folder() as folder, open_resolver(folder) as upstream:
        for name in chosen or (*SERVERS, _KERNEL):
            measure(name, count, upstream)


def enter_own_network() -> None:
    """Start this program again in a network of its own, where it may change the firewall."""
    if "BLOCKLIST_OWN_NETWORK" not in os.environ:
        program = [sys.executable, "-m", "benchmarks.decisions", *sys.argv[1:]]
        script = 'ip link set lo up; exec "$@"'
        environment = {**os.environ, "BLOCKLIST_OWN_NETWORK": "1"}
        # Only the machine's own root may send the kernel more than some thousand elements at once.
        options = "-n" if os.geteuid() == 0 else "-rn"
        command = ["unshare", options, "sh", "-euc", script, "sh", *program]
        os.execvpe(command[0], command, environment)


if __name__ == "__main__":
    enter_own_network()
    size, *servers = sys.argv[1:] or ["100000"]
    main(int(size), *servers)
