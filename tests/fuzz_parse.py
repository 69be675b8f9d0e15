"""Fuzz every parser with coverage as the guide; no part of the tests, which go without atheris.

pip install atheris; python -m tests.fuzz_parse FOLDER -max_total_time=600

FOLDER keeps what was found; an empty one is first filled with the lines of the tables.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.parse_tables import DOCUMENTS, TABLE

atheris: Any = import_module("atheris")

with atheris.instrument_imports(include=["blocklist"]):
    from blocklist import names, networks, urls
    from blocklist.parse import FORMATS, ParseOptions, detect_format, parse_snapshot

KNOWN = sorted(FORMATS)
EVERY = (
    ParseOptions(),
    ParseOptions(column=2, filters=("1=x",), rank_limit=3),
    ParseOptions(column_name="x", separator=";"),
    ParseOptions(path="[].type", zone="rpz.example"),
)
SCALAR: dict[str, Callable[[str], str]] = {
    "domain": names.canonicalize_name,
    "ip": lambda text: networks.format_network(networks.parse_network(text)),
    "url": lambda text: urls.parse_url(text).value,
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
