"""Ask for consent before an entry is stored: entries -> ConsentNeeded for those that do harm."""

from collections.abc import Iterable
from pathlib import Path

from blocklist.api.workspace import Workspace
from blocklist.errors import ConsentNeeded
from blocklist.ledger.db.connection import open_read_only
from blocklist.ledger.lookup import LedgerLookup
from blocklist.ledger.operator.entries import describe_replaced, find_replaced_entries
from blocklist.model import Entry, Kind, Verdict

_ADVICE = {
    Verdict.BLOCK: "to block it all the same: --anyway (in Python: anyway=True)",
    Verdict.ALLOW: "to allow it all the same: --anyway (in Python: anyway=True)",
}


def require_consent(
    workspace: Workspace, entries: tuple[Entry, ...], *, public_suffix: bool
) -> None:
    """Raise `ConsentNeeded` for entries that hit more than a person may think.

    A block is compared with the guards; an allow is too wide on a public suffix with all below it.
    `public_suffix` is the consent to an entry on a public suffix, but not to a block of own names.
    """
    risks = tuple(_find_risks(workspace, entries, public_suffix))
    if risks:
        raise ConsentNeeded(risks, _ADVICE[entries[0].action])


def _find_risks(
    workspace: Workspace, entries: tuple[Entry, ...], public_suffix: bool
) -> Iterable[str]:
    suffixes = _list_wide_suffixes(workspace.database, entries)
    if entries and entries[0].action is Verdict.BLOCK:
        from blocklist.release.entry_risks import find_block_risks

        accepted = suffixes if public_suffix else []
        return [
            *_describe_replaced_allows(workspace.database, entries),
            *find_block_risks(workspace.config, entries, accepted),
        ]
    wide = () if public_suffix else suffixes
    return [
        f"{name}: is a public suffix, and the entry would cover every domain registered under it"
        for name in wide
    ]


def _describe_replaced_allows(database: Path, entries: tuple[Entry, ...]) -> list[str]:
    with open_read_only(database) as reader:
        replaced = find_replaced_entries(reader, entries) if reader else []
    return [
        f"{old.value}: {describe_replaced(old)}, and a block would take its place"
        for old in replaced
        if old.action is Verdict.ALLOW
    ]


def _list_wide_suffixes(database: Path, entries: Iterable[Entry]) -> list[str]:
    """Return the public suffixes among entries that cover all below them.

    A suffix is one of the bundled list or of a guard feed.
    """
    from blocklist.frames.public_suffixes import find_public_suffixes

    wide = [one.value for one in entries if one.kind is Kind.DOMAIN and one.scope.covers_below]
    with open_read_only(database) as reader:
        listed = LedgerLookup(reader).find_listed_suffixes(wide) if reader else set()
    suffixes = listed | find_public_suffixes(wide)
    return [name for name in wide if name in suffixes]
