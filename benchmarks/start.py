"""How long a person waits for `blocklist check NAME`, in starts of a bare interpreter."""

import subprocess
import sys
import time
from pathlib import Path

CONFIG = Path(__file__).parent.parent / "examples" / "quickstart" / "blocklist.toml"
BLOCKLIST = [sys.executable, "-m", "blocklist", "--quiet", "--config", str(CONFIG)]
ROUNDS = 15
REACH = 10


def best(command: list[str]) -> float:
    """Return the shortest wall time of `command`: the one with the least noise."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    """Fill the quickstart's ledger, then compare."""
    subprocess.run([*BLOCKLIST, "run"], check=True, stdout=subprocess.DEVNULL)
    bare = best([sys.executable, "-I", "-c", "pass"])
    check = best([*BLOCKLIST, "check", "example.com"])
    print(
        f"check NAME: {check * 1000:.0f} ms, bare interpreter: {bare * 1000:.0f} ms, "
        f"ratio {check / bare:.1f} (reach {REACH})"
    )


if __name__ == "__main__":
    main()
