"""Cut the power at random instants of the main job, as far as files show it, and look at the rest.

    python -m benchmarks.powercuts [ROUNDS [SEED]]

The job is stopped, its folder copied, and it goes on. The copy is then what is on a disk after a
power cut: what was synced is all there, and of what was not yet, anything. So what follows the last
commit in the write-ahead log is torn, and so are files that are not renamed into their place yet;
shared memory is gone. What was not synced because nobody asked for it is not seen so.
"""

import os
import random
import shutil
import signal
import struct
import sys
import tempfile
from pathlib import Path

from benchmarks import crashes

_HEADER, _FRAME = 32, 24


def cut(folder: Path, chance: random.Random, usual: float) -> str | None:
    """Cut the power in a copy at a random instant; return what that hit, None when all was done."""
    crashes.change(folder, chance)
    before = crashes.progress(folder)
    with tempfile.TemporaryDirectory(prefix="blocklist-powercuts-") as scratch:
        copy = Path(scratch) / "copy"
        child = crashes.start(folder, "run")
        hit = crashes.lives(child, chance.uniform(0, usual))
        if hit:
            os.kill(child, signal.SIGSTOP)
            os.waitid(os.P_PID, child, os.WSTOPPED)
            shutil.copytree(folder, copy)
            os.kill(child, signal.SIGCONT)
        _, status = os.waitpid(child, 0)
        if os.waitstatus_to_exitcode(status):
            raise crashes.Fault("a run that was stopped for an instant does not complete")
        return after(copy, before, chance) if hit else None


def after(copy: Path, before: crashes.Progress, chance: random.Random) -> str:
    """Tear what was not synced, look, and let the next run complete; return what was hit."""
    torn = tear(copy, chance)
    hit = crashes.looked(copy, before)
    crashes.change(copy, chance)
    crashes.whole_run(copy)
    return f"{hit}{', the log torn' if torn else ''}"


def tear(folder: Path, chance: random.Random) -> bool:
    """Do to what was not synced what a power cut may do; return whether the log had any of it."""
    (folder / "blocklist.db-shm").unlink(missing_ok=True)
    for unfinished in (folder / "out").glob(".*.new"):
        os.truncate(unfinished, chance.randint(0, unfinished.stat().st_size))
    log = folder / "blocklist.db-wal"
    if not log.exists():
        return False
    content = log.read_bytes()
    kept, size = committed(content), len(content)
    if kept == size:
        return False
    content = content[: chance.randint(kept, size)]
    start = chance.randint(kept, len(content))
    log.write_bytes(content[:start] + chance.randbytes(len(content) - start))
    return True


def committed(log: bytes) -> int:
    """Return where the last commit ends (https://sqlite.org/fileformat2.html#walformat)."""
    if len(log) < _HEADER:
        return 0
    (page,) = struct.unpack_from(">I", log, 8)
    salts, end = log[16:24], 0
    for place in range(_HEADER, len(log) - _FRAME - page + 1, _FRAME + page):
        if log[place + 8 : place + 16] != salts:
            break  # left from before the log was begun anew
        if struct.unpack_from(">I", log, place + 4)[0]:
            end = place + _FRAME + page
    return end


def main(rounds: int = 200, seed: int = 1) -> None:
    """Cut the power so often and print what the cuts hit."""
    hits = crashes.played(rounds, seed, cut)
    print(f"{hits.total():5}  power cuts, none with a fault")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
