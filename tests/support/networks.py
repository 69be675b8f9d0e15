"""A network of nobody else for real firewalls, and a release of networks with its meaning."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.process import SYSTEM_PATH

RELEASE = """
block 192.0.2.0/24
block 192.0.2.128/25
allow 192.0.2.77
block 198.51.100.7
block 2001:db8::/32
"""
#: The IPv4 networks that it means.
IPV4 = [
    "192.0.2.0/26",
    "192.0.2.64/29",
    "192.0.2.72/30",
    "192.0.2.76",
    "192.0.2.78/31",
    "192.0.2.80/28",
    "192.0.2.96/27",
    "192.0.2.128/25",
    "198.51.100.7",
]


def in_a_network(script: str, *paths: Path) -> str:
    """Run a shell script with the paths as its arguments, root in a network of nobody else."""
    done = subprocess.run(
        ["unshare", "-rn", "sh", "-euc", script, "sh", *map(str, paths)],
        check=False,
        capture_output=True,
        text=True,
        timeout=20,
        env={**os.environ, "PATH": SYSTEM_PATH},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def kept_network() -> Iterator[tuple[str, ...]]:
    """Keep a network of nobody else; give the words before a command that runs in it as root."""
    words = ["unshare", "-rn", "sh", "-c", "echo ready; exec cat"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout and holder.stdin
        assert holder.stdout.readline() == b"ready\n"
        yield ("nsenter", "--preserve-credentials", "-U", "-n", "-t", str(holder.pid))
        holder.stdin.close()


def run_in(network: tuple[str, ...], script: str) -> str:
    """Run a shell script in a kept network; return its output."""
    words = [*network, "sh", "-euc", script]
    env = {**os.environ, "PATH": SYSTEM_PATH}
    done = subprocess.run(words, check=True, capture_output=True, text=True, timeout=20, env=env)
    return done.stdout
