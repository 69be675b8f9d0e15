"""A person who asks about one name waits for the start: it loads nothing that only others need."""

import os
import subprocess
import sys

import pytest

from tests.support.start import HEAVY

CODE = """
import sys
import blocklist.check.single, blocklist.cli.app
import blocklist.ledger.db.connection, blocklist.ledger.lookup
print(*sys.modules)
"""


def test_check_loads_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert HEAVY & set(done.stdout.split()) == set()


@pytest.mark.parametrize(
    ("own", "expected"),
    [(None, "narenas:1,"), ("dirty_decay_ms:0", "dirty_decay_ms:0")],
    ids=["none is set", "a person's own choice stands"],
)
def test_memory_that_one_thread_gave_back_serves_the_next(own: str | None, expected: str) -> None:
    code = """
import os, sys
from blocklist.cli import main
sys.argv[1:] = ["--help"]
try:
    main()
except SystemExit:
    print("asked for:", os.environ["_RJEM_MALLOC_CONF"], "polars" in sys.modules)
"""
    names = {name: value for name, value in os.environ.items() if name != "_RJEM_MALLOC_CONF"}
    told = names | ({"_RJEM_MALLOC_CONF": own} if own else {})
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=told)
    said = done.stdout.partition("asked for: ")[2]
    assert said.startswith(expected)
    assert said.endswith("False\n"), "it is read when polars is imported, and so set before"
