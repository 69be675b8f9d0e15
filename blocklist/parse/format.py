"""Define what a format is, and the helpers with which formats build their tokens."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from blocklist.frames.schemas import SCOPE, TOKENS
from blocklist.model import Kind, Scope
from blocklist.parse.lines import split_stripped_lines
from blocklist.parse.options import ParseOptions

#: Comments as most lists write them; a format with another meaning for `#` or `!` has its own.
DEFAULT_COMMENT = r"^(?:#|!|;|//)"


def carry_no_state(_lines: pl.DataFrame, _options: ParseOptions) -> tuple[str | None, ...]:
    """Return what lines tell about those after them: nothing."""
    return ()


def split_plain_lines(text: bytes, _options: ParseOptions) -> pl.DataFrame:
    """Return the lines of a text in which each line stands for itself."""
    return split_stripped_lines(text)


@dataclass(frozen=True)
class FastPath:
    """How a format writes a name with nothing else to it, as most lines of most lists are.

    In a format of URLs, these are what most lines are.
    """

    prefix: str = ""
    suffix: str = ""
    scope: Scope = Scope.EXACT
    kind: Kind = Kind.DOMAIN


@dataclass(frozen=True)
class Format:
    """How one format is read.

    `tokens` turns lines with content (columns `line`, `text`) into rows of `TOKENS`: what the line
    lists and how that is to be `read` (`host`, `ip` or `url`), or the reason why it lists nothing.
    `comment` is a regular expression for lines without content; `lines` splits the decoded text,
    piece by piece or as a `whole`; `state` is what its lines tell about the next piece.
    """

    name: str
    extract: Callable[[pl.DataFrame, ParseOptions], pl.DataFrame]
    comment_pattern: str = DEFAULT_COMMENT
    split_lines: Callable[[bytes, ParseOptions], pl.DataFrame] = split_plain_lines
    needs_whole_text: bool = False
    next_state: Callable[[pl.DataFrame, ParseOptions], tuple[str | None, ...]] = carry_no_state
    #: Whether the format can be told from its content alone.
    is_detectable: bool = True
    #: Whether the same bytes may read otherwise tomorrow, for entries in them have an end.
    is_date_dependent: bool = False
    #: Lines that need not go through `tokens`, for what these would give is plain to see.
    fast_path: FastPath | None = None

    def comment_pattern_for(self, options: ParseOptions) -> str:
        """Return the regular expression for lines without content."""
        return self.comment_pattern if options.comment is None else f"^{re.escape(options.comment)}"


def make_tokens(
    frame: pl.DataFrame,
    *,
    token: pl.Expr,
    read: str | pl.Expr = "host",
    scope: Scope | pl.Expr = Scope.EXACT,
    reason: pl.Expr | None = None,
    dropped: pl.Expr | None = None,
) -> pl.DataFrame:
    """Return rows of `TOKENS` from a frame with `line` and whatever the expressions need.

    A column `seen`, if there is one, is the evidence; else the token is.
    """
    nothing = pl.lit(None, pl.String)
    return frame.select(
        "line",
        token=token,
        seen=pl.col("seen") if "seen" in frame.columns else token,
        read=pl.lit(read) if isinstance(read, str) else read,
        scope=(pl.lit(scope.value) if isinstance(scope, Scope) else scope).cast(SCOPE),
        reason=nothing if reason is None else reason,
        dropped=nothing if dropped is None else dropped,
    ).match_to_schema(TOKENS)


def scope_as_written(text: pl.Expr, otherwise: Scope) -> pl.Expr:
    """Return `subtree` for names written `*.x` or `.x`, else what the format means."""
    marked = text.str.starts_with("*.") | text.str.starts_with(".")
    return pl.when(marked).then(pl.lit(Scope.SUBTREE.value)).otherwise(pl.lit(otherwise.value))


def strip_wildcard(text: pl.Expr) -> pl.Expr:
    """Return the name of `*.x` and `.x`."""
    return text.str.replace(r"^\*?\.", "")


def refang_column(text: pl.Expr) -> pl.Expr:
    """Return a name or address without the brackets that keep its dots from being clicked."""
    return text.str.replace_all(r"(?i)\[\.\]|\(\.\)|\{\.\}|\[dot\]|\(dot\)", ".")
