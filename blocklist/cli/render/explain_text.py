"""Render explanations of `check --explain`: rules, matches and the decision -> text, dictionary."""

from collections.abc import Iterator

from blocklist import Explanation, RuleResult
from blocklist.cli.render.check_text import format_answer_lines
from blocklist.judge.explain import Rule
from blocklist.text import escape_unprintable

_TITLES = {
    Rule.OPERATOR: "your own entry",
    Rule.RESERVED: "reserved name or network",
    Rule.PUBLIC_SUFFIX: "public suffix",
    Rule.OWN: "your own name or network",
    Rule.NEVER_BLOCK: "never-block core",
    Rule.GUARD_LIST: "guard list that protects",
    Rule.POPULAR: "popular",
    Rule.SHARED_HOST: "shared host",
    Rule.THRESHOLD: "score below the threshold",
    Rule.LISTED: "listed",
}


def explanation_to_dict(explanation: Explanation) -> dict[str, object]:
    """Return the value of the key `explain` of `check --explain --json`."""
    names = ("verdict", "reason", "cause", "match", "threshold", "subject", "rules")
    return {
        **{name: getattr(explanation, name) for name in names},
        "inputs_changed": explanation.inputs_changed,
    }


def format_explanation(explanation: Explanation) -> str:
    """Return the text of an answer and of the rules behind it, printable."""
    lines = [*format_answer_lines(explanation.answer), *_format_rules(explanation)]
    return "\n".join(map(escape_unprintable, lines))


def _format_rules(explanation: Explanation) -> Iterator[str]:
    if explanation.subject is None:
        return
    yield f"  rules for {explanation.subject}; the first that applies decides:"
    for number, result in enumerate(explanation.rules, 1):
        yield f"    {number:>2} {_format_rule(explanation, result)}"
    if not any(result.decided for result in explanation.rules):
        yield "    no rule decides: it is not listed"
    yield from _format_state(explanation)


def _format_rule(explanation: Explanation, result: RuleResult) -> str:
    title = _TITLES[result.rule]
    if result.rule is Rule.THRESHOLD and not result.count:
        return f"{title}: no, the threshold is {explanation.threshold:g}"
    if not result.count:
        return f"{title}: no"
    more = result.count - len(result.matches)
    rest = f" and {more:,} more" if more else ""
    decides = f"  <- decides: {explanation.verdict}" if result.decided else ""
    return f"{title}: {'; '.join(result.matches)}{rest}{decides}"


def _format_state(explanation: Explanation) -> Iterator[str]:
    """Yield whether the inputs of the judge are those of the release."""
    release = explanation.answer.release
    if release is None:
        yield "    there is no release yet, so nothing is blocked; run: blocklist run"
        return
    if not explanation.agrees:
        yield (
            f"    judged now it would be {explanation.verdict} ({explanation.reason}); "
            f"release {release} says {explanation.answer.verdict} ({explanation.answer.reason})"
        )
    if explanation.inputs_changed:
        yield (
            f"    feeds, guards, entries, settings or the program changed since release {release}; "
            "to apply that: blocklist run"
        )
