"""Fingerprint the installed program: package files -> digest. A new digest voids cached results."""

import sys
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import Path

# Libraries that decide what a name is, what a public suffix is, and how columns compare.
_DEPENDENCIES = ("ada_url", "idna", "polars", "tldextract")


@cache
def program_fingerprint() -> str:
    """Return a digest that differs between installations of the program.

    A version number is not enough, because users of the development branch keep the same one for
    weeks.
    """
    digest = sha256(sys.version.encode())
    for name, content in _package_files(files("blocklist")):
        digest.update(f"{name} {len(content)} ".encode() + content)
    for name in _DEPENDENCIES:
        spec = find_spec(name)  # finds it without loading it
        if spec and spec.origin:
            stat = Path(spec.origin).stat()
            digest.update(f"{name} {stat.st_size} {stat.st_mtime_ns} ".encode())
    return digest.hexdigest()


def _package_files(folder: Traversable) -> Iterator[tuple[str, bytes]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_file():
            yield entry.name, entry.read_bytes()
        elif entry.is_dir() and entry.name != "__pycache__":
            yield from _package_files(entry)
