"""Match names with ranks: top lists and candidates -> rank, needed score and cause.

The more people use a name, the higher the score that a block needs. `docs/explanation/judging.md`
shows the measurement behind the defaults.
"""

import math
from dataclasses import dataclass

import polars as pl

from blocklist.frames.names import expand_ancestors, parent_name
from blocklist.judge.builtin_lists import load_builtin_names

#: Ranks of top lists: the best rank of a name counts. `source` is the list.
RANKS = pl.Schema([("source", pl.String()), ("value", pl.String()), ("rank", pl.UInt32())])
#: The fame of a name: `rank` is what counts, `fame` names the list and its entry for people.
FAME = pl.Schema([("value", pl.String()), ("rank", pl.UInt32()), ("fame", pl.String())])
#: Names beyond this rank are as unknown as names in no list.
LAST_RANK = 1_000_000
#: The factor on a rank for the names below, which may be free names of strangers.
_BELOW_FACTOR = 10
#: The rank of the registrable names under the endings of institutions.
_INSTITUTION_RANK = 100_000


#: The `source` of names under the endings of institutions.
_INSTITUTIONS = "institutions"


@dataclass(frozen=True, slots=True)
class FameRule:
    """How the needed score depends on the rank."""

    #: The score that a block of the last rank needs.
    score: float = 0.75
    #: The last rank that is always held.
    always: int = 10_000

    def compute_needed_score(self, rank: pl.Expr, threshold: float) -> pl.Expr:
        """Return the score that a block needs; infinite for "never", null without a rank.

        It falls with the logarithm of the rank, from 1 at the last rank that is always held.
        """
        last, first = math.log(LAST_RANK), math.log(max(1, self.always))
        share = (last - rank.cast(pl.Float64).log()) / ((last - first) or 1.0)
        needed = (self.score + (1 - self.score) * share).clip(threshold, 1.0)
        is_always = rank <= self.always
        return pl.when(is_always).then(math.inf).when(rank <= LAST_RANK).then(needed)


