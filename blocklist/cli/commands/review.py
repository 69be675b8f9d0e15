"""Run `review`: list held indicators, and accept or reject them."""

import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from blocklist.cli.commands.allow_block import EFFECT_NOTE, parse_name_argument
from blocklist.cli.durations import DurationOption, UntilOption, parse_expiry
from blocklist.cli.session import (
    JsonOption,
    Session,
    format_indicator,
    get_session,
    show_json,
    show_line,
    show_table,
)
from blocklist.cli.streams import escape_unprintable
from blocklist.errors import ConfigError, NotFoundError, UsageError
from blocklist.ledger.db.writer import current_author
from blocklist.model import Entry, Indicator, Reason, Verdict

if TYPE_CHECKING:
    import sqlite3

    from blocklist.judge.scoring.explain import ScoreExplanation
    from blocklist.ledger.operator.review import HeldIndicator
    from blocklist.resolve.countries import CountryFilter

app = typer.Typer(help="What is held for a person to decide.", invoke_without_command=True)

_NO_LIMIT = 10**9

HeldNameArgument = Annotated[str | None, typer.Argument(help="What is held.")]
FeedOption = Annotated[
    str | None, typer.Option("--feed", help="All that is held and that it lists.")
]
CountryOption = Annotated[
    list[str] | None, typer.Option(help="Only what is in it, as in CN; may be repeated.")
]
NotCountryOption = Annotated[
    list[str] | None, typer.Option(help="Nothing that is in it, as in DE; may be repeated.")
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, for those who ask later.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Decide on all of it without asking.")]


@app.callback()
def review_callback(context: typer.Context) -> None:
    """List what is held, when no other command is given."""
    if context.invoked_subcommand is None:
        list_held_command(context)


@app.command("list")
def list_held_command(  # noqa: PLR0913, PLR0917 (an option each)
    context: typer.Context,
    reason: Annotated[Reason | None, typer.Option(help="Only what is held for this.")] = None,
    feed: Annotated[str | None, typer.Option(help="Only what this feed lists.")] = None,
    country: CountryOption = None,
    not_country: NotCountryOption = None,
    limit: Annotated[int, typer.Option(min=1, max=_NO_LIMIT, help="How many to show.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List what is held, what most feeds list first, with the evidence."""
    from blocklist.ledger.db.connection import open_read_only
    from blocklist.ledger.operator.review import (
        count_held_causes,
        count_held_reasons,
        list_held,
    )
    from blocklist.resolve.countries import CountryFilter

    wanted = CountryFilter(frozenset(country or ()), frozenset(not_country or ()))
    with open_read_only(get_session(context).database) as connection:
        counts = count_held_reasons(connection, feed) if connection else {}
        causes = count_held_causes(connection) if connection else {}
        most = _NO_LIMIT if wanted else limit
        found = list_held(connection, most, reason, feed) if connection else []
        if connection and wanted:
            found = _filter_by_country(get_session(context), connection, found, wanted)
        scores = _score_held(connection, found) if connection else []
    total = sum(counts.values()) if reason is None else counts.get(reason, 0)
    total = len(found) if wanted else total
    found = found[:limit]
    if as_json:
        summary = {"held": total, "by_reason": counts, "by_cause": causes, "shown": len(found)}
        items = (
            {**asdict(held), "score": score} for held, score in zip(found, scores, strict=True)
        )
        show_json({**summary, "items": list(items)})
        return
    if not found:
        show_line("nothing is held")
        return
    columns = ("held", "scope", "reason", "because of", "rank", "votes", "listed by", "days")
    show_table(columns, map(_held_row, found, scores))
    if total > len(found):
        show_line(f"... and {total - len(found):,} more (--limit, --reason, --feed)")
    get_session(context).show_status("decide with: blocklist review accept NAME, or reject NAME")


def _filter_by_country(
    current: Session,
    connection: "sqlite3.Connection",
    found: list["HeldIndicator"],
    wanted: "CountryFilter",
) -> list["HeldIndicator"]:
    """Return what is in wanted countries."""
    from blocklist.ledger.lookup import LedgerLookup
    from blocklist.resolve.countries import find_countries

    lookup = LedgerLookup(connection)
    with current.geoip as atlas:
        if not atlas:
            raise ConfigError("no file says where addresses are; set resolve.country")
        return [
            one
            for one in found
            if wanted.accepts(find_countries(one.kind, one.indicator, lookup, atlas))
        ]


def _score_held(
    connection: "sqlite3.Connection", found: list["HeldIndicator"]
) -> list["ScoreExplanation | None"]:
    from blocklist.judge.scoring.explain import ScoreExplainer
    from blocklist.ledger.lookup import LedgerLookup

    lookup = LedgerLookup(connection)
    explainer = ScoreExplainer(lookup.feed_weights())
    return [explainer.explain_value(held.indicator, held.listings, lookup) for held in found]


def _held_row(held: "HeldIndicator", score: "ScoreExplanation | None") -> tuple[object, ...]:
    why = (held.reason, held.cause, "" if held.rank is None else f"{held.rank:,}")
    votes = len(score.voices) if score else 0
    return (
        format_indicator(held.indicator),
        held.scope,
        *why,
        votes,
        ", ".join(held.feeds),
        held.age,
    )


def _make_decision_command(action: Verdict) -> Callable[..., None]:
    """Return the command that decides so; both take the same."""

    def decide(  # noqa: PLR0913, PLR0917 (an option each)
        context: typer.Context,
        name: HeldNameArgument = None,
        feed: FeedOption = None,
        reason: ReasonOption = "",
        lasting: DurationOption = None,
        until: UntilOption = None,
        yes: YesOption = False,
    ) -> None:
        _apply_decision(
            context, _Decision(action, reason, parse_expiry(lasting, until)), name, feed, yes=yes
        )

    return decide


_ACCEPT_HELP = "Agree with the feeds: block what is held, until you say otherwise."
_REJECT_HELP = "Disagree with the feeds: allow what is held, until a feed brings new evidence."
app.command("accept", help=_ACCEPT_HELP)(_make_decision_command(Verdict.BLOCK))
app.command("reject", help=_REJECT_HELP)(_make_decision_command(Verdict.ALLOW))


@dataclass(frozen=True, slots=True)
class _Decision:
    action: Verdict
    reason: str
    expires: str | None

    @property
    def outcome_word(self) -> str:
        return "accepted" if self.action is Verdict.BLOCK else "rejected"


def _apply_decision(
    context: typer.Context, decision: _Decision, name: str | None, feed: str | None, *, yes: bool
) -> None:
    from blocklist.ledger.db.connection import open_read_only
    from blocklist.ledger.db.writer import open_ledger_writer
    from blocklist.ledger.operator.entries import add_entries

    database = get_session(context).database
    with open_read_only(database) as connection:
        found = _select_held(connection, name, feed)
        entries = [_make_entry(held, decision, connection) for held in found] if connection else []
    if name is None and not yes:
        _confirm_decision(
            f"{len(found):,} held indicators that {feed} lists will be {decision.outcome_word}",
            feed,
        )
    with open_ledger_writer(database, f"review {decision.outcome_word}") as book:
        add_entries(book, entries)
    shown = f"{found[0].indicator} ({found[0].scope})" if name else f"{len(found):,} of {feed}"
    until = f" until {decision.expires}" if decision.expires else ""
    get_session(context).show_status(f"{shown}: {decision.outcome_word}{until}; {EFFECT_NOTE}")


def _select_held(
    connection: "sqlite3.Connection | None", name: str | None, feed: str | None
) -> list["HeldIndicator"]:
    from blocklist.ledger.operator.review import (
        find_held,
        list_held,
    )

    if (name is None) == (feed is None):
        raise UsageError("say what is decided: a NAME, or --feed and the name of a feed")
    if name is None:
        found = list_held(connection, _NO_LIMIT, feed=feed) if connection else []
        if not found:
            raise NotFoundError(
                f"{feed}: nothing that it lists is held; see: blocklist review list"
            )
        return found
    indicator = parse_name_argument(name)
    one = find_held(connection, indicator.value) if connection else None
    if one is None:
        raise NotFoundError(f"{indicator.value}: is not held; see: blocklist review list")
    return [one]


def _make_entry(
    held: "HeldIndicator", decision: _Decision, connection: "sqlite3.Connection"
) -> Entry:
    from blocklist.ledger.lookup import LedgerLookup
    from blocklist.ledger.operator.entries import current_evidence

    seen = tuple(current_evidence(LedgerLookup(connection), Indicator(held.kind, held.indicator)))
    thing = (held.kind, held.indicator, held.scope, decision.action)
    why = escape_unprintable(decision.reason) or f"review: {decision.outcome_word} ({held.reason})"
    return Entry(*thing, why, "", decision.expires, current_author(), seen)


def _confirm_decision(what: str, feed: str | None) -> None:
    if not sys.stdin.isatty():
        raise UsageError(
            f"{what}; look at them with: blocklist review list --feed {feed}; then add --yes"
        )
    if not typer.confirm(f"{what}. Go on?", err=True):
        raise UsageError("nothing was decided")
