"""One export from the release to the file in its place."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import file_digest
from itertools import chain
from pathlib import Path

import polars as pl

from blocklist.catalogue import Lists
from blocklist.columns.schema import RELEASE
from blocklist.config import Export
from blocklist.errors import BlocklistError, ExportFailed
from blocklist.export import canary, written
from blocklist.export.behind import Behind
from blocklist.export.body import Body, sha256_of
from blocklist.export.checker import check
from blocklist.export.dialects import dialect
from blocklist.export.limits import within
from blocklist.export.prove import prove
from blocklist.export.serial import following, latest
from blocklist.export.state import ExportResult, ExportState
from blocklist.install import Change, Undone, install, look_after


def export_one(
    export: Export,
    rows: pl.DataFrame,
    release: int,
    previous: ExportState | None,
    now: datetime,
    behind: Behind | None = None,
) -> ExportResult:
    """Bring one export up to a release, given as rows of `columns.schema.RELEASE`.

    The rows may have a `policy` and a `score` as `filters.chosen` adds them. `previous` is what the
    last call returned for this export: a file whose content is the same, and that nobody touched,
    stays as it is, serial and all. Raise `ExportFailed` when the new file cannot be rendered,
    proved, checked or put in place; the old one is then untouched. When the server did not load the
    new file, the old one is brought back.
    """
    with _naming(export):
        return _exported(export, rows, release, previous, now, behind or Behind())


def looked_after(export: Export, stays: ExportResult) -> ExportResult:
    """Return the result for a file that stays, after its servers have shown that they have it.

    Raise `ExportFailed` when they do not.
    """
    with _naming(export):
        return _looked_after(export, stays)


def _looked_after(export: Export, stays: ExportResult) -> ExportResult:
    said = look_after(_change(export, stays.state, stays.state, stays.rows))
    return replace(stays, said=said, loaded=bool(export.installation.probe))


@contextmanager
def _naming(export: Export) -> Iterator[None]:
    """Say of which export an error is, and what became of its file."""
    try:
        yield
    except Undone as error:
        raise ExportFailed(f"export {export.name}: {error}") from None
    except BlocklistError as error:
        message = f"export {export.name}: {error} ({export.path} is as it was)"
        raise ExportFailed(message) from None


def _exported(
    export: Export,
    rows: pl.DataFrame,
    release: int,
    previous: ExportState | None,
    now: datetime,
    behind: Behind,
) -> ExportResult:
    taken, others = _taken(export, canary.left_to_us(export, rows))
    body, taken = within(export, taken)
    body = replace(body, left_out=others | body.left_out, credits=behind.feeds)
    digest = body.digest()
    if previous and previous.digest == digest:
        if _on_disk(export.path) == sha256_of(_content(export, previous, body)):
            return _looked_after(export, ExportResult(previous, False, body.count, body.left_out))
    elif previous and not body.count and not _emptied_by_hand(export, taken):
        message = f"release {release} has nothing for it, and a list is never emptied so"
        raise ExportFailed(f"{message}; if that is right, delete the file first")
    state = ExportState(
        name=export.name,
        path=str(export.path),
        release=release,
        digest=digest,
        serial=_serial(export, previous, now),
        written=now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    change = _change(export, state, previous, body.count)
    return _installed(change, state, body, taken, behind)


def _emptied_by_hand(export: Export, taken: pl.DataFrame) -> bool:
    """Return whether a person made the list empty: allowed all of it, or deleted the file."""
    allowed = not taken.is_empty() and (taken["action"] == "allow").all()
    own = export.target.lists is Lists.ALLOWS
    return own or allowed or not export.path.exists()


def _serial(export: Export, previous: ExportState | None, now: datetime) -> int | None:
    if not export.target.needs_zone:
        return None
    known = previous.serial if previous else None
    return following(latest(known, export.path), now)


def _change(export: Export, state: ExportState, previous: ExportState | None, rows: int) -> Change:
    return Change(
        export=export,
        release=state.release,
        serial=state.serial,
        rows=rows,
        rows_before=written.entries(export.path),
        release_before=previous.release if previous else None,
        new=canary.canaries(export, state),
        old=canary.canaries(export, previous) if previous else None,
    )


def _taken(export: Export, rows: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the rows of the kinds that the target takes, and how many blocks are of another."""
    if export.target.lists is Lists.ALLOWS:
        rows = rows.filter(pl.col("action") == "allow")
        rows = rows.with_columns(action=pl.lit("block", RELEASE["action"]))
    kinds = [kind.value for kind in export.target.kinds]
    taken = pl.col("kind").is_in(kinds)
    others = rows.filter(~taken, pl.col("action") == "block")["kind"].cast(pl.String)
    counts = others.value_counts(sort=True).iter_rows()
    return rows.filter(taken), {f"kind-{kind}": count for kind, count in counts}


def _content(export: Export, state: ExportState, body: Body) -> chain[bytes]:
    lines = dialect(export.target.dialect).head(export, state, body)
    lines += canary.lines(export, state)
    return chain((f"{line}\n".encode() for line in lines), body.chunks())


def _on_disk(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _installed(
    change: Change, state: ExportState, body: Body, rows: pl.DataFrame, behind: Behind
) -> ExportResult:
    export, notes = change.export, list[str]()

    def finish(beside: Path) -> None:
        with beside.open("wb") as file:
            file.writelines(_content(export, state, body))
        prove(export, state, beside, rows, body.count, behind.watched())
        notes.extend(check(export, beside))

    said = install(change, finish)
    seen = bool(export.installation.probe)
    return ExportResult(state, True, body.count, body.left_out, tuple(notes), said, seen)
