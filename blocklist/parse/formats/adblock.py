"""Parse Adblock-style rules: lines -> tokens; `||x^` blocks x and all names below it.

Source: AdGuard's "DNS filtering rules syntax". Rules that only a browser can apply (paths, cosmetic
rules, limits to third parties) would block too much if reduced to their host, so they are refused
with the reason. Exceptions (`@@`) take out blocks of the same list, and `$badfilter` cancels the
rule with the same text.
"""

import re
from collections.abc import Iterator

import polars as pl

from blocklist.model import Scope
from blocklist.parse.canonicalize import EXCEPTION
from blocklist.parse.format import FastPath, Format, make_tokens, split_plain_lines
from blocklist.parse.options import ParseOptions

# `##`, `#@#` and the like start cosmetic rules; `#` before any other text starts a comment.
_COMMENT = r"^(?:!|\[.*\]$|#$|#[^#@?$%])"
# `||x` covers the subtree, `|x` the name alone; the end mark and modifiers may follow.
_ANCHORED_RULE = r"^(\|\|?)(\*\.)?([^/^$*|:\s]*[^/^$*|:\s.])(?:\.?\^\|?|\|)?(?:\$(.+))?$"
_PLAIN_NAME = r"^([^/^$*|:\s]+)$"
_HARMLESS_MODIFIERS = r"^(?:important|all|document|doc)(?:,(?:important|all|document|doc))*$"
_IMPORTANT = r"(?:^|,)important(?:,|$)"
_BADFILTER = re.compile(rb"[^!#].*[$,]badfilter(?:,.*)?\s*")


def _scan_text(text: bytes) -> tuple[str | None, ...]:
    """Return the keys of the rules that `$badfilter` cancels, anywhere in the text."""
    rules = [line for line in _lines_with(text, b"badfilter") if _BADFILTER.fullmatch(line)]
    texts = pl.Series([rule.decode(errors="replace") for rule in rules], dtype=pl.String)
    return tuple(texts.to_frame("text").select(_rule_key())["key"])


def _lines_with(text: bytes, word: bytes) -> Iterator[bytes]:
    """Yield the lines that contain a word; a search for it is faster than splitting the text."""
    position = text.find(word)
    while position >= 0:
        start, end = text.rfind(b"\n", 0, position) + 1, text.find(b"\n", position)
        end = len(text) if end < 0 else end
        yield from (line.strip() for line in text[start:end].splitlines() if word in line)
        position = text.find(word, end)


def _rule_key() -> pl.Expr:
    """Return the rule without `$badfilter`, with its modifiers in order of the alphabet."""
    parts = pl.col("text").str.strip_chars().str.splitn("$", 2)
    pattern, modifiers = parts.struct.field("field_0"), parts.struct.field("field_1")
    others = modifiers.str.split(",").list.set_difference(["badfilter"]).list.sort()
    key = pl.concat_str(pattern, pl.lit("$"), others.list.join(",").fill_null(""))
    return key.str.to_lowercase().alias("key")


def _split_lines(text: bytes, options: ParseOptions) -> pl.DataFrame:
    """Return the lines; those that are cancelled have the reason in `cancelled`."""
    lines = split_plain_lines(text, options)
    if not options.state:
        return lines
    # Few lines have the text of a cancelled rule in them, so few keys are needed.
    patterns = [str(key).partition("$")[0] for key in options.state]
    may_match = lines["text"].str.contains_any(patterns, ascii_case_insensitive=True).arg_true()
    keys = lines[may_match].select(_rule_key()).to_series()
    cancelled = may_match.filter(keys.is_in(list(options.state)))
    reasons = pl.Series("cancelled", [None], dtype=pl.String).new_from_index(0, lines.height)
    return lines.with_columns(reasons.scatter(cancelled, "cancelled"))


def _extract_tokens(frame: pl.DataFrame, _options: ParseOptions) -> pl.DataFrame:
    text = pl.col("text")
    rule = text.str.strip_prefix("@@")
    groups = rule.str.extract_groups(_ANCHORED_RULE)
    rows = frame.with_columns(
        rule=rule,
        is_exception=text.str.starts_with("@@"),
        anchor=groups.struct.field("1"),
        wildcard=groups.struct.field("2"),
        name=groups.struct.field("3"),
        modifiers=groups.struct.field("4").fill_null(""),
        plain=rule.str.extract(_PLAIN_NAME),
    ).with_columns(is_firm=pl.col("modifiers").str.contains(_IMPORTANT))
    return make_tokens(
        rows,
        token=pl.coalesce("name", "plain", "text"),
        scope=_rule_scope(),
        reason=_refusal_reason(),
    )


def _rule_scope() -> pl.Expr:
    """Return the scope; a plain name is exact, and as an exception covers its subtree."""
    is_subtree = (pl.col("anchor") == "||") | (pl.col("anchor").is_null() & pl.col("is_exception"))
    return (
        pl.when(pl.col("wildcard").is_not_null())
        .then(pl.lit(Scope.BELOW.value))
        .when(is_subtree)
        .then(pl.lit(Scope.SUBTREE.value))
        .otherwise(pl.lit(Scope.EXACT.value))
    )


def _refusal_reason() -> pl.Expr:
    text, rule = pl.col("text"), pl.col("rule")
    has_name = pl.col("name").is_not_null() | pl.col("plain").is_not_null()
    is_limited = (pl.col("modifiers") != "") & ~pl.col("modifiers").str.contains(
        _HARMLESS_MODIFIERS
    )
    cases = (
        ("cosmetic", text.str.contains(r"#[@?$%]{0,2}#")),
        ("regex", rule.str.contains(r"^/.*/(?:\$.*)?$")),
        ("modifier", is_limited),
        ("path", ~has_name & rule.str.contains(r"^(?:\|\||\|?https?://)[^/]+/")),
        ("pattern", ~has_name),
        (EXCEPTION, pl.col("is_exception")),
    )
    return pl.coalesce(*(pl.when(applies).then(pl.lit(reason)) for reason, applies in cases))


FORMAT = Format(
    "adblock",
    _extract_tokens,
    comment_pattern=_COMMENT,
    split_lines=_split_lines,
    scan_text=_scan_text,
    exceptions_win=True,
    detection_rank=90,
    fast_path=FastPath("||", "^", Scope.SUBTREE),
)
