"""Define what a format is, and the helpers with which formats build their tokens."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from blocklist.frames.schemas import SCOPE, TOKENS
from blocklist.model import Kind, Scope
from blocklist.parse.lines import split_stripped_lines
from blocklist.parse.options import ParseOptions

#: Comments as most lists write them; a format in which `#` or `!` means more defines its own.
DEFAULT_COMMENT = r"^(?:#|!|;|//)"


def carry_no_state(_lines: pl.DataFrame, _options: ParseOptions) -> tuple[str | None, ...]:
    """Return the state after some lines of a format in which lines are independent: nothing."""
    return ()


def split_plain_lines(text: bytes, _options: ParseOptions) -> pl.DataFrame:
    """Return the lines of a text in which lines are independent."""
    return split_stripped_lines(text)


@dataclass(frozen=True)
class FastPath:
    """The form of a plain line, which holds one canonical name and nothing else.

    For the kind URL, a plain line is a canonical URL.
    """

    prefix: str = ""
    suffix: str = ""
    scope: Scope = Scope.EXACT
    kind: Kind = Kind.DOMAIN


@dataclass(frozen=True)
class Format:
    """How a list format is parsed."""

    name: str
    #: Turn lines with content (columns `line` and `text`) into rows of the schema `TOKENS`: what a
    #: line lists and how that is `read` (`host`, `ip`, `url`, `schemeless-url` for
    #: `host/path`, or `suffix` for a name that may have one label), or why the line lists nothing.
    extract: Callable[[pl.DataFrame, ParseOptions], pl.DataFrame]
    #: The regular expression of lines without content.
    comment_pattern: str = DEFAULT_COMMENT
    #: Split a decoded text, or a piece of it, into lines.
    split_lines: Callable[[bytes, ParseOptions], pl.DataFrame] = split_plain_lines
    #: Return what lines of the whole text say about others, before it is split into pieces.
    scan_text: Callable[[bytes], tuple[str | None, ...]] | None = None
    #: Whether an exception takes out every block of its list below it, also a closer one.
    exceptions_win: bool = False
    #: Whether `split_lines` needs the whole text at once.
    needs_whole_text: bool = False
    #: Return what lines say about the lines of the next piece.
    next_state: Callable[[pl.DataFrame, ParseOptions], tuple[str | None, ...]] = carry_no_state
    #: Among formats that read a text equally well, the lowest rank is preferred; None for a format
    #: that cannot be detected from the content.
    detection_rank: int | None = None
    #: Whether a list in this format may be a JSON document.
    may_be_json: bool = False
    #: Whether the same bytes may give other indicators tomorrow, because entries expire.
    is_date_dependent: bool = False
    #: The form of lines that are parsed without `extract`.
    fast_path: FastPath | None = None

    def comment_pattern_for(self, options: ParseOptions) -> str:
        """Return the regular expression of lines without content."""
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
    """Return rows of the schema `TOKENS` from a frame with `line` and what the expressions need.

    The evidence is the column `seen` if the frame has it, otherwise the token. Tokens are firm if
    the column `is_firm` says so.
    """
    null = pl.lit(None, pl.String)
    return frame.select(
        "line",
        token=token,
        seen=pl.col("seen") if "seen" in frame.columns else token,
        read=pl.lit(read) if isinstance(read, str) else read,
        scope=(pl.lit(scope.value) if isinstance(scope, Scope) else scope).cast(SCOPE),
        reason=null if reason is None else reason,
        dropped=null if dropped is None else dropped,
        is_firm=pl.col("is_firm") if "is_firm" in frame.columns else pl.lit(value=False),
    ).match_to_schema(TOKENS)


def scope_as_written(text: pl.Expr, otherwise: Scope) -> pl.Expr:
    """Return `subtree` for names written `*.x` or `.x`, and `otherwise` for all others."""
    is_marked = text.str.starts_with("*.") | text.str.starts_with(".")
    return pl.when(is_marked).then(pl.lit(Scope.SUBTREE.value)).otherwise(pl.lit(otherwise.value))


def strip_wildcard(text: pl.Expr) -> pl.Expr:
    """Return the name without the wildcard mark of `*.x` or `.x`."""
    return text.str.replace(r"^\*?\.", "")


def refang_column(text: pl.Expr) -> pl.Expr:
    """Return names and addresses without the brackets that defang their dots."""
    return text.str.replace_all(r"(?i)\[\.\]|\(\.\)|\{\.\}|\[dot\]|\(dot\)", ".")
