"""Read lists back: hosts, names, networks, URLs and rules -> entry count and blocked queries.

Each line must match a template of the target's TOML, and the lines of one entry must form one of
its rules: a consumer blocks a name fully only if every line of the entry is there. Entries are
compared by 64-bit hashes; the few entries that queries depend on are compared as text.
"""

from dataclasses import dataclass
from functools import partial, reduce
from pathlib import Path

import polars as pl

from blocklist.config.exports import Export
from blocklist.config.line_templates import LineTemplate, parse_line_templates
from blocklist.config.targets import AllowPrecedence, Target, target_templates
from blocklist.errors import ExportFailed
from blocklist.export.readers.addresses import NetworkRanges
from blocklist.export.readers.reading import Queries, ReadResult, filter_wanted, read_pieces
from blocklist.frames.diff import count_distinct
from blocklist.indicators.names import name_and_ancestors
from blocklist.model import Kind

_NAME_OR_NETWORK_PATTERN = "[a-z0-9_:-][a-z0-9_:./-]*"
_URL_PATTERN = r"https?://[^\s\"]+"
_NETWORK_PATTERN = r"^(?:[0-9.]+|[0-9a-f]*:[0-9a-f:]*)(?:/[0-9]+)?$"
_BASE64_PATTERN = "[A-Za-z0-9+/=]+"
#: The rules that block a name itself, and those that block the names below it.
_NAME_RULES = {"line", "subtree_line"}
_BELOW_RULES = {"subtree_line", "below_line"}


def read_file(path: Path, export: Export, queries: Queries) -> ReadResult:
    """Return what a list holds; raise `ExportFailed` where it is not as its target says."""
    target = _LineGrammar.from_target(export.target)
    above = {up for name in queries.get(Kind.DOMAIN, ()) for up in name_and_ancestors(name)}
    wanted = pl.Series(sorted(above | set(queries.get(Kind.URL, ()))), dtype=pl.String)
    parts, canaries = read_pieces(
        path, export, partial(_parse_piece, target, wanted, Kind.IP in queries)
    )
    _require_head_and_foot(parts, target)
    hashes = [
        pl.concat([part.entry_hashes[place] for part in parts])
        for place in range(len(target.templates))
    ]
    counts = _count_entries(hashes, target.rule_bits)
    said = _find_rules(pl.concat([part.near_entries for part in parts]), target.rule_bits)
    return ReadResult(
        entry_count=sum(count for key, count in counts.items() if key != "allow_line"),
        blocked_queries={
            kind: _find_blocked(kind, asked, said, parts, target) for kind, asked in queries.items()
        },
        canary_lines=canaries,
    )


@dataclass(frozen=True)
class _LineGrammar:
    """What the lines of a target look like."""

    templates: list[LineTemplate]
    #: The regular expression of what may stand in the field of each form.
    field_patterns: list[str]
    #: Key of each template -> its forms, a bit each.
    rule_bits: dict[str, int]
    head: list[str]
    foot: list[str]
    allows: AllowPrecedence
    #: Whether a line may be of one kind or another.
    is_mixed: bool

    @classmethod
    def from_target(cls, target: Target) -> "_LineGrammar":
        wanted = {
            key: parse_line_templates(template) or []
            for key, template in target_templates(target).items()
        }
        every = list(dict.fromkeys(form for lines in wanted.values() for form in lines))
        rules = {
            key: reduce(int.__or__, (1 << every.index(form) for form in lines))
            for key, lines in wanted.items()
        }
        urls_too = Kind.URL in target.kinds and "url_line" not in wanted
        fields = [
            _field_pattern(form, {key for key in wanted if form in wanted[key]}, urls_too=urls_too)
            for form in every
        ]
        head, foot = target.head.splitlines(), target.foot.splitlines()
        return cls(every, fields, rules, head, foot, target.allows, len(target.kinds) > 1)

    def templates_of_rules(self, *keys: str) -> list[int]:
        """Return the places of the forms that rules have."""
        bits = reduce(int.__or__, (self.rule_bits.get(key, 0) for key in keys))
        return [place for place in range(len(self.templates)) if bits >> place & 1]

    def sibling_templates(self, place: int) -> list[int]:
        """Return the forms before one that have the same field, and lines in the same rule."""
        return [
            other
            for other in range(place)
            if self.field_patterns[other] == self.field_patterns[place]
            and any(rule >> place & rule >> other & 1 for rule in self.rule_bits.values())
        ]


