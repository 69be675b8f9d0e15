"""Export context: the feed credits and must-verify values that an export gets beside its rows."""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from blocklist.frames.schemas import RELEASE

_MUST_VERIFY_SCHEMA = pl.Schema({name: RELEASE[name] for name in ("kind", "value")})


@dataclass(frozen=True)
class ExportContext:
    """What an export is told of a release beside its rows."""

    #: The feeds whose entries may be in it, and their terms, for the head of the file.
    feed_credits: tuple[str, ...] = ()
    #: Gives `kind` and `value` of what the proof asks for in any case.
    must_verify: Callable[[], pl.DataFrame] = _MUST_VERIFY_SCHEMA.to_frame
