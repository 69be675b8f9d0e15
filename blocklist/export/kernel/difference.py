"""Difference of two files for a kernel: file in place and new file -> lines that change a set.

The networks of a file are disjoint and as few as possible, so the difference of two files is the
difference of two sets of lines.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from blocklist.config.exports import Export
from blocklist.export.kernel.look import is_in_kernel, look_at_kernel
from blocklist.export.render.mark import render_mark
from blocklist.export.render.mark_address import derive_mark
from blocklist.export.render.state import ExportState
from blocklist.frames.parallel import bytes_to_lines

logger = logging.getLogger(__name__)

_NETWORK = r"(?:^|\s)([0-9]+\.[0-9.]+(?:/[0-9]+)?|[0-9a-f]*:[0-9a-f:]*(?:/[0-9]+)?)(?:,|\s|$)"
#: A larger difference is slower than the whole file.
_FEW, _LARGEST_SHARE = 1000, 0.2


@contextmanager
def make_difference(
    export: Export, previous: ExportState | None, state: ExportState, new_file: Path
) -> Iterator[Mapping[str, Path]]:
    """Write the files `change`, `added` and `removed`, and yield their paths by these names.

    Yield none if the whole file must be loaded: the export has no `reload_change`, the kernel does
    not show the list of the file in place, or the difference is large.
    """
    if not (export.installation.reload_change and previous and _has_previous(export, previous)):
        yield {}
        return
    old, new = (
        _read_networks(export, export.path, previous),
        _read_networks(export, new_file, state),
    )
    if old is None or new is None or _is_large(old, new):
        yield {}
        return
    with TemporaryDirectory(prefix="blocklist-") as folder:
        yield _write_difference(export, _with_mark(old, previous), _with_mark(new, state), folder)


def _has_previous(export: Export, previous: ExportState) -> bool:
    return is_in_kernel(export) and look_at_kernel(export, previous).release is not None


def _read_networks(export: Export, path: Path, state: ExportState) -> pl.Series | None:
    """Return the networks of a file; None if its content is not that of the state."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    mark = "".join(f"{line}\n" for line in render_mark(export, state.digest)).encode()
    _, found, body = content.partition(mark)
    if not found or sha256(body).hexdigest() != state.digest:
        return None
    return bytes_to_lines(body).str.extract(_NETWORK).drop_nulls().unique()


def _is_large(old: pl.Series, new: pl.Series) -> bool:
    count = len(old.filter(~old.is_in(new.implode()))) + len(new.filter(~new.is_in(old.implode())))
    return count > max(_FEW, _LARGEST_SHARE * len(new))


def _with_mark(networks: pl.Series, state: ExportState) -> pl.Series:
    return pl.concat([networks, pl.Series([derive_mark(state.digest)])])


def _write_difference(
    export: Export, old: pl.Series, new: pl.Series, folder: str
) -> dict[str, Path]:
    """Write what to remove before what to add: a set refuses networks that overlap."""
    removed = old.filter(~old.is_in(new.implode())).sort()
    added = new.filter(~new.is_in(old.implode())).sort()
    target = export.target
    texts = {
        "removed": removed,
        "added": added,
        "change": pl.concat(
            [
                _render(removed, target.change_remove, target.change_remove6),
                _render(added, target.change_add, target.change_add6),
            ]
        ),
    }
    paths = {name: Path(folder, name) for name in texts}
    for name, lines in texts.items():
        paths[name].write_text("".join(f"{line}\n" for line in lines))
    counts = len(removed), len(added)
    logger.info("export %s: %d networks to remove, %d to add", export.name, *counts)
    return paths


def _render(networks: pl.Series, ipv4_line: str, ipv6_line: str) -> pl.Series:
    """Return the lines of networks by the template of their family; none without a template."""
    is_ipv6 = networks.str.contains(":", literal=True)
    parts = [(networks.filter(~is_ipv6), ipv4_line), (networks.filter(is_ipv6), ipv6_line)]
    lines = [pl.Series([], dtype=pl.String)]
    for values, template in parts:
        start, field, end = template.partition("{value}")
        if field:
            lines.append(start + values + end)
    return pl.concat(lines)