def _field_pattern(form: LineTemplate, users: set[str], *, urls_too: bool) -> str:
    """Return the regular expression of what may stand in the field of a line."""
    if form.field == "base64":
        return _BASE64_PATTERN
    if users == {"url_line"}:
        return _URL_PATTERN
    return (
        f"{_URL_PATTERN}|{_NAME_OR_NETWORK_PATTERN}"
        if urls_too and "line" in users
        else _NAME_OR_NETWORK_PATTERN
    )


@dataclass(frozen=True, slots=True)
class _PieceContent:
    """What a piece of the file holds."""

    #: The first and last lines, and those that are no entry.
    first_lines: list[str]
    last_lines: list[str]
    other_lines: list[str]
    #: Of each form, the hashes of its entries.
    entry_hashes: list[pl.Series]
    #: `value` and `form` of the entries that a query is about.
    near_entries: pl.DataFrame
    networks: pl.Series


def _parse_piece(
    target: _LineGrammar, wanted: pl.Series, networks: bool, texts: pl.Series
) -> _PieceContent:
    found: list[_TemplateMatch] = []
    for place in range(len(target.templates)):
        found.append(_match_template(texts, target, place, found))
    # A line of several forms would be read differently by every consumer.
    times = pl.DataFrame({str(place): one.line_mask for place, one in enumerate(found)})
    entry = times.select(pl.sum_horizontal(pl.all()) == 1).to_series()
    if around := target.head + target.foot:
        entry &= ~texts.is_in(around)
    plain = entry.all()
    values = [
        _decode_field(
            one.field_texts if plain else one.field_texts.filter(entry.filter(one.line_mask)), form
        )
        for one, form in zip(found, target.templates, strict=True)
    ]
    near = [
        pl.DataFrame({"value": filter_wanted(found, wanted)}).with_columns(
            form=pl.lit(1 << place, pl.UInt32)
        )
        for place, found in enumerate(values)
    ]
    own = target.templates_of_rules("ip_line", "ip6_line")
    addresses = [values[place] for place in own or target.templates_of_rules("line") if networks]
    every = pl.concat([pl.Series([], dtype=pl.String), *addresses])
    if target.is_mixed and not own:
        every = every.filter(every.str.contains(_NETWORK_PATTERN))
    return _PieceContent(
        texts.head(len(target.head)).to_list(),
        texts.tail(len(target.foot)).to_list(),
        texts.filter(~entry).to_list(),
        [found.hash() for found in values],
        pl.concat(near),
        every,
    )


@dataclass(frozen=True, slots=True)
class _TemplateMatch:
    """Which lines are of a form, and what is inside their fields."""

    line_mask: pl.Series
    field_texts: pl.Series


def _match_template(
    texts: pl.Series, target: _LineGrammar, place: int, others: list[_TemplateMatch]
) -> _TemplateMatch:
    """Return which lines are of a form; `others` is what was found of those before it."""
    form, field = target.templates[place], target.field_patterns[place]
    fits = texts.str.starts_with(form.prefix) & texts.str.ends_with(form.suffix)
    near = texts.filter(fits)
    if beside := target.sibling_templates(place):
        # What is right in one line of an entry is right in another. A piece may begin between them.
        inside, cut = _slice_field(near, form), int(fits.head(1).sum())
        firsts = (others[other].field_texts.head(len(inside) - cut) for other in beside)
        lone = inside.head(cut).str.contains(f"^(?:{field})$")
        if lone.all() and any(inside.slice(cut).equals(first) for first in firsts):
            return _TemplateMatch(fits, inside)
    before, behind = map(pl.escape_regex, (form.prefix, form.suffix))
    right = near.str.contains(f"^{before}(?:{field}){behind}$")
    if not right.all():
        fits = fits.scatter(fits.arg_true().filter(~right), False)
    return _TemplateMatch(fits, _slice_field(near.filter(right), form))


