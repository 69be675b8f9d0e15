"""Probes for a finished file: rows and must-verify values -> queries, with their neighbours."""

from collections.abc import Iterator
from math import ceil

import polars as pl

from blocklist.indicators.names import MAX_NAME_LENGTH, name_and_ancestors
from blocklist.indicators.networks import parse_network
from blocklist.model import Kind

_SAMPLE_SIZE, _MAX_MUST_VERIFY = 500, 2000
_PROBE_LABEL = "blocklist-probe"


def select_probes(kind: Kind, rows: pl.DataFrame, must_verify: pl.DataFrame) -> list[str]:
    """Return the queries: allows, `must_verify`, blocks below allows, and a sample of other blocks.

    Each value comes with its neighbours. Of more than `_MAX_MUST_VERIFY` values in `must_verify`,
    that many are taken, evenly spread. The same rows always give the same probes.
    """
    rows = rows.filter(pl.col("kind") == kind.value)
    allows = rows.filter(pl.col("action") == "allow")["value"]
    blocks = rows.filter(pl.col("action") == "block")["value"]
    required = must_verify.filter(pl.col("kind") == kind.value)["value"].unique().sort()
    values = [allows, _sample_evenly(required, _MAX_MUST_VERIFY), _sample_evenly(blocks)]
    if kind is Kind.DOMAIN and len(allows):
        endings = [f".{name}$" for name in allows]
        values.append(_sample_evenly(blocks.filter((blocks + "$").str.contains_any(endings))))
    neighbours = {
        Kind.DOMAIN: _name_neighbours,
        Kind.IP: _network_neighbours,
        Kind.URL: _url_neighbours,
    }[kind]
    return sorted({probe for value in pl.concat(values) for probe in neighbours(value)})


def _sample_evenly(values: pl.Series, size: int = _SAMPLE_SIZE) -> pl.Series:
    return values.gather_every(max(1, ceil(len(values) / size)))


def _name_neighbours(name: str) -> Iterator[str]:
    """Yield a name and all names above it, one name below each, and one two labels below."""
    for up in name_and_ancestors(name):
        yield up
        yield from _keep_if_short(f"{_PROBE_LABEL}.{up}")
    yield from _keep_if_short(f"{_PROBE_LABEL}.{_PROBE_LABEL}.{name}")


def _keep_if_short(name: str) -> Iterator[str]:
    if len(name) <= MAX_NAME_LENGTH:
        yield name


def _network_neighbours(value: str) -> Iterator[str]:
    """Yield the first and the last address of a network, and the addresses before and after it."""
    network = parse_network(value)
    first, last = int(network.network_address), int(network.broadcast_address)
    highest = 2**network.max_prefixlen - 1
    for number in {first, last, max(first - 1, 0), min(last + 1, highest)}:
        yield str(type(network.network_address)(number))


def _url_neighbours(url: str) -> Iterator[str]:
    """Yield a URL, a longer URL that starts with it, and its folder."""
    yield url
    yield f"{url}{_PROBE_LABEL}"
    yield url.rpartition("/")[0] + "/"