def match_fame(ranks: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
    """Return the best rank of each famous name: one row a name (schema `FAME`).

    `ranks` has the schema `RANKS`; `candidates` has `value` and `registrable`. A name counts with
    its own rank, with that of a listed name below it, and with ten times the rank of a listed name
    above it, if no public suffix is between them.
    """
    parts = [_match_institutions(candidates)]
    if not ranks.is_empty():
        parts += [
            _match_at_or_below_listed(ranks, candidates),
            _match_names_above_listed(ranks, candidates),
        ]
    hits = pl.concat(parts).filter(pl.col("rank") <= LAST_RANK).sort("rank", "source", "entry")
    best = hits.unique("value", keep="first", maintain_order=True)
    return best.select("value", "rank", fame=_describe_rank()).match_to_schema(FAME)


_HIT_COLUMNS = ("value", "rank", "listed_rank", "entry", "source")


def _match_at_or_below_listed(ranks: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
    """Match listed names, and names below them without a public suffix between them."""
    own = candidates.select("value", ancestor="value", factor=pl.lit(1, pl.UInt64))
    above = _list_names_above(candidates).with_columns(factor=pl.lit(_BELOW_FACTOR, pl.UInt64))
    hits = _join_few(pl.concat([own, above]), "ancestor", ranks, "value")
    counted = (pl.col("rank") * pl.col("factor")).clip(0, LAST_RANK + 1).cast(pl.UInt32)
    hits = hits.with_columns(entry="ancestor", listed_rank="rank", rank=counted)
    return hits.select(_HIT_COLUMNS)


def _list_names_above(candidates: pl.DataFrame) -> pl.DataFrame:
    """Return `value` and each `ancestor` of it down to its registrable domain."""
    size, root_size = pl.col("value").str.len_bytes(), pl.col("registrable").str.len_bytes()
    names = candidates.filter(size > root_size)
    # Most names are directly below their registrable domain.
    parents = names.with_columns(parent=parent_name(pl.col("value")))
    parents = parents.filter(pl.col("parent").str.len_bytes() > root_size)
    between = expand_ancestors(parents, "parent").filter(
        pl.col("ancestor").str.len_bytes() > root_size
    )
    roots = names.select("value", ancestor="registrable")
    return pl.concat([roots, between.select("value", "ancestor")])


def _match_names_above_listed(ranks: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
    """Match names above a listed name, because blocking those may block the listed name too."""
    # Above a name of two labels there are only top-level domains, which are public suffixes.
    deep = ranks.filter(pl.col("value").str.count_matches(".", literal=True) > 1)
    ancestors = expand_ancestors(deep.rename({"value": "entry"}), "entry")
    ancestors = ancestors.filter(pl.col("steps") > 0)
    hits = _join_few(candidates.select("value"), "value", ancestors, "ancestor")
    return hits.with_columns(listed_rank="rank").select(_HIT_COLUMNS)


def _join_few(left: pl.DataFrame, left_on: str, right: pl.DataFrame, right_on: str) -> pl.DataFrame:
    """Return the join of two long frames that share few values.

    Rows are filtered by hashes first, in a third of the time; the join drops equal hashes of
    different values.
    """
    left_hash, right_hash = pl.col(left_on).hash(), pl.col(right_on).hash()
    left = left.filter(left_hash.is_in(right.select(right_hash).to_series().implode()))
    right = right.filter(right_hash.is_in(left.select(left_hash).to_series().implode()))
    return left.join(right, left_on=left_on, right_on=right_on)


def _match_institutions(candidates: pl.DataFrame) -> pl.DataFrame:
    """Match registrable names under the endings of institutions."""
    pattern = _institution_pattern()
    is_own_name = pl.col("value") == pl.col("registrable")
    names = candidates.filter(is_own_name).filter(pl.col("value").str.contains(pattern))
    rank = pl.lit(_INSTITUTION_RANK, pl.UInt32)
    ending = pl.col("value").str.extract(r"\.(.*)$")
    return names.select(
        "value", rank.alias("rank"), listed_rank=rank, entry=ending, source=pl.lit(_INSTITUTIONS)
    )


def _institution_pattern() -> str:
    """Return the regular expression of the names under an ending of institutions."""
    endings = load_builtin_names("institutions")
    patterns = (ending.replace(".", r"\.").replace("*", "[a-z]{2}") for ending in endings)
    return rf"\.(?:{'|'.join(sorted(patterns))})$"


def _describe_rank() -> pl.Expr:
    """Return the list, the rank and the entry in words."""
    listed, counted = _format_number(pl.col("listed_rank")), _format_number(pl.col("rank"))
    is_institution = pl.col("source") == _INSTITUTIONS
    text = pl.concat_str(
        pl.lit("rank "), listed, pl.lit(" of "), "source", pl.lit(" (of "), "entry", pl.lit(")")
    )
    as_counted = pl.concat_str(text, pl.lit(", counted as "), counted)
    institution = pl.concat_str(pl.lit("under "), "entry", pl.lit(", counted as rank "), counted)
    return (
        pl.when(is_institution)
        .then(institution)
        .when(pl.col("listed_rank") == pl.col("rank"))
        .then(text)
        .otherwise(as_counted)
    )


def _format_number(number: pl.Expr) -> pl.Expr:
    """Return a number below a thousand millions with commas between thousands."""
    text = number.cast(pl.String).str.replace(r"([0-9])([0-9]{3})$", "$1,$2")
    return text.str.replace(r"([0-9])([0-9]{3}),", "$1,$2,")


def describe_need(fame: pl.Expr, needed: pl.Expr, given: pl.Expr) -> pl.Expr:
    """Return a cause with rank, needed and given score; the given score is rounded down."""
    # A hundredth is no binary number: 0.29 * 100 is 28.999999999999996.
    needed_text = _format_hundredths((needed * 100).round())
    given_text = _format_hundredths((given * 100).round(6).floor())
    scores = pl.concat_str(pl.lit(", needed "), needed_text, pl.lit(", given "), given_text)
    always = pl.when(needed.is_infinite()).then(pl.lit(", always held"))
    return pl.concat_str(fame, always.otherwise(scores))


def _format_hundredths(hundredths: pl.Expr) -> pl.Expr:
    """Return a number of hundredths as a number with two decimals."""
    number = hundredths.clip(0, 100).cast(pl.UInt8)
    decimals = (number % 100).cast(pl.String).str.zfill(2)
    return pl.concat_str((number // 100).cast(pl.String), pl.lit("."), decimals)