def _slice_field(lines: pl.Series, form: LineTemplate) -> pl.Series:
    """Return what lines have between what stands before and behind the field of a form."""
    behind = lines.str.slice(len(form.prefix))
    return behind.str.head(-len(form.suffix)) if form.suffix else behind


def _decode_field(found: pl.Series, form: LineTemplate) -> pl.Series:
    """Return the entries that fields of a form have."""
    if form.field == "base64":
        return found.str.decode("base64").cast(pl.String)
    if form.field == "json":
        return found.str.replace_all("\\\\", "\\", literal=True)
    if form.field == "network":
        return found.str.replace(r"^([0-9.]+)/32$|^([0-9a-f:]+)/128$", "$1$2")
    return found


def _require_head_and_foot(parts: list[_PieceContent], target: _LineGrammar) -> None:
    if parts[0].first_lines != target.head:
        raise ExportFailed("the file does not begin as the target says")
    if parts[-1].last_lines != target.foot:
        raise ExportFailed("the file does not end as the target says")
    if [line for part in parts for line in part.other_lines] != target.head + target.foot:
        raise ExportFailed("the file has a line that is not as the target says")


def _count_entries(hashes: list[pl.Series], rules: dict[str, int]) -> dict[str, int]:
    """Return how many different entries there are of each rule; each must have all its lines."""
    if len(rules) == 1 and all(hashes[0].equals(other) for other in hashes[1:]):
        return {key: count_distinct(hashes[0]) for key in rules}
    if all(rule.bit_count() == 1 for rule in rules.values()):  # every rule is one line
        each = [count_distinct(found) for found in hashes]
        if count_distinct(pl.concat(hashes)) == sum(each):
            return {key: each[rule.bit_length() - 1] for key, rule in rules.items()}
    lines = pl.concat(
        found.alias("value").to_frame().with_columns(form=pl.lit(1 << place, pl.UInt32))
        for place, found in enumerate(hashes)
    )
    every = _group_by_entry(lines)["form"]
    _require_whole_entries(every, rules)
    return {key: int((every == rule).sum()) for key, rule in rules.items()}


def _group_by_entry(lines: pl.DataFrame) -> pl.DataFrame:
    return lines.unique().group_by("value").agg(pl.col("form").sum())


def _require_whole_entries(masks: pl.Series, rules: dict[str, int]) -> None:
    if not masks.is_in(list(rules.values())).all():
        raise ExportFailed("the file has a line without the other lines of its entry")


def _find_rules(near: pl.DataFrame, rules: dict[str, int]) -> dict[str, str]:
    """Return the rule of each entry that a query is about."""
    every = _group_by_entry(near)
    _require_whole_entries(every["form"], rules)
    keys = {rule: key for key, rule in rules.items()}
    return {value: keys[form] for value, form in every.iter_rows()}


def _find_blocked(
    kind: Kind,
    queries: list[str],
    said: dict[str, str],
    parts: list[_PieceContent],
    target: _LineGrammar,
) -> set[str]:
    """Return the names that are blocked, the addresses in a listed network, or the URLs."""
    if kind is Kind.IP:
        ranges = NetworkRanges(pl.concat([part.networks for part in parts]).unique())
        return {query for query in queries if ranges.contains(query)}
    if kind is Kind.URL:
        key = "url_line" if "url_line" in target.rule_bits else "line"
        return {query for query in queries if said.get(query) == key}
    return {query for query in queries if _is_blocked(query, said, target.allows)}


def _is_blocked(query: str, rules: dict[str, str], allows: AllowPrecedence) -> bool:
    """Return whether a name is blocked, as the consumer weighs its rules."""
    said = [(rules[name], name == query) for name in name_and_ancestors(query) if name in rules]
    blocking = [rule in (_NAME_RULES if own else _BELOW_RULES) for rule, own in said]
    if allows is AllowPrecedence.SPECIFIC:
        return bool(blocking) and blocking[0]
    allowed = any(rule == "allow_line" for rule, _ in said)
    return any(blocking) and not allowed
