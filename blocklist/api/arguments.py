"""Convert arguments of library calls: names, words, numbers and times as given -> as stored.

What cannot be converted raises `UsageError`, which names the argument.
"""

import os
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from blocklist.config.mistakes import suggest_close_name
from blocklist.errors import InvalidIndicator, InvalidNames, UsageError
from blocklist.indicators.query import EXPLANATIONS, TypedQuery, parse_typed
from blocklist.ledger.db.timestamps import format_timestamp
from blocklist.model import Indicator, Kind
from blocklist.text import escape_unprintable

#: When something ends: at a time (UTC if it has no time zone), at the end of a day, after a while,
#: or never.
Expiry = datetime | date | timedelta | None
#: A moment of the past: a text as `check --at` takes it, a release's number, a day or a time.
Moment = str | int | date | datetime

#: More than any ledger holds.
NO_LIMIT = 10**9

#: A message shows so many characters of a text that is no name.
_MAX_SHOWN = 300

Word = TypeVar("Word", bound=StrEnum)


def list_names(names: str | Iterable[str], what: str = "names") -> list[str]:
    """Return one text or several as a list; `what` is the name of the argument."""
    if isinstance(names, str):
        return [names]
    expected = f"{what}: expected a text or several"
    if isinstance(names, bytes | bytearray | memoryview):
        raise UsageError(f"{expected}, not {_describe(names)}")
    try:
        iterator = iter(names)
    except TypeError:
        raise UsageError(f"{expected}, not {_describe(names)}") from None
    texts = list(iterator)
    if set(map(type, texts)) - {str}:
        for position, text in enumerate(texts):
            require_text(text, f"{what}[{position}]")
    return texts


def list_names_or_all(names: str | Iterable[str] | None, what: str = "names") -> list[str] | None:
    """Return texts as a list, each once; None, which stands for all, stays None."""
    return None if names is None else list(dict.fromkeys(list_names(names, what)))


def require_text(text: object, what: str) -> str:
    """Return a text; raise `UsageError` for anything else."""
    if not isinstance(text, str):
        raise UsageError(f"{what}: expected a text, not {_describe(text)}")
    return text


def parse_path(path: str | os.PathLike[str]) -> Path:
    """Return the path of a configuration."""
    return Path(require_path(os.fspath(path) if isinstance(path, os.PathLike) else path, "config"))


def require_path(path: object, what: str) -> str:
    """Return a path or URL; raise `UsageError` for a text that no file system takes."""
    text = require_text(path, what)
    try:
        is_path = b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        is_path = False
    if not is_path:
        raise UsageError(f"{what}: {_describe(text)} is no path")
    return text


def require_label(label: object, what: str) -> str:
    """Return the name of a feed or format; raise `UsageError` for a text that has no UTF-8."""
    text = require_text(label, what)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{what}: {_describe(text)} is no valid text") from None
    return text


def require_label_or_none(label: object, what: str) -> str | None:
    """Return the name of a feed or format; None stays None."""
    return None if label is None else require_label(label, what)


def parse_word(
    words: type[Word], given: object, what: str, choices: Iterable[Word] | None = None
) -> Word:
    """Return the member of an enumeration for a member or its text, if it is one of `choices`."""
    allowed = tuple(choices or words)
    if isinstance(given, str) and given in allowed:
        return words(given)
    hint = suggest_close_name(given, allowed) if isinstance(given, str) else ""
    raise UsageError(
        f"{what} {_describe(given)}: expected one of {', '.join(map(str, allowed))}{hint}"
    )


def parse_word_or_all(words: type[Word], given: object, what: str) -> Word | None:
    """Return the member of an enumeration; None, which stands for all, stays None."""
    return None if given is None else parse_word(words, given, what)


def parse_count(number: object, what: str) -> int:
    """Return a number of at least zero, and at most `NO_LIMIT`."""
    if not isinstance(number, int) or isinstance(number, bool):
        raise UsageError(f"{what}: expected a whole number, not {_describe(number)}")
    if number < 0:
        raise UsageError(f"{what}: expected a number of at least zero, not a negative one")
    return min(number, NO_LIMIT)


