"""Select the rules of a refreshed suffix list: rules, guarded names -> rules that open nothing.

A suffix makes its own name unblockable, and the names below it independent of guards above it. The
bundled rules are always in force, so a list that lost rules changes nothing.
"""

import logging
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class SelectedRules:
    """The rules of a refreshed suffix list."""

    #: Rules that are in force like those of the bundled list.
    full: SuffixRules
    #: Rules that only protect their own names: names below them keep their guards.
    own_names: SuffixRules


def select_rules(rules: SuffixRules, suffixes: PublicSuffixes, guarded: pl.Series) -> SelectedRules:
    """Return which rules are fully in force, and which protect only their own names.

    `suffixes` are the suffixes so far, `guarded` the names that nobody may block. A new rule on a
    guarded name or below one protects only its own names. Not used are new wildcards directly
    above a guarded name, and new wildcards on a name that is a suffix itself, such as `*.com`,
    because no registrable name there could be blocked. A wildcard may take the place of a rule on
    the same name, if that is no top-level domain.
    """
    bundled = load_bundled_rules()
    exact, wildcard = rules.exact - bundled.exact, rules.wildcard - bundled.wildcard
    below = SuffixRules(
        _find_below_guarded(exact, suffixes, guarded),
        _find_below_guarded(wildcard, suffixes, guarded),
    )
    parents = guarded.to_frame("name").select(parent_name(pl.col("name"))).to_series()
    unused = {
        *parents.filter(parents.is_in(sorted(wildcard))),
        *(wildcard & rules.exact),
        *(name for name in wildcard & bundled.exact if "." not in name),
    }
    if unused:
        names = ", ".join(f"*.{name}" for name in sorted(unused)[:3])
        logger.info("public suffixes: %d new rules would open too much: %s", len(unused), names)
    full = SuffixRules(
        rules.exact - below.exact, rules.wildcard - below.wildcard - unused, rules.exceptions
    )
    return SelectedRules(full, SuffixRules(below.exact, below.wildcard - unused))


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
