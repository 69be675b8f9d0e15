"""Ask on a terminal for consent to a decision that hits more than fraud."""

import sys
from typing import Protocol, TypeVar

import typer

from blocklist.cli.streams import warn
from blocklist.errors import ConsentNeeded, UsageError

Result_co = TypeVar("Result_co", covariant=True)


class Decision(Protocol[Result_co]):
    """A call that raises `ConsentNeeded` unless `anyway` is set."""

    def __call__(self, *, anyway: bool) -> Result_co:
        """Make the decision."""


def ask_consent(decide: Decision[Result_co], *, anyway: bool) -> Result_co:
    """Return what a decision returns; on a terminal, ask the person if it needs consent.

    Raise `ConsentNeeded` elsewhere, and `UsageError` if the person declines.
    """
    try:
        return decide(anyway=anyway)
    except ConsentNeeded as needed:
        if not sys.stdin.isatty():
            raise
        for risk in needed.risks:
            warn(risk)
    if not typer.confirm("Go on?", err=True):
        raise UsageError("nothing was decided")
    return decide(anyway=True)
