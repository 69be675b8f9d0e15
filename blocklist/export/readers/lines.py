"""Read lists back: hosts, names, networks, URLs and rules -> entry count and blocked queries.

Each line must match a template of the target's TOML, and the lines of one entry must form one of
its rules: a consumer blocks a name fully only if every line of the entry is there. Entries are
compared by 64-bit hashes; the few entries that queries depend on are compared as text.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl

from blocklist.config.exports import Export
from blocklist.config.line_templates import LineTemplate
from blocklist.config.targets import AllowPrecedence
from blocklist.errors import ExportFailed
from blocklist.export.readers.addresses import NetworkRanges
from blocklist.export.readers.line_grammar import LineGrammar
from blocklist.export.readers.reading import Queries, ReadResult, filter_relevant, read_pieces
from blocklist.frames.diff import count_distinct
from blocklist.indicators.names import name_and_ancestors
from blocklist.model import Kind

_NETWORK_PATTERN = r"^(?:[0-9.]+|[0-9a-f]*:[0-9a-f:]*)(?:/[0-9]+)?$"
#: The rules that block a name itself, and those that block the names below it.
_NAME_RULES = {"line", "subtree_line"}
_BELOW_RULES = {"subtree_line", "below_line"}


def read_file(path: Path, export: Export, queries: Queries) -> ReadResult:
    """Return the entries and blocked queries of a list.

    Raise `ExportFailed` if the file does not follow its target's templates.
    """
    grammar = LineGrammar.from_target(export.target)
    above = {up for name in queries.get(Kind.DOMAIN, ()) for up in name_and_ancestors(name)}
    relevant = pl.Series(sorted(above | set(queries.get(Kind.URL, ()))), dtype=pl.String)
    parse = partial(_parse_piece, grammar, relevant, Kind.IP in queries)
    pieces, canaries = read_pieces(path, export, parse)
    _require_head_and_foot(pieces, grammar)
    hashes = [
        pl.concat([piece.entry_hashes[index] for piece in pieces])
        for index in range(len(grammar.templates))
    ]
    counts = _count_entries(hashes, grammar.rule_bits)
    rules = _find_rules(pl.concat([piece.relevant for piece in pieces]), grammar.rule_bits)
    return ReadResult(
        entry_count=sum(count for key, count in counts.items() if key != "allow_line"),
        blocked_queries={
            kind: _find_blocked(kind, kind_queries, rules, pieces, grammar)
            for kind, kind_queries in queries.items()
        },
        canary_lines=canaries,
    )


@dataclass(frozen=True, slots=True)
class _PieceContent:
    """The content of a piece of the file."""

    #: The first and last lines, and all lines that are no entry.
    first_lines: list[str]
    last_lines: list[str]
    other_lines: list[str]
    #: Hashes of the entries of each template.
    entry_hashes: list[pl.Series]
    #: `value` and `template` (a bit) of the entries on which queries depend.
    relevant: pl.DataFrame
    networks: pl.Series


def _parse_piece(
    grammar: LineGrammar, relevant: pl.Series, needs_networks: bool, texts: pl.Series
) -> _PieceContent:
    """Return the content of the lines of a piece; queries depend on the `relevant` values."""
    matches: list[_TemplateMatch] = []
    for index in range(len(grammar.templates)):
        matches.append(_match_template(texts, grammar, index, matches))
    is_entry = _find_entries(texts, grammar, matches)
    values = [
        _decode_field(match.fields_where(is_entry), template)
        for match, template in zip(matches, grammar.templates, strict=True)
    ]
    relevant_entries = [
        pl.DataFrame({"value": filter_relevant(found, relevant)}).with_columns(
            template=pl.lit(1 << index, pl.UInt32)
        )
        for index, found in enumerate(values)
    ]
    return _PieceContent(
        texts.head(len(grammar.head)).to_list(),
        texts.tail(len(grammar.foot)).to_list(),
        texts.filter(~is_entry).to_list(),
        [found.hash() for found in values],
        pl.concat(relevant_entries),
        _collect_networks(grammar, values) if needs_networks else _NO_NETWORKS,
    )


_NO_NETWORKS = pl.Series([], dtype=pl.String)


@dataclass(frozen=True, slots=True)
class _TemplateMatch:
    """A mask of the lines that match a template, and the texts of their fields."""

    line_mask: pl.Series
    field_texts: pl.Series

    def fields_where(self, is_entry: pl.Series) -> pl.Series:
        """Return the texts of the fields of lines that are entries."""
        if is_entry.all():
            return self.field_texts
        return self.field_texts.filter(is_entry.filter(self.line_mask))


def _find_entries(
    texts: pl.Series, grammar: LineGrammar, matches: list[_TemplateMatch]
) -> pl.Series:
    """Return a mask of the lines that match exactly one template, and are not in head or foot."""
    # Consumers would read a line of several templates in different ways.
    masks = pl.DataFrame({str(index): match.line_mask for index, match in enumerate(matches)})
    is_entry = masks.select(pl.sum_horizontal(pl.all()) == 1).to_series()
    if head_and_foot := grammar.head + grammar.foot:
        is_entry &= ~texts.is_in(head_and_foot)
    return is_entry


def _collect_networks(grammar: LineGrammar, values: list[pl.Series]) -> pl.Series:
    """Return the networks among the entries of a piece."""
    own = grammar.templates_of_rules("ip_line", "ip6_line")
    indexes = own or grammar.templates_of_rules("line")
    networks = pl.concat([_NO_NETWORKS, *(values[index] for index in indexes)])
    if grammar.is_mixed and not own:
        return networks.filter(networks.str.contains(_NETWORK_PATTERN))
    return networks


def _match_template(
    texts: pl.Series, grammar: LineGrammar, index: int, previous: list[_TemplateMatch]
) -> _TemplateMatch:
    """Return which lines match a template; `previous` has the matches of the templates before."""
    template, pattern = grammar.templates[index], grammar.field_patterns[index]
    mask = texts.str.starts_with(template.prefix) & texts.str.ends_with(template.suffix)
    candidates = texts.filter(mask)
    if siblings := grammar.sibling_templates(index):
        # A field that matches in one line of an entry matches in the others, too. Only the first
        # field may be without a sibling: a piece may begin between two lines of an entry.
        fields, cut = _slice_field(candidates, template), int(mask.head(1).sum())
        sibling_fields = (previous[other].field_texts.head(len(fields) - cut) for other in siblings)
        first = fields.head(cut).str.contains(f"^(?:{pattern})$")
        if first.all() and any(fields.slice(cut).equals(other) for other in sibling_fields):
            return _TemplateMatch(mask, fields)
    prefix, suffix = map(pl.escape_regex, (template.prefix, template.suffix))
    is_match = candidates.str.contains(f"^{prefix}(?:{pattern}){suffix}$")
    if not is_match.all():
        mask = mask.scatter(mask.arg_true().filter(~is_match), False)
    return _TemplateMatch(mask, _slice_field(candidates.filter(is_match), template))


def _slice_field(lines: pl.Series, template: LineTemplate) -> pl.Series:
    """Return the texts between prefix and suffix of a template."""
    rest = lines.str.slice(len(template.prefix))
    return rest.str.head(-len(template.suffix)) if template.suffix else rest


def _decode_field(fields: pl.Series, template: LineTemplate) -> pl.Series:
    """Return the values of the fields of a template."""
    if template.field == "base64":
        return fields.str.decode("base64").cast(pl.String)
    if template.field == "json":
        return fields.str.replace_all("\\\\", "\\", literal=True)
    if template.field == "network":
        return fields.str.replace(r"^([0-9.]+)/32$|^([0-9a-f:]+)/128$", "$1$2")
    return fields


def _require_head_and_foot(pieces: list[_PieceContent], grammar: LineGrammar) -> None:
    if pieces[0].first_lines != grammar.head:
        raise ExportFailed("the file does not begin as the target says")
    if pieces[-1].last_lines != grammar.foot:
        raise ExportFailed("the file does not end as the target says")
    if [line for piece in pieces for line in piece.other_lines] != grammar.head + grammar.foot:
        raise ExportFailed("the file has a line that is not as the target says")


def _count_entries(hashes: list[pl.Series], rule_bits: dict[str, int]) -> dict[str, int]:
    """Return the number of different entries of each rule; each must have all its lines."""
    if len(rule_bits) == 1 and all(hashes[0].equals(other) for other in hashes[1:]):
        return {key: count_distinct(hashes[0]) for key in rule_bits}
    if all(bits.bit_count() == 1 for bits in rule_bits.values()):  # every rule has one line
        counts = [count_distinct(template_hashes) for template_hashes in hashes]
        if count_distinct(pl.concat(hashes)) == sum(counts):
            return {key: counts[bits.bit_length() - 1] for key, bits in rule_bits.items()}
    lines = pl.concat(
        template_hashes.alias("value")
        .to_frame()
        .with_columns(template=pl.lit(1 << index, pl.UInt32))
        for index, template_hashes in enumerate(hashes)
    )
    entries = _group_by_entry(lines)["template"]
    _require_whole_entries(entries, rule_bits)
    return {key: int((entries == bits).sum()) for key, bits in rule_bits.items()}


def _group_by_entry(lines: pl.DataFrame) -> pl.DataFrame:
    """Return `value` and the bits of all its templates."""
    return lines.unique().group_by("value").agg(pl.col("template").sum())


def _require_whole_entries(template_bits: pl.Series, rule_bits: dict[str, int]) -> None:
    if not template_bits.is_in(list(rule_bits.values())).all():
        raise ExportFailed("the file has a line without the other lines of its entry")


def _find_rules(relevant: pl.DataFrame, rule_bits: dict[str, int]) -> dict[str, str]:
    """Return the rule of each value on which queries depend."""
    entries = _group_by_entry(relevant)
    _require_whole_entries(entries["template"], rule_bits)
    keys = {bits: key for key, bits in rule_bits.items()}
    return {value: keys[bits] for value, bits in entries.iter_rows()}


def _find_blocked(
    kind: Kind,
    queries: list[str],
    rules: dict[str, str],
    pieces: list[_PieceContent],
    grammar: LineGrammar,
) -> set[str]:
    """Return the queries that are blocked: names, addresses in a listed network, or URLs."""
    if kind is Kind.IP:
        ranges = NetworkRanges(pl.concat([piece.networks for piece in pieces]).unique())
        return {query for query in queries if ranges.contains(query)}
    if kind is Kind.URL:
        key = "url_line" if "url_line" in grammar.rule_bits else "line"
        return {query for query in queries if rules.get(query) == key}
    return {query for query in queries if _is_blocked(query, rules, grammar.allows)}


def _is_blocked(query: str, rules: dict[str, str], allows: AllowPrecedence) -> bool:
    """Return whether a name is blocked, by the consumer's precedence of rules."""
    covering = [(rules[name], name == query) for name in name_and_ancestors(query) if name in rules]
    is_block = [rule in (_NAME_RULES if is_own else _BELOW_RULES) for rule, is_own in covering]
    if allows is AllowPrecedence.SPECIFIC:
        return bool(is_block) and is_block[0]
    is_allowed = any(rule == "allow_line" for rule, _ in covering)
    return any(is_block) and not is_allowed
