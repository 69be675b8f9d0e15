"""Describe allows of what nothing blocks: names -> sentences, with blocked names a person may mean.

The cost is bounded: one look-up for all variants of a name, one of a range, and one search.
"""

import string
from collections.abc import Iterable, Iterator
from itertools import islice

from blocklist.check.single import check_one
from blocklist.indicators.names import name_and_ancestors
from blocklist.ledger.lookup import LedgerLookup, VerdictRecord
from blocklist.model import Indicator, Kind, Verdict

#: What a name consists of, where a letter may have been mistyped.
_CHARACTERS = string.ascii_lowercase + string.digits + "-"
#: The variants of a longer name are too many.
_MAX_LENGTH = 40
MAX_SUGGESTIONS = 3
#: Of so many indicators of one call it is looked up whether anything blocks them.
_MAX_LOOKED_UP = 20


def describe_needless_allows(
    lookup: LedgerLookup, indicators: Iterable[Indicator]
) -> Iterator[str]:
    """Yield a sentence for each of the first indicators that nothing blocks or holds."""
    if lookup.release_number() is None:
        return
    for indicator in islice(indicators, _MAX_LOOKED_UP):
        if check_one(indicator.value, lookup).verdict is Verdict.CLEAR:
            yield _describe_needless_allow(lookup, indicator)


def _describe_needless_allow(lookup: LedgerLookup, indicator: Indicator) -> str:
    near = suggest_blocked_names(lookup, indicator.value) if indicator.kind is Kind.DOMAIN else []
    below = [name for name in near if name.endswith(f".{indicator.value}")]
    if below:
        return f"nothing blocks {indicator.value} itself; blocked below it: {', '.join(below)}"
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    return f"nothing blocks {indicator.value}{hint}"


def suggest_blocked_names(lookup: LedgerLookup, name: str) -> list[str]:
    """Return names that the current release blocks and that differ little from a name.

    These have one character more, fewer, or another, two that changed places, the same first label
    and another end, or are above or below the name.
    """
    close = lookup.find_verdicts([*name_and_ancestors(name), *_list_variants(name)])
    label, dot, _ = name.partition(".")
    same_label = lookup.find_names_between(f"{label}.", f"{label}/") if dot else []
    # Of the names below a top-level domain there may be millions.
    below = lookup.find_names_below(name) if dot else []
    found = _select_blocked([*close, *same_label, *below])
    return list(dict.fromkeys(value for value in found if value != name))[:MAX_SUGGESTIONS]


def _select_blocked(rows: Iterable[VerdictRecord]) -> list[str]:
    return [row.value for row in rows if row.verdict is Verdict.BLOCK]


def _list_variants(name: str) -> Iterator[str]:
    """Yield the names that a person who mistyped one character may mean."""
    if len(name) > _MAX_LENGTH:
        return
    for place in range(len(name) + 1):
        before, after = name[:place], name[place:]
        yield before + after[1:]
        yield before + after[1:2] + after[:1] + after[2:]
        for character in _CHARACTERS:
            yield before + character + after
            yield before + character + after[1:]
