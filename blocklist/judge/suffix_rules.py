"""Select the rules of a refreshed suffix list that open nothing: rules, guarded names -> rules.

A suffix makes its own name unblockable, and the names below it independent of guards above it. The
bundled rules are always in force, so a list that lost rules changes nothing.
"""

import logging

import polars as pl

from blocklist.frames.names import expand_ancestors, parent_name
from blocklist.frames.public_suffixes import PublicSuffixes, SuffixRules, load_bundled_rules
from blocklist.model import Kind, Scope

logger = logging.getLogger(__name__)


def build_suffix_rules(listings: pl.DataFrame) -> SuffixRules:
    """Return the rules that suffix lists list (schema `LISTINGS`).

    The scopes are those of the format `public-suffix`: exact for a rule, below for a wildcard,
    subtree for an exception.
    """
    names = listings.filter(pl.col("kind") == Kind.DOMAIN.value)
    return SuffixRules(
        *(
            frozenset(names.filter(pl.col("scope") == scope.value)["value"])
            for scope in (Scope.EXACT, Scope.BELOW, Scope.SUBTREE)
        )
    )


def select_safe_rules(
    rules: SuffixRules, suffixes: PublicSuffixes, guarded: pl.Series
) -> SuffixRules:
    """Return the rules without new ones that would open names.

    `suffixes` are the suffixes so far, `guarded` the names that nobody may block. Left out are:
    rules on a guarded name or below one, because names below the rule would lose their guard;
    wildcards directly above a guarded name; and wildcards on a name that is a suffix itself, such
    as `*.com`, because no registrable name there could be blocked. A wildcard may take the place of
    a rule on the same name, if that is no top-level domain.
    """
    bundled = load_bundled_rules()
    exact, wildcard = rules.exact - bundled.exact, rules.wildcard - bundled.wildcard
    guarded = guarded.unique()
    unsafe_exact = _find_below_guarded(exact, suffixes, guarded)
    parents = guarded.to_frame("name").select(parent_name(pl.col("name"))).to_series()
    unsafe_wildcard = {
        *_find_below_guarded(wildcard, suffixes, guarded),
        *(wildcard & set(parents.filter(parents.is_in(list(wildcard))))),
        *(wildcard & rules.exact),
        *(name for name in wildcard & bundled.exact if "." not in name),
    }
    unused = sorted([*unsafe_exact, *(f"*.{name}" for name in unsafe_wildcard)])
    if unused:
        logger.info(
            "public suffixes: %d new rules are not used, because they would open guarded names or "
            "whole suffixes, such as %s",
            *(len(unused), ", ".join(unused[:3])),
        )
    return SuffixRules(
        rules.exact - unsafe_exact, rules.wildcard - unsafe_wildcard, rules.exceptions
    )


def _find_below_guarded(
    names: frozenset[str], suffixes: PublicSuffixes, guarded: pl.Series
) -> frozenset[str]:
    """Return the names at or below a guarded name, without a public suffix between them."""
    frame = pl.DataFrame({"name": sorted(names)}, schema={"name": pl.String})
    frame = frame.with_columns(registrable=suffixes.registrable_domains(frame["name"]))
    ancestors = expand_ancestors(frame.drop_nulls("registrable"), "name").filter(
        pl.col("ancestor").str.len_bytes() >= pl.col("registrable").str.len_bytes()
    )
    return frozenset(ancestors.filter(pl.col("ancestor").is_in(guarded.implode()))["name"])
