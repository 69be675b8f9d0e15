"""Read and write entries as TOML 1.0: a table `[[allow]]` or `[[block]]` for each."""

import json
import re
import tomllib
from collections.abc import Iterable, Iterator

from blocklist.api.entry_files.rows import RawRow
from blocklist.errors import UsageError
from blocklist.model import Entry, Verdict

_ACTIONS = (Verdict.ALLOW, Verdict.BLOCK)
#: A time that TOML has a value for.
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_HEADER = re.compile(r"^[ \t]*\[\[[ \t]*[\"']?(allow|block)[\"']?[ \t]*\]\]", re.MULTILINE)


def render_toml(entries: Iterable[Entry]) -> str:
    """Return entries as TOML."""
    return "\n".join(map(_render_entry, entries))


def _render_entry(entry: Entry) -> str:
    times = {"until": entry.expires, "created": entry.first_created or entry.created}
    until, created = (_render_time(name, text) for name, text in times.items())
    lines = [
        f"[[{entry.action}]]",
        f"value = {_quote(entry.value)}",
        f"scope = {_quote(entry.scope)}",
        f"reason = {_quote(entry.reason)}",
        *until,
        f"author = {_quote(entry.author)}",
        *created,
    ]
    return "".join(f"{line}\n" for line in lines)


def _render_time(name: str, text: str | None) -> list[str]:
    if not text:
        return []
    return [f"{name} = {text if _TIME.fullmatch(text) else _quote(text)}"]


def _quote(text: str) -> str:
    """Return a basic string; its escapes are those of JSON, and DEL must be escaped, too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def parse_toml(text: str) -> Iterator[RawRow]:
    """Yield the tables of a TOML file; raise `UsageError` where it is none."""
    document = _load_document(text)
    for key in document.keys() - set(_ACTIONS):
        raise UsageError(f"unknown table {key[:80]!r}; expected [[allow]] or [[block]]")
    lines = {action: _find_lines(text, action) for action in _ACTIONS}
    for action in _ACTIONS:
        tables = document.get(action, [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise UsageError(f"{action}: expected tables [[{action}]]")
        places = lines[action]
        for number, table in enumerate(tables):
            # A text of several lines may look like a header; then the lines are not sure.
            is_sure = len(places) == len(tables)
            place = f"line {places[number]}" if is_sure else f"[[{action}]] {number + 1}"
            yield RawRow(place, action, table)


def _load_document(text: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except RecursionError:
        cause = "tables or lists are nested too deeply"
    except ValueError as error:
        cause = str(error)
    raise UsageError(f"not valid TOML: {cause[:300]}")


def _find_lines(text: str, action: Verdict) -> list[int]:
    lines, line, end = [], 1, 0
    for match in _HEADER.finditer(text):
        line += text.count("\n", end, match.start())
        end = match.start()
        if match[1] == action:
            lines.append(line)
    return lines
