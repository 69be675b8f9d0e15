"""Check the rows of an entry file: texts by column -> row, or a sentence for each mistake."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from blocklist.api.arguments import format_note, parse_typed_name
from blocklist.config.mistakes import suggest_close_name
from blocklist.errors import UsageError
from blocklist.indicators.query import TypedQuery
from blocklist.ledger.db.timestamps import format_timestamp
from blocklist.model import Entry, Indicator, Kind, Scope, Verdict

COLUMNS = ("value", "scope", "reason", "until", "author", "created")
_TEXT_COLUMNS = ("value", "scope", "reason", "author")
_MAX_SHOWN = 80


class RawRow(NamedTuple):
    """A row as it is in the file: its place, such as "line 3", and its fields."""

    place: str
    action: object
    fields: dict[str, object]


@dataclass(frozen=True, slots=True)
class EntryRow:
    """A row of an entry file; what the file leaves open is None."""

    place: str
    indicator: Indicator
    scope: Scope
    reason: str
    until: str | None
    author: str | None
    created: str | None

    @property
    def key(self) -> tuple[str, Scope]:
        """What the entry is about."""
        return self.indicator.value, self.scope

    def to_entry(self, action: Verdict, importer: str) -> Entry:
        """Return the entry, made by its author and imported by somebody."""
        author = importer if self.author is None else self.author
        return Entry(
            self.indicator.kind, self.indicator.value, self.scope, action, self.reason,
            "", self.until, author, None, self.created, importer,
        )  # fmt: skip

    def is_expressed_by(self, entry: Entry) -> bool:
        """Return whether an entry on the same thing has all that the row says."""
        if (entry.reason, entry.expires) != (self.reason, self.until):
            return False
        made = entry.first_created or entry.created
        return self.author in {None, entry.author} and self.created in {None, made}


def check_rows(raw: list[RawRow], action: Verdict) -> tuple[list[EntryRow], list[str]]:
    """Return the rows, and a sentence with its place for each mistake."""
    rows: dict[tuple[str, Scope], EntryRow] = {}
    mistakes = []
    for one in raw:
        try:
            row = _check_row(one, action)
        except UsageError as error:
            mistakes.append(f"{one.place}: {error}")
            continue
        earlier = rows.setdefault(row.key, row)
        if earlier is not row:
            mistakes.append(
                f"{row.place}: {row.indicator.value} ({row.scope}) has an entry in "
                f"{earlier.place} already; keep one of them"
            )
    return list(rows.values()), mistakes


def _check_row(raw: RawRow, action: Verdict) -> EntryRow:
    problems = list(_find_problems(raw, action))
    if problems:
        raise UsageError("; ".join(problems))
    texts = {name: str(raw.fields.get(name) or "") for name in _TEXT_COLUMNS}
    typed = parse_typed_name(texts["value"])
    return EntryRow(
        raw.place,
        typed.indicator,
        _parse_scope(typed, texts["scope"]),
        format_note(texts["reason"], "reason"),
        _parse_time("until", raw.fields.get("until"), end_of_day=True),
        format_note(texts["author"], "author") or None,
        _parse_time("created", raw.fields.get("created"), end_of_day=False),
    )


def _find_problems(raw: RawRow, action: Verdict) -> Iterator[str]:
    for key in raw.fields.keys() - set(COLUMNS):
        hint = suggest_close_name(key, COLUMNS) or f"; known are {', '.join(COLUMNS)}"
        yield f"unknown key {key[:_MAX_SHOWN]!r}{hint}"
    if raw.action not in {None, "", action}:
        shown = f"{raw.action}"[:_MAX_SHOWN]
        yield f"the action is {shown!r}, and this command imports {action} entries only"
    for name in _TEXT_COLUMNS:
        value = raw.fields.get(name)
        if value is not None and not isinstance(value, str):
            yield f"{name}: expected a text, not {value!r}"
    value = raw.fields.get("value")
    if value is None or value == "":
        yield "value: missing; expected a name, address, network or URL"
    elif isinstance(value, str) and (problem := _find_value_problem(value)):
        yield problem


def _find_value_problem(value: str) -> str | None:
    if not value.isprintable():
        return f"value: {value[:_MAX_SHOWN]!r} has a line end or another control character"
    if len(value) > 10_000:
        return f"value: {value[:_MAX_SHOWN]!r}... is too long for a name, address or URL"
    return None


def _parse_scope(typed: TypedQuery, text: str) -> Scope:
    """Return the scope of a row; without one, that of the spelling."""
    if text and text not in set(Scope):
        raise UsageError(f"scope {text[:_MAX_SHOWN]!r}: expected one of {', '.join(Scope)}")
    if typed.indicator.kind is not Kind.DOMAIN:
        if text not in {"", Scope.EXACT}:
            raise UsageError(f"scope {text}: an address, network or URL is always exact")
        return Scope.EXACT
    if not text:
        return Scope.EXACT if typed.scope is Scope.EXACT else Scope.SUBTREE
    if typed.scope is Scope.EXACT and text != Scope.EXACT:
        raise UsageError(f"scope {text}: {typed.indicator.value} is written as the name alone")
    return Scope(text)


def _parse_time(name: str, value: object, *, end_of_day: bool) -> str | None:
    """Return a date or time as the ledger writes it; a date is its begin, or its end."""
    if value is None or value == "":
        return None
    try:
        moment = _read_time(value) if isinstance(value, str) else value
        if isinstance(moment, date) and not isinstance(moment, datetime):
            moment = datetime.combine(moment, time(), UTC) + timedelta(days=end_of_day)
        if isinstance(moment, datetime):
            return format_timestamp(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        pass
    expected = "a date such as 2027-01-31, or with a time: 2027-01-31T18:00:00Z"
    raise UsageError(f"{name} {str(value)[:_MAX_SHOWN]!r}: expected {expected}")


def _read_time(text: str) -> date:
    is_day = len(text) == len("2027-01-31")
    return date.fromisoformat(text) if is_day else datetime.fromisoformat(text)
