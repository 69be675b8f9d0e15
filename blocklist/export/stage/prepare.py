"""Prepare an export: rows -> a rendered and verified file beside its path, not yet installed."""

import logging
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
from blocklist.export.render.state import ExportState
from blocklist.export.render.zone_serial import latest_serial, next_serial
from blocklist.export.select.allow_list import exclude_listed_allows
from blocklist.export.select.release_content import ExportContext
from blocklist.export.stage.limits import render_within_limit
from blocklist.export.verify.verify import verify_export_file
from blocklist.frames.schemas import RELEASE
from blocklist.install.quorum import ListNotLoaded
from blocklist.install.undo import InstallUndone
from blocklist.model import Kind
from blocklist.plugins import DIALECT_EXTENSIONS

logger = logging.getLogger(__name__)

# As long as every digest, so the head with it is as long as the head with the final digest.
_PLACEHOLDER_DIGEST = "0" * 64

#: Verify a finished file, given its state; raise `ExportFailed` for a fault.
Verification = Callable[[ExportState, Path], None]


class VerificationFailed(ExportFailed):
    """A finished file does not give the answers of the release."""


@dataclass(frozen=True)
class PreparedExport:
    """An export that is ready to be installed."""

    export: Export
    release: int
    state: ExportState
    previous: ExportState | None
    entry_count: int
    left_out: dict[str, int]
    #: The new file; None if the file in place has the same content and stays.
    new_file: Path | None

    def discard(self) -> None:
        """Remove the new file, if it was not installed."""
        if self.new_file is not None:
            self.new_file.unlink(missing_ok=True)


def render_and_verify(
    export: Export,
    rows: pl.DataFrame,
    release: int,
    previous: ExportState | None,
    now: datetime,
    context: ExportContext,
) -> PreparedExport:
    """Render an export beside its path and verify it there; see `update.export_one`.

    Raise `VerificationFailed` if the finished file does not give the answers of the rows, and
    `ExportFailed` if there is no finished file.
    """
    with error_context(export), DIALECT_EXTENSIONS.name_in_errors(export.target.dialect):
        release_rows = exclude_canary_rows(export, rows)
        rows, other_kinds = _select_target_rows(export, release_rows)
        body, rows = render_within_limit(export, rows)
        left_out = other_kinds | body.left_out
        body = replace(body, left_out=left_out, feed_credits=context.feed_credits)
        if not context.may_be_empty:
            _refuse_empty_export(export, release, previous, body, release_rows)

        def verify_candidate(state: ExportState, candidate: Path) -> None:
            must_verify = context.must_verify()
            verify_export_file(export, state, candidate, rows, body.entry_count, must_verify)

        return write_candidate_file(export, body, release, previous, now, verify_candidate)


