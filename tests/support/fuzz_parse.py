"""Fuzz every parser with coverage as the guide; no part of the tests, which go without atheris.

pip install atheris; python -m tests.fuzz_parse FOLDER -max_total_time=600

FOLDER keeps what was found; an empty one is first filled with the lines of the tables.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.support.parse_tables import DOCUMENTS, TABLE

atheris: Any = import_module("atheris")

with atheris.instrument_imports(include=["blocklist"]):
    from blocklist.indicators.names import canonicalize_name
    from blocklist.indicators.networks import format_network, parse_network
    from blocklist.indicators.urls import parse_url
    from blocklist.parse.detect import detect_format
    from blocklist.parse.options import ParseOptions
    from blocklist.parse.parser import parse_snapshot
    from blocklist.parse.registry import load_formats

KNOWN = sorted(load_formats())
EVERY = (
    ParseOptions(),
    ParseOptions(column=2, filters=("1=x",), rank_limit=3),
    ParseOptions(column_name="x", separator=";"),
    ParseOptions(path="[].type", zone="rpz.example"),
)
SCALAR: dict[str, Callable[[str], str]] = {
    "domain": canonicalize_name,
    "ip": lambda text: format_network(parse_network(text)),
    "url": lambda text: parse_url(text).value,
}


def one(data: bytes) -> None:
    """Parse a body in the format and with the options that the first byte stands for."""
    if not data:
        return
    options, number = divmod(data[0], len(KNOWN) + 1)
    name = detect_format(data[1:]) if number == len(KNOWN) else KNOWN[number]
    if name is None:
        return
    parsed = parse_snapshot(data[1:], name, EVERY[options % len(EVERY)])
    assert parsed.lines == parsed.accepted + parsed.comments + parsed.refusals.height
    assert parsed.refusals["line"].is_unique().all()
    for kind, value in parsed.indicators.select("kind", "value").iter_rows():
        assert SCALAR[kind](value) == value


def fill(folder: Path) -> None:
    """Write what fuzzing starts from."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [(name, text) for name, text, *_ in (*TABLE, *DOCUMENTS)]
    for number, (name, text) in enumerate(lines):
        if len(text) < 1000:
            seed = bytes([KNOWN.index(name)]) + text.encode()
            (folder / f"seed-{number}").write_bytes(seed)


if __name__ == "__main__":
    if not any(Path(sys.argv[1]).glob("*")):
        fill(Path(sys.argv[1]))
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
