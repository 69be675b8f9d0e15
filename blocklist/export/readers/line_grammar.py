"""Grammar of lists: a target's line templates -> patterns and rules that its lines must match."""

from dataclasses import dataclass
from functools import reduce

from blocklist.config.line_templates import LineTemplate, parse_line_templates
from blocklist.config.targets import AllowPrecedence, Target, target_templates
from blocklist.model import Kind

_NAME_OR_NETWORK_PATTERN = "[a-z0-9_:-][a-z0-9_:./-]*"
_URL_PATTERN = r"https?://[^\s\"]+"
_BASE64_PATTERN = "[A-Za-z0-9+/=]+"


@dataclass(frozen=True)
class LineGrammar:
    """The templates of a target, and the rules that their lines form."""

    templates: list[LineTemplate]
    #: The regular expression of the field of each template.
    field_patterns: list[str]
    #: Key of each rule in the target -> its templates, one bit each.
    rule_bits: dict[str, int]
    head: list[str]
    foot: list[str]
    allows: AllowPrecedence
    #: Whether the lines may be of several kinds.
    is_mixed: bool

    @classmethod
    def from_target(cls, target: Target) -> "LineGrammar":
        """Return the grammar of a target's files."""
        by_key = {
            key: parse_line_templates(text) or [] for key, text in target_templates(target).items()
        }
        templates = list(dict.fromkeys(line for lines in by_key.values() for line in lines))
        rule_bits = {
            key: reduce(int.__or__, (1 << templates.index(line) for line in lines))
            for key, lines in by_key.items()
        }
        allow_urls = Kind.URL in target.kinds and "url_line" not in by_key
        field_patterns = [
            _field_pattern(
                template,
                {key for key, lines in by_key.items() if template in lines},
                allow_urls=allow_urls,
            )
            for template in templates
        ]
        head, foot = target.head.splitlines(), target.foot.splitlines()
        is_mixed = len(target.kinds) > 1
        return cls(templates, field_patterns, rule_bits, head, foot, target.allows, is_mixed)

    def templates_of_rules(self, *keys: str) -> list[int]:
        """Return the indexes of the templates of these rules."""
        bits = reduce(int.__or__, (self.rule_bits.get(key, 0) for key in keys))
        return [index for index in range(len(self.templates)) if bits >> index & 1]

    def sibling_templates(self, index: int) -> list[int]:
        """Return the templates before one that have the same field pattern and a rule in common."""
        return [
            other
            for other in range(index)
            if self.field_patterns[other] == self.field_patterns[index]
            and any(rule >> index & rule >> other & 1 for rule in self.rule_bits.values())
        ]


def _field_pattern(template: LineTemplate, keys: set[str], *, allow_urls: bool) -> str:
    """Return the regular expression of the field of a template that these keys use."""
    if template.field == "base64":
        return _BASE64_PATTERN
    if keys == {"url_line"}:
        return _URL_PATTERN
    if allow_urls and "line" in keys:
        return f"{_URL_PATTERN}|{_NAME_OR_NETWORK_PATTERN}"
    return _NAME_OR_NETWORK_PATTERN
