"""Explain a verdict: one value, inputs of the judge -> what each rule matched, in order.

Each rule asks the functions that the judge itself uses.
"""

from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from blocklist.frames.schemas import KIND, SCOPE
from blocklist.judge.candidates import derive_host_listings
from blocklist.judge.guards import (
    CORE_PREFIX,
    OWN_SOURCE,
    RESERVED_PREFIX,
    SUFFIX_SOURCE,
    find_name_hits,
)
from blocklist.judge.judge import JudgeInput, find_network_hits, weigh_candidates
from blocklist.judge.operator import build_entry_frame, match_entries
from blocklist.model import GuardClass, Indicator, Kind, Reason, Scope

#: Rules that match often name so many entries, and how many more there are.
_MAX_MATCHES = 5


class Rule(StrEnum):
    """The rules of the judge, in the order in which they are asked."""

    OPERATOR = "operator"
    RESERVED = "reserved"
    PUBLIC_SUFFIX = "public-suffix"
    OWN = "own"
    NEVER_BLOCK = "never-block"
    GUARD_LIST = "guard-list"
    POPULAR = "popular"
    SHARED_HOST = "shared-host"
    THRESHOLD = "threshold"
    LISTED = "listed"


@dataclass(frozen=True, slots=True)
class RuleResult:
    """The matches of one rule, and whether it decided the verdict."""

    rule: Rule
    #: The first matches in words: entries, guard entries with their list, feeds.
    matches: tuple[str, ...] = ()
    #: How many matches there are.
    count: int = 0
    #: Whether the rule decided the verdict.
    decided: bool = False


def explain_rules(
    judge_input: JudgeInput,
    query: Indicator,
    subject: Indicator,
    reason: Reason,
    cause: str | None,
) -> tuple[RuleResult, ...]:
    """Return what each rule matches, with the deciding rule marked.

    `subject` is the name or network whose verdict decides about the query; of a URL it is the host.
    `reason` and `cause` are those of the verdict. No rule decided about what is not listed.
    """
    matches = {rule: list[str]() for rule in Rule}
    matches |= _group_causes(_find_hits(judge_input, subject))
    weighed = weigh_candidates(judge_input).filter(pl.col("value") == subject.value)
    matches[Rule.OPERATOR] = _describe_entries(judge_input, query, subject, weighed)
    matches[Rule.POPULAR] = [*matches[Rule.POPULAR], *weighed["famed"].drop_nulls()]
    matches[Rule.THRESHOLD] = _describe_weakness(judge_input, weighed)
    matches[Rule.LISTED] = _describe_listings(judge_input, subject)
    deciding = _find_deciding_rule(reason, cause, matches)
    return tuple(
        RuleResult(rule, tuple(texts[:_MAX_MATCHES]), len(texts), rule is deciding)
        for rule, texts in matches.items()
    )


def _find_hits(judge_input: JudgeInput, subject: Indicator) -> pl.DataFrame:
    guards, values = judge_input.guards, pl.Series("value", [subject.value])
    if subject.kind is Kind.IP:
        return find_network_hits(guards.entries, values)
    registrable = guards.suffixes.registrable_domains(values)
    return find_name_hits(guards, pl.DataFrame({"value": values, "registrable": registrable}))


def _group_causes(hits: pl.DataFrame) -> dict[Rule, list[str]]:
    """Return the guard rules that have hits, with the causes of each, sorted."""
    causes: dict[Rule, set[str]] = {}
    for guard_class, cause, source in hits.select("class", "cause", "source").iter_rows():
        causes.setdefault(_guard_rule(GuardClass(guard_class), source), set()).add(cause)
    return {rule: sorted(texts) for rule, texts in causes.items()}


def _guard_rule(guard_class: GuardClass, source: str) -> Rule:
    if guard_class is GuardClass.POPULAR:
        return Rule.POPULAR
    if guard_class is GuardClass.SHARED_HOST:
        return Rule.SHARED_HOST
    if source.startswith(RESERVED_PREFIX):
        return Rule.RESERVED
    if source.startswith(CORE_PREFIX):
        return Rule.NEVER_BLOCK
    return {SUFFIX_SOURCE: Rule.PUBLIC_SUFFIX, OWN_SOURCE: Rule.OWN}.get(source, Rule.GUARD_LIST)


def _describe_entries(
    judge_input: JudgeInput, query: Indicator, subject: Indicator, weighed: pl.DataFrame
) -> list[str]:
    """Return the entries that cover the subject or the query, in words."""
    entries = build_entry_frame(judge_input.entries)
    indicators = {(indicator.kind, indicator.value) for indicator in (query, subject)}
    rows = [(kind, value, Scope.EXACT) for kind, value in sorted(indicators)]
    schema = {"kind": KIND, "value": pl.String(), "scope": SCOPE}
    exact = pl.DataFrame(rows, schema=schema, orient="row")
    covering = pl.concat(
        [
            match_entries(entries, candidates).select("action", "entry", "covers", "why")
            for candidates in (weighed.select(exact.columns), exact)
        ]
    )
    is_url = (pl.col("kind") == Kind.URL.value) & (pl.col("value") == query.value)
    on_url = entries.filter(is_url).select("action", entry="value", covers="scope", why="why")
    return [
        f"{action} {value} ({scope})" + (f": {why}" if why else "")
        for action, value, scope, why in pl.concat([on_url, covering])
        .unique(maintain_order=True)
        .iter_rows()
    ]


def _describe_weakness(judge_input: JudgeInput, weighed: pl.DataFrame) -> list[str]:
    """Return that the score is below the threshold, if it is."""
    return [
        f"score {score:.2f} is below the threshold {judge_input.threshold:g}"
        for score in weighed.filter("weak")["score"]
    ]


def _describe_listings(judge_input: JudgeInput, subject: Indicator) -> list[str]:
    """Return the listings of the subject and of URLs on it, by feed."""
    listings = judge_input.listings
    direct = listings.filter(pl.col("value") == subject.value)
    texts = [f"{feed} ({scope})" for feed, scope in direct.select("feed", "scope").iter_rows()]
    pages = derive_host_listings(listings).filter(pl.col("value") == subject.value)
    return texts + [f"{feed}: {url}" for feed, url in pages.select("feed", "url").iter_rows()]


_DECIDING_RULES = {
    Reason.OPERATOR: Rule.OPERATOR,
    Reason.WEAK: Rule.THRESHOLD,
    Reason.LISTED: Rule.LISTED,
}
_GUARD_RULES = {
    Reason.PROTECTED: (
        Rule.RESERVED, Rule.PUBLIC_SUFFIX, Rule.OWN, Rule.NEVER_BLOCK, Rule.GUARD_LIST,
    ),
    Reason.POPULAR: (Rule.POPULAR,),
    Reason.SHARED_HOST: (Rule.SHARED_HOST,),
}  # fmt: skip
# A URL is held for whatever keeps its host reachable.
_GUARD_RULES[Reason.URL_ONLY] = tuple(rule for rules in _GUARD_RULES.values() for rule in rules)


def _find_deciding_rule(
    reason: Reason, cause: str | None, matches: dict[Rule, list[str]]
) -> Rule | None:
    if reason in _DECIDING_RULES:
        return _DECIDING_RULES[reason]
    rules = _GUARD_RULES.get(reason, ())
    return next((rule for rule in rules if cause in matches[rule]), None)
