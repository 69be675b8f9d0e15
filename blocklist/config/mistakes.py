"""Collect the mistakes of configuration files: place and text of each -> one ConfigError."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from blocklist.errors import ConfigError

#: More mistakes than this are counted and not listed: the file is something else.
_MOST_LISTED = 100
_MOST_SHOWN = 80
#: More names than this fill the screen; then only those near the given word are listed.
_MOST_NAMES = 40
_MOST_NEAR = 5
#: How alike two names are: from 0, no letter in common, to 1.
_CLOSE_RATIO, _NEAR_RATIO = 0.6, 0.4


class Mistakes:
    """The mistakes that were found so far, in order, at most one for each place."""

    def __init__(self) -> None:
        self._lines: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, place: str, text: str, hint: Callable[[], str] = str) -> None:
        """Add a mistake unless its place, which is a file or a file and a key, has one already.

        The hint is added to the text. It is computed only for mistakes that are listed.
        """
        if place not in self._lines:
            self._lines[place] = f"{place}: {text}{hint() if len(self) < _MOST_LISTED else ''}"

    @contextmanager
    def collect(self) -> Iterator[None]:
        """Take over the mistakes of a `ConfigError` that is raised inside."""
        try:
            yield
        except ConfigError as error:
            self._lines |= {line: line for line in error.mistakes}

    def error(self) -> ConfigError:
        """Return the error that lists the mistakes."""
        lines = list(self._lines.values())
        listed, rest = lines[:_MOST_LISTED], len(lines) - _MOST_LISTED
        return ConfigError(*listed, *([f"and {rest:,} more mistakes"] if rest > 0 else []))

    def raise_any(self) -> None:
        """Raise `ConfigError` with all mistakes if there are any."""
        if self._lines:
            raise self.error()


def join_key(where: str, key: str) -> str:
    """Return the place of a key in a table; `where` is `FILE: ` or `FILE: TABLE`."""
    key = key if key.isprintable() and len(key) <= _MOST_SHOWN else ascii(key[:_MOST_SHOWN])
    return f"{where}{key}" if where.endswith(": ") else f"{where}.{key}"


def format_value(value: object) -> str:
    """Return a TOML value for a message, in short."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        kind = "table" if isinstance(value, dict) else "list"
        return f"a {kind}" if value else f"an empty {kind}"
    if isinstance(value, int) and abs(value) >= 1 << 64:
        return "a number of many digits"
    return repr(value[:_MOST_SHOWN]) if isinstance(value, str) else str(value)


def suggest_name(word: str, names: Iterable[object]) -> str:
    """Return `; did you mean X?` for a word like one of the names, else a list of names.

    Of many names, only those most like the word are listed.
    """
    options = sorted(map(str, names))
    if len(options) <= _MOST_NAMES:
        known = f"; known are {', '.join(options)}" if options else ""
        return suggest_close_name(word, options) or known
    part = word[:_MOST_SHOWN].lower()
    near = [name for name in options if part and part in name.lower()][:_MOST_NEAR]
    if len(near) <= 1:
        if close := suggest_close_name(word, options):
            return close
        near = near or _match_names(word, options, _MOST_NEAR, _NEAR_RATIO)
    listed = f", near it are {', '.join(near)}" if near else ""
    return f"; {len(options)} names are known{listed}"


def suggest_close_name(word: str, names: Iterable[object]) -> str:
    """Return `; did you mean X?` for a word like one of the names, else nothing."""
    close = _match_names(word, map(str, names), 1, _CLOSE_RATIO)
    return f"; did you mean {close[0]!r}?" if close else ""


def _match_names(word: str, names: Iterable[str], count: int, ratio: float) -> list[str]:
    from difflib import get_close_matches

    by_key = {name.lower().replace("_", "-"): name for name in names}
    # Comparing takes time that grows with the square of the length.
    key = word[:_MOST_SHOWN].lower().replace("_", "-")
    return [by_key[match] for match in get_close_matches(key, by_key, count, ratio)]
