"""Read the names of a command: arguments and stdin -> names, and the line of each in messages."""

import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from blocklist.errors import InvalidNames, UsageError, join_mistakes

#: A comment begins a line or follows a space, because a URL may contain the character.
_COMMENT = re.compile(r"(^|\s)#.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class GivenNames:
    """The names that a command was given."""

    names: list[str]
    #: The place of each for messages, such as "line 3: "; empty for an argument.
    places: list[str]

    @contextmanager
    def locate_mistakes(self) -> Iterator[None]:
        """Add the places to the mistakes of an `InvalidNames` that the body raises."""
        try:
            yield
        except InvalidNames as error:
            located = (f"{self.places[place]}{text}" for place, text in error.mistakes)
            raise UsageError(join_mistakes(located)) from None


def read_given_names(arguments: Iterable[str]) -> GivenNames:
    """Return the names of arguments; `-` stands for the lines of stdin, without comments.

    Raise `UsageError` if there is none.
    """
    given = [pair for argument in arguments for pair in _read_argument(argument)]
    if not given:
        raise UsageError("standard input has no names; expected one a line")
    return GivenNames([name for name, _ in given], [place for _, place in given])


def _read_argument(argument: str) -> Iterator[tuple[str, str]]:
    if argument != "-":
        yield argument, ""
        return
    for number, line in enumerate(sys.stdin, 1):
        if name := _COMMENT.sub("", line.removeprefix("\ufeff")).strip():
            yield name, f"line {number}: "
