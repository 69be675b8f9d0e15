"""Run `review`: list held indicators, and accept or reject them."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from blocklist import HeldIndicator, HeldPage, ScoredIndicator
from blocklist.cli.completion import complete_feeds, complete_held
from blocklist.cli.durations import parse_expiry
from blocklist.cli.help import list_words
from blocklist.cli.options import (
    DurationOption,
    JsonOption,
    NowOption,
    ReasonOption,
    UntilOption,
    make_group,
    parse_count,
)
from blocklist.cli.output import format_indicator, show_json, show_line, show_table
from blocklist.cli.progress import ProgressDisplay
from blocklist.cli.render.entries import show_entry_change
from blocklist.cli.session import get_session
from blocklist.errors import UsageError
from blocklist.model import Reason, Verdict

app = make_group("Decide about indicators that are held.", without_command=True)

_OUTCOMES = {Verdict.BLOCK: "accepted", Verdict.ALLOW: "rejected"}
_COLUMNS = ("held", "scope", "reason", "because of", "rank", "votes", "listed by", "days")
#: What a narrow terminal does not show, the first column first.
_DROPS = ("days", "scope", "rank", "reason", "listed by", "because of")
_ADVICE = "you may leave it held; to decide: blocklist review accept NAME, or reject NAME"


class _HeldReason(StrEnum):
    """The reasons that can hold an indicator."""

    POPULAR = Reason.POPULAR
    SHARED_HOST = Reason.SHARED_HOST
    URL_ONLY = Reason.URL_ONLY
    #: A person rejected it, and a feed brought new evidence.
    OPERATOR = Reason.OPERATOR


HeldNameArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="NAME", autocompletion=complete_held, help="The held name, address, network or URL."
    ),
]
FeedOption = Annotated[
    str | None,
    typer.Option(
        "--feed",
        metavar="FEED",
        autocompletion=complete_feeds,
        help="Decide about everything held that this feed lists.",
    ),
]
YesOption = Annotated[
    bool, typer.Option("--yes", "-y", help="Decide about everything of the feed without asking.")
]
CountryOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COUNTRY", help="Only indicators located in this country, such as CN; repeatable."
    ),
]
NotCountryOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COUNTRY", help="No indicators located in this country, such as DE; repeatable."
    ),
]


@app.callback()
def review_callback(context: typer.Context) -> None:
    """List held indicators, if no command is given."""
    if context.invoked_subcommand is None:
        list_held_command(context)


@app.command("list")
def list_held_command(  # noqa: PLR0913, PLR0917 (an option each)
    context: typer.Context,
    reason: Annotated[
        _HeldReason | None,
        typer.Option(
            metavar="REASON",
            help=f"Only indicators held for this reason: {list_words(_HeldReason)}.",
        ),
    ] = None,
    feed: Annotated[
        str | None,
        typer.Option(
            metavar="FEED",
            autocompletion=complete_feeds,
            help="Only indicators that this feed lists.",
        ),
    ] = None,
    country: CountryOption = None,
    not_country: NotCountryOption = None,
    limit: Annotated[
        int,
        typer.Option(
            metavar="COUNT", parser=parse_count, help="Show at most this many indicators."
        ),
    ] = 50,
    as_json: JsonOption = False,
) -> None:
    """List held indicators with the evidence: most feeds first, then the most famous."""
    session = get_session(context)
    page = session.blocklist.review.list(
        reason=Reason(reason) if reason else None,
        feed=feed,
        countries=country or None,
        not_countries=not_country or (),
        limit=limit,
    )
    if as_json:
        show_json(_page_to_dict(page))
        return
    if not page.items:
        show_line("nothing is held")
        return
    show_table(_COLUMNS, map(_held_row, page.items), drop=_DROPS)
    if page.total > len(page.items):
        left = page.total - len(page.items)
        reasons = ", ".join(f"{count:,} {why}" for why, count in page.by_reason.items())
        show_line(f"... and {left:,} more of {reasons} (--limit, --reason, --feed)")
    session.show_status(_ADVICE)


def _page_to_dict(page: HeldPage) -> dict[str, object]:
    return {
        "held": page.total,
        "by_reason": page.by_reason,
        "by_cause": page.by_cause,
        "shown": len(page.items),
        "items": [{**asdict(item.held), "score": item.score} for item in page.items],
    }


def _held_row(item: ScoredIndicator) -> tuple[object, ...]:
    held = item.held
    return (
        format_indicator(held.indicator),
        held.scope,
        held.reason,
        held.cause,
        "" if held.rank is None else f"{held.rank:,}",
        len(item.score.voices) if item.score else 0,
        ", ".join(held.feeds),
        held.age,
    )


def _make_decision_command(action: Verdict) -> Callable[..., None]:
    """Return the command that decides so; `accept` and `reject` have the same options."""

    def decide_command(  # noqa: PLR0913, PLR0917 (an option each)
        context: typer.Context,
        name: HeldNameArgument = None,
        feed: FeedOption = None,
        reason: ReasonOption = "",
        duration: DurationOption = None,
        until: UntilOption = None,
        yes: YesOption = False,
        now: NowOption = False,
        as_json: JsonOption = False,
    ) -> None:
        session, expires = get_session(context), parse_expiry(duration, until)
        held = session.blocklist.review.find(name, feed=feed)
        if feed is not None and not yes:
            _confirm_decision(action, held, feed)
        with ProgressDisplay(session, results=not as_json) as progress:
            change = session.blocklist.review.decide(
                held, action, reason=reason, expires=expires, now=now, progress=progress
            )
        what = f"{len(held):,} of {feed}" if feed else f"{held[0].indicator} ({held[0].scope})"
        end = f" until {expires:%Y-%m-%dT%H:%M:%SZ}" if expires else ""
        text = f"{what}: {_OUTCOMES[action]}{end}"
        show_entry_change(session, text, change, as_json=as_json)

    return decide_command


_ACCEPT_HELP = "Agree with the feeds: block what is held, until you decide otherwise."
_REJECT_HELP = "Disagree with the feeds: allow what is held, until a feed brings new evidence."
app.command("accept", help=_ACCEPT_HELP)(_make_decision_command(Verdict.BLOCK))
app.command("reject", help=_REJECT_HELP)(_make_decision_command(Verdict.ALLOW))


def _confirm_decision(action: Verdict, held: Sequence[HeldIndicator], feed: str) -> None:
    what = f"{len(held):,} held indicators that {feed} lists will be {_OUTCOMES[action]}"
    if not sys.stdin.isatty():
        raise UsageError(
            f"{what}; look at them with: blocklist review list --feed {feed}; then add --yes"
        )
    if not typer.confirm(f"{what}. Go on?", err=True):
        raise UsageError("nothing was decided")