def write_candidate_file(
    export: Export,
    body: Body,
    release: int,
    previous: ExportState | None,
    now: datetime,
    verify: Verification,
) -> PreparedExport:
    """Write a file beside the export's path, and verify it unless its content is unchanged."""
    state = ExportState(
        name=export.name,
        path=str(export.path),
        release=release,
        digest=_PLACEHOLDER_DIGEST,
        serial=_compute_serial(export, previous, now),
        written=now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    try:
        with create_temporary_beside(export.path) as new_file:
            state = _write_with_digest(export, state, body, new_file)
            is_unchanged = _has_same_content(export, previous, state.digest, body)
            if not is_unchanged:
                _run_verification(verify, state, new_file)
    except StorageError:  # the folder is not writable, but perhaps nothing has to be written
        if not _has_same_content(export, previous, body.content_digest(), body):
            raise
        is_unchanged, new_file = True, None
    prepared = PreparedExport(
        export, release, state, previous, body.entry_count, body.left_out, new_file
    )
    if not is_unchanged:
        logger.info("export %s: prepared %d entries", export.name, body.entry_count)
        return prepared
    prepared.discard()
    assert previous is not None
    return replace(prepared, state=previous, new_file=None)


@contextmanager
def error_context(export: Export) -> Iterator[None]:
    """Turn errors into `ExportFailed` with the export's name and the fate of its file."""
    try:
        yield
    except InstallUndone as error:
        text = f"export {export.name}: {error}"
        raise InstallUndone(text, error.loads, error.release) from None
    except ListNotLoaded as error:
        text = f"export {export.name}: {error} ({export.path} is as it was)"
        raise ListNotLoaded(text, error.loads, error.release) from None
    except BlocklistError as error:
        kind = VerificationFailed if isinstance(error, VerificationFailed) else ExportFailed
        raise kind(f"export {export.name}: {error} ({export.path} is as it was)") from None


def _refuse_empty_export(
    export: Export, release: int, previous: ExportState | None, body: Body, rows: pl.DataFrame
) -> None:
    if body.entry_count or previous is None or previous.digest == body.content_digest():
        return
    # Empty exports that a person wants: all is allowed, or the file was deleted.
    rows = rows.filter(pl.col("kind").is_in([kind.value for kind in export.target.kinds]))
    is_allowed = not rows.is_empty() and (rows["action"] == "allow").all()
    lists_allows = export.target.lists is TargetContent.ALLOWS
    if not (lists_allows or is_allowed or not export.path.exists()):
        message = f"release {release} has nothing for it, and a list is never emptied so"
        raise ExportFailed(f"{message}; if that is right, delete the file first")


def _compute_serial(export: Export, previous: ExportState | None, now: datetime) -> int | None:
    if not export.target.needs_zone or export.zone is None:
        return None
    stored = previous.serial if previous else None
    return next_serial(latest_serial(stored, export.path, export.zone), now)


def _select_target_rows(export: Export, rows: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the rows that the target takes, and counts of blocks that it does not, by reason."""
    if export.target.lists is TargetContent.ALLOWS:
        rows = rows.filter(pl.col("action") == "allow")
        rows = rows.with_columns(action=pl.lit("block", RELEASE["action"]))
    rows, under_allow = exclude_listed_allows(export, rows)
    kinds = [kind.value for kind in export.target.kinds]
    is_taken = pl.col("kind").is_in(kinds)
    if export.target.passes_names:
        is_taken |= (pl.col("kind") == Kind.DOMAIN.value) & (pl.col("action") == "allow")
    others = rows.filter(~is_taken, pl.col("action") == "block")["kind"].cast(pl.String)
    counts = others.value_counts(sort=True).iter_rows()
    return rows.filter(is_taken), under_allow | {f"kind-{kind}": count for kind, count in counts}


def _write_with_digest(
    export: Export, state: ExportState, body: Body, new_file: Path
) -> ExportState:
    """Write the file and return its state with the digest of the content.

    The head contains the digest, so it is written again when the digest is known.
    """
    digest = sha256()
    with new_file.open("wb") as file:
        head_size = file.write(encode_head(export, state, body))
        for chunk in body.encode_chunks():
            digest.update(chunk)
            file.write(chunk)
        state = replace(state, digest=digest.hexdigest())
        file.seek(0)
        final_size = file.write(encode_head(export, state, body))
    assert final_size == head_size, "the digest must not change the length of the head"
    return state


def encode_head(export: Export, state: ExportState, body: Body) -> bytes:
    """Return the bytes before the content: the head of the dialect, and the canaries."""
    lines = get_dialect(export.target.dialect).render_head(export, state, body)
    return "".join(f"{line}\n" for line in (*lines, *render_canaries(export, state))).encode()


def _has_same_content(
    export: Export, previous: ExportState | None, digest: str, body: Body
) -> bool:
    """Return whether the file in place has this content and nobody changed it."""
    if previous is None or previous.digest != digest:
        return False
    head = encode_head(export, previous, body)
    try:
        with export.path.open("rb") as file:
            is_same_head = file.read(len(head)) == head
            return is_same_head and file_digest(file, "sha256").hexdigest() == digest
    except OSError:
        return False


def _run_verification(verify: Verification, state: ExportState, new_file: Path) -> None:
    try:
        verify(state, new_file)
    except ExportFailed as error:
        raise VerificationFailed(str(error)) from None
