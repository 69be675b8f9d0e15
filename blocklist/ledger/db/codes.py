"""Codes of stored words: `kind`, `scope`, `verdict`, `reason` <-> their positions in `model`.

Millions of rows store a small number in place of a word. A new word goes to the end of its
enumeration, because a position never changes its meaning.
"""

from blocklist.model import Kind, Reason, Scope, Verdict

#: The words by their codes.
KINDS = tuple(Kind)
SCOPES = tuple(Scope)
VERDICTS = tuple(Verdict)
REASONS = tuple(Reason)


def code_of(word: Kind | Scope | Verdict | Reason) -> int:
    """Return the number that is stored for a word."""
    return list(type(word)).index(word)
