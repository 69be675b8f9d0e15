"""Declare the schemas of the frames that travel between the packages."""

import polars as pl

from blocklist.model import Kind, Reason, Scope, Verdict

KIND = pl.Enum([member.value for member in Kind])
SCOPE = pl.Enum([member.value for member in Scope])
VERDICT = pl.Enum([member.value for member in Verdict])
REASON = pl.Enum([member.value for member in Reason])

#: What a parser gives: one row an indicator of a feed. `evidence` is the form as seen.
INDICATORS = pl.Schema(
    [
        ("kind", KIND),
        ("value", pl.String()),
        ("scope", SCOPE),
        ("evidence", pl.String()),
        ("line", pl.UInt32()),
    ]
)
#: What is in force from all feeds: one row a feed, value and scope.
LISTINGS = pl.Schema(
    [("feed", pl.String()), ("kind", KIND), ("value", pl.String()), ("scope", SCOPE)]
)
#: Since which run feeds list what they list, and whether that is later than the feed's own first
#: run: what it took in then may have been listed for long.
DATED_LISTINGS = pl.Schema(
    [("feed", pl.String()), ("value", pl.String()), ("since", pl.Int64()), ("new", pl.Boolean())]
)
#: What the judge gives: one row a value and scope. `cause` names the guard or entry that decided.
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
#: A line, or a part of one, that is no indicator, and why.
REFUSALS = pl.Schema({"line": pl.UInt32(), "reason": pl.String(), "text": pl.String()})
#: What a format's reader cuts out of lines, before it is judged an indicator or refused: the
#: `token` to be judged, and the form as `seen`, which is kept as evidence.
TOKENS = pl.Schema(
    [
        ("line", pl.UInt32()),
        ("token", pl.String()),
        ("seen", pl.String()),
        ("read", pl.String()),
        ("scope", SCOPE),
        ("reason", pl.String()),
        ("dropped", pl.String()),
    ]
)
#: A row of a release: what is blocked, and what the operator allows in the midst of it.
RELEASE_ACTION = pl.Enum([Verdict.BLOCK.value, Verdict.ALLOW.value])
RELEASE = pl.Schema(
    [("kind", KIND), ("value", pl.String()), ("scope", SCOPE), ("action", RELEASE_ACTION)]
)
