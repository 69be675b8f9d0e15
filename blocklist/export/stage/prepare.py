"""Prepare an export: rows -> a rendered and verified file beside its place, not yet installed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import file_digest, sha256
from pathlib import Path

import polars as pl

from blocklist.atomic_files import create_temporary_beside
from blocklist.config.exports import Export
from blocklist.config.targets import TargetContent
from blocklist.errors import BlocklistError, ExportFailed, StorageError
from blocklist.export.registry import get_dialect
from blocklist.export.render.body import Body
from blocklist.export.render.canary import exclude_canary_rows, render_canaries
from blocklist.export.render.file_head import latest_serial, next_serial
from blocklist.export.render.state import ExportState
from blocklist.export.select.release_content import ExportContext
from blocklist.export.stage.limits import render_within_limit
from blocklist.export.verify.verify import verify_export_file
from blocklist.frames.schemas import RELEASE
from blocklist.install.install import InstallUndone
from blocklist.plugins import DIALECT_EXTENSIONS

# As long as any other, so that a head with it is as long as the one with the right digest.
_PLACEHOLDER_DIGEST = "0" * 64


class VerificationFailed(ExportFailed):
    """A finished file does not say what the release does."""


@dataclass(frozen=True)
class PreparedExport:
    """An export that can be brought up to a release at once."""

    export: Export
    release: int
    state: ExportState
    previous: ExportState | None
    entry_count: int
    left_out: dict[str, int]
    #: The new file; None where the old one has the same content, and stays.
    new_file: Path | None

    def discard(self) -> None:
        """Let go of the new file, if it is not in its place."""
        if self.new_file is not None:
            self.new_file.unlink(missing_ok=True)


def render_and_verify(
    export: Export,
    rows: pl.DataFrame,
    release: int,
    previous: ExportState | None,
    now: datetime,
    behind: ExportContext,
) -> PreparedExport:
    """Render an export beside its place and prove it there; see `one.export_one`.

    Raise `Unproved` where the finished file does not answer what the rows say, and `ExportFailed`
    where there is none.
    """
    with error_context(export), DIALECT_EXTENSIONS.name_in_errors(export.target.dialect):
        taken, others = _select_target_rows(export, exclude_canary_rows(export, rows))
        body, taken = render_within_limit(export, taken)
        body = replace(body, left_out=others | body.left_out, feed_credits=behind.feed_credits)
        _refuse_empty_export(export, release, previous, body, taken)

        def verify_candidate(state: ExportState, new: Path) -> None:
            verify_export_file(export, state, new, taken, body.entry_count, behind.must_verify())

        return write_candidate_file(export, body, release, previous, now, verify_candidate)


def write_candidate_file(
    export: Export,
    body: Body,
    release: int,
    previous: ExportState | None,
    now: datetime,
    proof: Callable[[ExportState, Path], None],
) -> PreparedExport:
    """Write a file beside its place and have it proved there, unless it has the same content."""
    state = ExportState(
        name=export.name,
        path=str(export.path),
        release=release,
        digest=_PLACEHOLDER_DIGEST,
        serial=_compute_serial(export, previous, now),
        written=now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    try:
        with create_temporary_beside(export.path) as new:
            state = _write_with_digest(export, state, body, new)
            stays = _has_same_content(export, previous, state.digest, body)
            if not stays:
                _run_verification(proof, state, new)
    except StorageError:  # nothing can be written there, and perhaps nothing needs to be
        if not _has_same_content(export, previous, body.content_digest(), body):
            raise
        stays, new = True, None
    ready = PreparedExport(export, release, state, previous, body.entry_count, body.left_out, new)
    if not stays:
        return ready
    ready.discard()
    assert previous is not None
    return replace(ready, state=previous, new_file=None)


@contextmanager
def error_context(export: Export) -> Iterator[None]:
    """Say of which export an error is, and what became of its file."""
    try:
        yield
    except InstallUndone as error:
        raise ExportFailed(f"export {export.name}: {error}") from None
    except BlocklistError as error:
        kind = VerificationFailed if isinstance(error, VerificationFailed) else ExportFailed
        raise kind(f"export {export.name}: {error} ({export.path} is as it was)") from None


def _refuse_empty_export(
    export: Export, release: int, previous: ExportState | None, body: Body, taken: pl.DataFrame
) -> None:
    if body.entry_count or previous is None or previous.digest == body.content_digest():
        return
    # A person made it empty: allowed all of it, or deleted the file.
    allowed = not taken.is_empty() and (taken["action"] == "allow").all()
    own = export.target.lists is TargetContent.ALLOWS
    if not (own or allowed or not export.path.exists()):
        message = f"release {release} has nothing for it, and a list is never emptied so"
        raise ExportFailed(f"{message}; if that is right, delete the file first")


def _compute_serial(export: Export, previous: ExportState | None, now: datetime) -> int | None:
    if not export.target.needs_zone:
        return None
    known = previous.serial if previous else None
    return next_serial(latest_serial(known, export.path), now)


def _select_target_rows(export: Export, rows: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the rows of the kinds that the target takes, and how many blocks are of another."""
    if export.target.lists is TargetContent.ALLOWS:
        rows = rows.filter(pl.col("action") == "allow")
        rows = rows.with_columns(action=pl.lit("block", RELEASE["action"]))
    kinds = [kind.value for kind in export.target.kinds]
    taken = pl.col("kind").is_in(kinds)
    others = rows.filter(~taken, pl.col("action") == "block")["kind"].cast(pl.String)
    counts = others.value_counts(sort=True).iter_rows()
    return rows.filter(taken), {f"kind-{kind}": count for kind, count in counts}


def _write_with_digest(export: Export, state: ExportState, body: Body, new: Path) -> ExportState:
    """Write the file and return its state, with the digest of the content.

    The head has the digest in it, so it is written a second time when that is known.
    """
    digest = sha256()
    with new.open("wb") as file:
        room = file.write(encode_head(export, state, body))
        for chunk in body.encode_chunks():
            digest.update(chunk)
            file.write(chunk)
        state = replace(state, digest=digest.hexdigest())
        file.seek(0)
        again = file.write(encode_head(export, state, body))
    assert again == room, "a head with the digest is as long as one without"
    return state


def encode_head(export: Export, state: ExportState, body: Body) -> bytes:
    """Return what stands before the content: the head of the dialect, and the canaries."""
    lines = get_dialect(export.target.dialect).render_head(export, state, body)
    return "".join(f"{line}\n" for line in (*lines, *render_canaries(export, state))).encode()


def _has_same_content(
    export: Export, previous: ExportState | None, digest: str, body: Body
) -> bool:
    """Return whether the file in place has this content, untouched since it was written."""
    if previous is None or previous.digest != digest:
        return False
    head = encode_head(export, previous, body)
    try:
        with export.path.open("rb") as file:
            same = file.read(len(head)) == head
            return same and file_digest(file, "sha256").hexdigest() == digest
    except OSError:
        return False


def _run_verification(
    proof: Callable[[ExportState, Path], None], state: ExportState, new: Path
) -> None:
    try:
        proof(state, new)
    except ExportFailed as fault:
        raise VerificationFailed(str(fault)) from None
