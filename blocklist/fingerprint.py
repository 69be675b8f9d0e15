"""Fingerprint the installed program: package files -> digest. A new digest voids cached results."""

import sys
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import Path

# They decide what a name is, what a public suffix is, and how columns compare.
_DEPENDENCIES = ("ada_url", "idna", "polars", "tldextract")


@cache
def program_fingerprint() -> str:
    """Return what tells one installation of the program from another.

    A version number would not: who follows the trunk has the same one for weeks.
    """
    seen = sha256(sys.version.encode())
    for name, content in _package_files(files("blocklist")):
        seen.update(f"{name} {len(content)} ".encode() + content)
    for name in _DEPENDENCIES:
        found = find_spec(name)  # which does not load it
        if found and found.origin:
            stat = Path(found.origin).stat()
            seen.update(f"{name} {stat.st_size} {stat.st_mtime_ns} ".encode())
    return seen.hexdigest()


def _package_files(folder: Traversable) -> Iterator[tuple[str, bytes]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_file():
            yield entry.name, entry.read_bytes()
        elif entry.is_dir() and entry.name != "__pycache__":
            yield from _package_files(entry)
