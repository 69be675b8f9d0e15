"""Lay out tables: columns, rows, width -> lines that fit and never cut a word.

Names and numbers stay whole, so that they can be copied. What does not fit is treated in this
order: texts are wrapped between words, a word that is too long for its column goes to a line of its
own, and columns are left out in the order that the caller states.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from unicodedata import combining, east_asian_width

_GAP = "  "
#: A text is not wrapped to fewer columns than this.
_MIN_TEXT_WIDTH = 16
#: A word; a local time is one, so that it stays on one line.
_WORD = re.compile(r"(?:\d{4}-\d\d-\d\d \d\d:\d\d [+-]\d{4}|\S)+", re.ASCII)


def layout_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int,
    *,
    drop: Sequence[str] = (),
) -> list[str]:
    """Return the lines of a table, the head first, none wider than `width` columns.

    Only a line with a single word can be wider. `drop` names the columns to leave out if there is
    no room, the first one first; the last line names those that were left out.
    """
    shown, left = list(range(len(columns))), []
    widths = _fit_widths(columns, rows, shown, width)
    for title in drop:
        if widths is not None:
            break
        shown.remove(columns.index(title))
        left.append(title)
        widths = _fit_widths(columns, rows, shown, width)
    if widths is None:
        return list(_layout_cards(columns, rows, width))
    lines = [_join([columns[column] for column in shown], widths)]
    for row in rows:
        lines += _layout_row([columns[column] for column in shown], row, shown, widths, width)
    if left:
        lines += wrap_words(f"(no room for: {', '.join(left)})", width)
    return lines


def layout_plain(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table with all columns, one line a row, however wide."""
    lines = [columns, *rows]
    widths = [max(map(measure, cells)) for cells in zip(*lines, strict=True)]
    return [_join(line, widths) for line in lines]


def measure(text: str) -> int:
    """Return how many columns of a terminal a printable text takes."""
    if text.isascii():
        return len(text)
    wide = sum(east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(combining(c) > 0 or "\ufe00" <= c <= "\ufe0f" for c in text)


def wrap_words(text: str, width: int, start: str = "", indent: str = "") -> list[str]:
    """Return a text as lines of at most `width` columns; a longer word is a line of its own.

    The first line begins with `start`, all others with `indent`.
    """
    first, *others = _WORD.findall(text) or [""]
    lines = [start + first]
    for word in others:
        line = f"{lines[-1]} {word}"
        if measure(line) > width:
            lines.append(indent + word)
        else:
            lines[-1] = line
    return lines


def wrap_line(line: str, width: int) -> list[str]:
    """Return a line as lines of at most `width` columns, unless a word is longer.

    A line that fits stays as it is. Further lines are indented two columns more than the first.
    """
    if measure(line) <= width:
        return [line]
    indent = " " * (len(line) - len(line.lstrip(" ")))
    return wrap_words(line, width, indent, indent + "  ")


def _fit_widths(
    columns: Sequence[str], rows: Sequence[Sequence[str]], shown: Sequence[int], width: int
) -> list[int] | None:
    """Return the width of each shown column, or None if there is no room for all of them."""
    room = width - len(_GAP) * (len(shown) - 1)
    texts = [[columns[column], *(row[column] for row in rows)] for column in shown]
    widths = [max(map(measure, cells)) for cells in texts]
    least = [_least_width(cells, width) for cells in texts]
    while sum(widths) > room:
        slack = [have - need for have, need in zip(widths, least, strict=True)]
        if max(slack) <= 0:
            return None
        widest = max(range(len(widths)), key=lambda column: (slack[column] > 0, widths[column]))
        excess = sum(widths) - room
        widths[widest] -= max(1, min(excess, slack[widest]) // 2)
    return widths


def _least_width(cells: Sequence[str], width: int) -> int:
    """Return the width below which a column is not narrowed.

    Words that take more than two fifths of the line do not count: each gets a line of its own.
    """
    words = [measure(word) for cell in cells for word in _WORD.findall(cell)]
    fitting = [size for size in words if size <= width * 2 // 5]
    natural = max(map(measure, cells))
    return max(min(natural, max(fitting, default=0)), min(natural, _MIN_TEXT_WIDTH))


def _layout_row(
    titles: Sequence[str],
    row: Sequence[str],
    shown: Sequence[int],
    widths: Sequence[int],
    width: int,
) -> Iterator[str]:
    """Yield the lines of a row; a cell with too long a word comes before or after the others."""
    cells, after = [], []
    for position, (column, title) in enumerate(zip(shown, titles, strict=True)):
        text = row[column]
        if all(measure(word) <= widths[position] for word in _WORD.findall(text)):
            cells.append(wrap_words(text, widths[position]))
            continue
        cells.append([""])
        if position == 0:
            yield from wrap_words(text, width)
        else:
            after += wrap_words(f"{title}: {text}", width, _GAP, _GAP * 2)
    for line in zip_longest(*cells, fillvalue=""):
        if any(line):
            yield _join(line, widths)
    yield from after


def _layout_cards(
    columns: Sequence[str], rows: Sequence[Sequence[str]], width: int
) -> Iterator[str]:
    """Yield a block of lines for each row, a line for each cell."""
    for row in rows:
        yield from wrap_words(row[0], width)
        for title, text in zip(columns[1:], row[1:], strict=True):
            if text:
                yield from wrap_words(f"{title}: {text}", width, _GAP, _GAP * 2)


def _join(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell + " " * (size - measure(cell)) for cell, size in zip(cells, widths, strict=True))
    return _GAP.join(padded).rstrip()
