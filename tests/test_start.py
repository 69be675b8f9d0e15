"""A person who asks about one name waits for the start: it loads nothing that only others need."""

import subprocess
import sys

HEAVY = {"aiohttp", "asyncio", "polars", "sqlite_utils", "tldextract", "adbc_driver_sqlite"}
CODE = """
import sys
import blocklist.check, blocklist.cli.app, blocklist.ledger.connection, blocklist.ledger.lookup
print(*sys.modules)
"""


def test_check_loads_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert HEAVY & set(done.stdout.split()) == set()
