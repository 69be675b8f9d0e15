"""Probes for a finished file: rows and must-verify values -> queries, with their neighbours."""

from collections.abc import Iterator
from math import ceil

import polars as pl

from blocklist.indicators.names import MAX_NAME_LENGTH, name_and_ancestors
from blocklist.indicators.networks import parse_network
from blocklist.model import Kind

_SAMPLE_SIZE, _MAX_MUST_VERIFY = 500, 2000
_PROBE_LABEL = "blocklist-probe"


def select_probes(kind: Kind, rows: pl.DataFrame, watched: pl.DataFrame) -> list[str]:
    """Return what to ask: all allows, what is `watched`, blocks below allows, a sample of the rest.

    Each comes with its neighbours. Of more than `_MOST` that are watched, so many are asked for,
    evenly spread. The same rows give the same probes.
    """
    known = rows.filter(pl.col("kind") == kind.value)
    allow = known.filter(pl.col("action") == "allow")["value"]
    block = known.filter(pl.col("action") == "block")["value"]
    also = watched.filter(pl.col("kind") == kind.value)["value"].unique().sort()
    chosen = [allow, _sample_evenly(also, _MAX_MUST_VERIFY), _sample_evenly(block)]
    if kind is Kind.DOMAIN and len(allow):
        marks = [f".{name}$" for name in allow]
        chosen.append(_sample_evenly(block.filter((block + "$").str.contains_any(marks))))
    around = {
        Kind.DOMAIN: _name_neighbours,
        Kind.IP: _network_neighbours,
        Kind.URL: _url_neighbours,
    }[kind]
    return sorted({probe for value in pl.concat(chosen) for probe in around(value)})


def _sample_evenly(values: pl.Series, most: int = _SAMPLE_SIZE) -> pl.Series:
    return values.gather_every(max(1, ceil(len(values) / most)))


def _name_neighbours(name: str) -> Iterator[str]:
    """Yield a name, all above it, one below each of these, and one two below."""
    for up in name_and_ancestors(name):
        yield up
        yield from _keep_if_short(f"{_PROBE_LABEL}.{up}")
    yield from _keep_if_short(f"{_PROBE_LABEL}.{_PROBE_LABEL}.{name}")


def _keep_if_short(name: str) -> Iterator[str]:
    if len(name) <= MAX_NAME_LENGTH:
        yield name


def _network_neighbours(value: str) -> Iterator[str]:
    """Yield the first and the last address of a network, and the two beside it."""
    network = parse_network(value)
    first, last = int(network.network_address), int(network.broadcast_address)
    top = 2**network.max_prefixlen - 1
    for number in {first, last, max(first - 1, 0), min(last + 1, top)}:
        yield str(type(network.network_address)(number))


def _url_neighbours(url: str) -> Iterator[str]:
    """Yield a URL, one that goes on where it ends, and the folder that it is in."""
    yield url
    yield f"{url}{_PROBE_LABEL}"
    yield url.rpartition("/")[0] + "/"
