"""Render what is wrong with updated feeds: outcomes -> a warning each, or one for the network."""

import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from blocklist.cli.streams import warn

if TYPE_CHECKING:
    from blocklist import UpdateOutcome

#: Fewer unreachable feeds than this get a warning each: it may be their server.
_MIN_UNREACHABLE = 2
_WIDTH = 80


def warn_about_feeds(outcomes: "Sequence[UpdateOutcome]") -> None:
    """Write a warning for each feed that is not up to date, and one if no server was reached."""
    unreachable = find_unreachable(outcomes)
    if unreachable:
        warn(_describe_network(unreachable))
    for outcome in outcomes:
        if outcome in unreachable:
            continue
        if not outcome.is_good:
            rest = (
                f"Keeping its {outcome.entries:,} entries ({outcome.note})."
                if outcome.entries
                else f"This feed has no entries ({outcome.note})."
            )
            warn(f"{outcome.feed}: {outcome.state}: {outcome.cause}. {rest}")
        elif outcome.warning:
            warn(f"{outcome.feed}: {outcome.warning}; see: blocklist feeds show {outcome.feed}")


def find_unreachable(outcomes: "Sequence[UpdateOutcome]") -> "list[UpdateOutcome]":
    """Return the feeds whose server was not reached if no server was, else nothing."""
    remote = [outcome for outcome in outcomes if outcome.reached is not None]
    is_offline = len(remote) >= _MIN_UNREACHABLE and not any(feed.reached for feed in remote)
    return remote if is_offline else []


def _describe_network(unreachable: "Sequence[UpdateOutcome]") -> str:
    return "\n".join(
        line
        for sentence in _network_sentences(unreachable)
        for line in textwrap.wrap(
            sentence, _WIDTH, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False
        )
    )


def _network_sentences(unreachable: "Sequence[UpdateOutcome]") -> Iterator[str]:
    from blocklist.fetch.proxies import list_proxies

    count, first = len(unreachable), unreachable[0]
    proxies = ", ".join(list_proxies())
    proxy = f"proxy in use: {proxies}" if proxies else "no proxy is set (https_proxy)"
    yield f"No feed could be reached ({count} of {count}): is there a network? {proxy}"
    yield f"for example {first.feed}: {first.cause}"
    if any(feed.entries for feed in unreachable):
        yield "the lists that were loaded before stay in force"
