"""Find registrable domains by the Public Suffix List: names -> registrable domains.

Source: https://publicsuffix.org/list/ as tldextract bundles it, with the private section, and the
rules of a newer list, if there is one. The algorithm is that of the list: exceptions, wildcards,
the longest rule, and `*` if no rule matches.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache, cached_property

import polars as pl
from tldextract import TLDExtract

from blocklist.errors import InvalidIndicator
from blocklist.frames.names import expand_ancestors, parent_name
from blocklist.frames.parallel import map_column
from blocklist.indicators.names import canonicalize_name


@dataclass(frozen=True, slots=True)
class SuffixRules:
    """The rules of a suffix list: `co.uk`, the `ck` of `*.ck`, and the `www.ck` of `!www.ck`."""

    exact: frozenset[str] = frozenset()
    wildcard: frozenset[str] = frozenset()
    exceptions: frozenset[str] = frozenset()

    def has_suffix(self, name: str) -> bool:
        """Return whether a name is a suffix by these rules; unlisted top-level domains are not."""
        is_wildcard = name.partition(".")[2] in self.wildcard and name not in self.exceptions
        return name in self.exact or is_wildcard

    def merge(self, other: "SuffixRules") -> "SuffixRules":
        """Return rules by which each suffix of either list is a suffix.

        An exception without its wildcard has no meaning and is left out.
        """
        wildcard = self.wildcard | other.wildcard
        exceptions = {
            name
            for name in self.exceptions | other.exceptions
            if name.partition(".")[2] in wildcard
            and not (self.has_suffix(name) or other.has_suffix(name))
        }
        return SuffixRules(self.exact | other.exact, wildcard, frozenset(exceptions))


class PublicSuffixes:
    """The bundled rules, those of a newer list, and further names that are suffixes."""

    def __init__(
        self, extra: frozenset[str] = frozenset(), newer: SuffixRules | None = None
    ) -> None:
        rules = load_bundled_rules()
        rules = rules.merge(newer) if newer else rules
        self.exact_rules = pl.Series(sorted(extra | rules.exact))
        self.wildcard_rules = pl.Series(sorted(rules.wildcard), dtype=pl.String)
        self.exception_rules = pl.Series(sorted(rules.exceptions), dtype=pl.String)

    @cached_property
    def names_above(self) -> pl.Series:
        """The names that have public suffixes below them."""
        exact, wildcard = (
            self.exact_rules.alias("rule").to_frame(),
            self.wildcard_rules.alias("rule").to_frame(),
        )
        above = expand_ancestors(exact, "rule").filter(pl.col("steps") > 0)["ancestor"]
        # Every name directly below the name of a wildcard rule is a suffix.
        return above.append(expand_ancestors(wildcard, "rule")["ancestor"]).unique()

    def registrable_domains(self, texts: pl.Series) -> pl.Series:
        """Return the registrable domain of each canonical name; null for a public suffix."""
        return map_column(self._find_registrable, texts)

    def _find_registrable(self, texts: pl.Series) -> pl.Series:
        level = texts.alias("name").to_frame().with_row_index("row")
        level = level.with_columns(below=pl.lit(None, pl.String))
        results = []
        while not level.is_empty():
            matched = level.with_columns(up=parent_name(pl.col("name"))).with_columns(
                self._match_rules()
            )
            results.append(matched.filter("done").select("row", registrable="below"))
            level = matched.filter(~pl.col("done")).select("row", name="up", below="name")
        if not results:
            return pl.Series("registrable", [], pl.String)
        return pl.concat(results).sort("row")["registrable"]

    def _match_rules(self) -> tuple[pl.Expr, pl.Expr]:
        """Return `done` and `below`: walking up a name ends at the first public suffix."""
        name, up = pl.col("name"), pl.col("up")
        # The parent of an exception is a suffix, but only for names below the exception.
        is_exception = name.is_in(self.exception_rules.implode())
        is_wildcard = up.is_in(self.wildcard_rules.implode()).fill_null(value=False)
        is_suffix = name.is_in(self.exact_rules.implode()) | is_wildcard | up.is_null()
        return (
            (is_exception | is_suffix).fill_null(value=True).alias("done"),
            pl.when(is_exception).then(name).otherwise("below").alias("below"),
        )


def is_public_suffix(name: str) -> bool:
    """Return whether one canonical name is a public suffix by the bundled rules."""
    return bool(find_public_suffixes([name]))


def find_public_suffixes(names: Collection[str]) -> set[str]:
    """Return the canonical names that are public suffixes by the bundled rules."""
    texts = pl.Series(list(names), dtype=pl.String)
    return set(texts.filter(PublicSuffixes().registrable_domains(texts).is_null()))


@cache
def load_bundled_rules() -> SuffixRules:
    """Return the rules of the list that tldextract bundles."""
    extract = TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)
    rules = frozenset(filter(None, map(_encode_rule, extract.tlds)))
    return SuffixRules(
        frozenset(rule for rule in rules if rule[0] not in "*!"),
        frozenset(rule[2:] for rule in rules if rule.startswith("*.")),
        frozenset(rule[1:] for rule in rules if rule.startswith("!")),
    )


def _encode_rule(rule: str) -> str | None:
    mark = rule[: len(rule) - len(rule.lstrip("*.!"))]
    try:
        return mark + canonicalize_name(rule[len(mark) :])
    except InvalidIndicator:
        return None
