"""Declare the schemas of the frames that travel between the packages."""

import polars as pl

from blocklist.model import Kind, Reason, Scope, Verdict

KIND = pl.Enum([member.value for member in Kind])
SCOPE = pl.Enum([member.value for member in Scope])
VERDICT = pl.Enum([member.value for member in Verdict])
REASON = pl.Enum([member.value for member in Reason])

#: The result of a parser: one row an indicator of a feed. `evidence` is the text in the feed. Of a
#: top list with a column of ranks, there is also `rank` (UInt32, from 1).
INDICATORS = pl.Schema(
    [
        ("kind", KIND),
        ("value", pl.String()),
        ("scope", SCOPE),
        ("evidence", pl.String()),
        ("line", pl.UInt32()),
    ]
)
#: The current listings of all feeds: one row a feed, value and scope.
LISTINGS = pl.Schema(
    [("feed", pl.String()), ("kind", KIND), ("value", pl.String()), ("scope", SCOPE)]
)
#: The run since which feeds list their values. `new` is true if that is later than the feed's own
#: first run; entries of its first run may have been listed for long.
DATED_LISTINGS = pl.Schema(
    [("feed", pl.String()), ("value", pl.String()), ("since", pl.Int64()), ("new", pl.Boolean())]
)
#: The result of the judge: one row a value and scope. `cause` names the guard or entry that
#: decided.
VERDICTS = pl.Schema(
    [
        ("kind", KIND),
        ("value", pl.String()),
        ("scope", SCOPE),
        ("verdict", VERDICT),
        ("reason", REASON),
        ("cause", pl.String()),
        ("score", pl.Float64()),
    ]
)
#: A line, or a part of a line, that is not an indicator, and the reason.
REFUSALS = pl.Schema({"line": pl.UInt32(), "reason": pl.String(), "text": pl.String()})
#: The tokens that a format extracts from lines, before each is accepted as an indicator or refused:
#: the `token` to examine, and the text as `seen`, which becomes the evidence. The reason
#: `exception` marks what the list exempts; only a firm exception takes out a firm block.
TOKENS = pl.Schema(
    [
        ("line", pl.UInt32()),
        ("token", pl.String()),
        ("seen", pl.String()),
        ("read", pl.String()),
        ("scope", SCOPE),
        ("reason", pl.String()),
        ("dropped", pl.String()),
        ("is_firm", pl.Boolean()),
    ]
)
#: A row of a release: a block, or an operator's allow inside a block.
RELEASE_ACTION = pl.Enum([Verdict.BLOCK.value, Verdict.ALLOW.value])
RELEASE = pl.Schema(
    [("kind", KIND), ("value", pl.String()), ("scope", SCOPE), ("action", RELEASE_ACTION)]
)