def format_note(text: object, what: str) -> str:
    """Return a reason or an author without characters that control a terminal; "" for None."""
    return "" if text is None else escape_unprintable(require_text(text, what))


def parse_typed_name(name: str) -> TypedQuery:
    """Return what a name means, as it was typed; raise `UsageError` for what cannot be one."""
    try:
        typed = parse_typed(require_text(name, "name"))
    except InvalidIndicator as refused:
        why = EXPLANATIONS.get(refused.reason, refused.reason)
        shown = name[:_MAX_SHOWN] + ("..." if len(name) > _MAX_SHOWN else "")
        raise UsageError(f"{shown!r} is no name, address or URL: {why}") from None
    if typed.indicator.value.endswith("/0"):
        raise UsageError(f"{typed.indicator.value}: that is every address there is")
    return typed


def parse_indicator(name: str) -> Indicator:
    """Return the indicator that a name means; raise `UsageError` for what cannot be one."""
    return parse_typed_name(name).indicator


def parse_typed_names(names: str | Iterable[str]) -> list[tuple[str, TypedQuery]]:
    """Return each name with what it means; raise `InvalidNames` for all that cannot be one."""
    texts, typed, mistakes = list_names(names), [], []
    for position, name in enumerate(texts):
        try:
            typed.append((name, parse_typed_name(name)))
        except UsageError as error:
            mistakes.append((position, str(error)))
    if mistakes:
        raise InvalidNames(tuple(mistakes))
    return typed


def parse_indicators(names: str | Iterable[str]) -> list[Indicator]:
    """Return the indicators that names mean, each once; raise `InvalidNames`."""
    return list(dict.fromkeys(typed.indicator for _, typed in parse_typed_names(names)))


def parse_domain(name: str) -> str:
    """Return a domain name in canonical form; raise `UsageError` for anything else."""
    indicator = parse_indicator(name)
    if indicator.kind is not Kind.DOMAIN:
        raise UsageError(f"{name}: expected a name; addresses and links are not looked up")
    return indicator.value


def require_duration(duration: object, what: str) -> timedelta:
    """Return a duration of at least zero."""
    if not isinstance(duration, timedelta):
        raise UsageError(f"{what}: expected a timedelta, not {_describe(duration)}")
    if duration < timedelta():
        raise UsageError(f"{what} {duration}: expected a duration of at least zero")
    return duration


def format_time_before(age: timedelta) -> str:
    """Return the time that is so long ago, as the ledger writes it; the first one if it is none."""
    now = datetime.now(UTC)
    return format_timestamp(now - min(age, now - datetime.min.replace(tzinfo=UTC)))


def format_expiry(expires: Expiry) -> str | None:
    """Return when something ends, as the ledger writes it; raise `UsageError` for the past."""
    if expires is None:
        return None
    now = datetime.now(UTC)
    try:
        end = _find_end(expires, now)
        text = format_timestamp(end)
    except OverflowError:
        raise UsageError(f"expires {expires}: too far away") from None
    if end <= now:
        raise UsageError(f"expires {text}: is over already")
    return text


def _find_end(expires: object, now: datetime) -> datetime:
    if isinstance(expires, timedelta):
        return now + expires
    if isinstance(expires, datetime):
        return _add_time_zone(expires)
    if isinstance(expires, date):
        return datetime.combine(expires, time(), UTC) + timedelta(days=1)
    raise UsageError(f"expires: expected a datetime, date or timedelta, not {_describe(expires)}")


def format_moment(at: object) -> str | None:
    """Return a moment as `check --at` takes it."""
    if isinstance(at, datetime):
        return _add_time_zone(at).isoformat()
    if isinstance(at, date):
        return at.isoformat()
    if at is None or isinstance(at, str):
        return at
    if isinstance(at, int) and not isinstance(at, bool):
        return str(max(-1, min(at, 10**18)))  # Python refuses to write thousands of digits
    raise UsageError(
        f"at: expected a release's number, a date, a datetime or a text, not {_describe(at)}"
    )


def _add_time_zone(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _describe(value: object) -> str:
    """Return a value for a message, in short: its text, or its type."""
    if isinstance(value, str):
        return repr(value[:80])
    return "None" if value is None else type(value).__name__
