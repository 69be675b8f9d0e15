"""Run `release accept`, `rollback` and `unpin`: change the current release by hand."""

from typing import TYPE_CHECKING, Annotated

import typer

from blocklist.cli.commands.export import EXIT_EXPORT_FAILED, export_with_progress, show_exports
from blocklist.cli.commands.release import format_build, format_release_counts, warn_about_build
from blocklist.cli.session import JsonOption, Session, get_session, show_json, show_line
from blocklist.cli.streams import escape_unprintable, warn
from blocklist.errors import GateHeld, NotFoundError, UsageError

if TYPE_CHECKING:
    from blocklist.export.rehearsal import Rehearsal
    from blocklist.ledger.db.writer import LedgerWriter
    from blocklist.ledger.releases.history import Release

app = typer.Typer()
ReasonOption = Annotated[str, typer.Option(help="Why, for those who ask later.")]


@app.command("accept")
def accept_release_command(
    context: typer.Context,
    reason: Annotated[str, typer.Option(help="Why, for those who ask later.")],
    as_json: JsonOption = False,
) -> None:
    """Publish what the gate held, and write the exports; look at it first.

    Exit code 3: it was judged without a healthy guard, which is to be mended, not accepted.
    """
    from blocklist.ledger.db.writer import open_ledger_writer
    from blocklist.release.build import build_release
    from blocklist.release.history.accept import accept_candidate as accepted

    current = get_session(context)
    with (
        open_ledger_writer(current.config.database, "release accept") as book,
        _make_rehearsal(current, book) as rehearsal,
    ):
        published = accepted(book, escape_unprintable(reason))
        if not as_json:
            show_line(format_release_counts(published))
        held = None
        try:
            # What was decided since the gate looked, such as an allow.
            built = build_release(current.config, book, "release accept", (), rehearsal)
        except GateHeld as again:
            held = again
        else:
            if built.is_new:
                published = built.release
            warn_about_build(built)
        _export_release(current, book, published, rehearsal, as_json=as_json)
        if held:
            raise held


@app.command("rollback")
def rollback_command(
    context: typer.Context,
    number: Annotated[
        int | None, typer.Argument(metavar="[RELEASE]", help="Which; else the one before.")
    ] = None,
    feed: Annotated[
        str | None, typer.Option(help="Take back only this feed's last update, and pin the feed.")
    ] = None,
    reason: ReasonOption = "",
    as_json: JsonOption = False,
) -> None:
    """Go back to an earlier release: publish it under a new number, pin it, write the exports.

    While it is pinned, nothing else is published; end that with: release unpin.
    """
    from blocklist.ledger.db.writer import open_ledger_writer
    from blocklist.release.history.rollback import roll_back_release

    if feed is not None and number is not None:
        raise UsageError("give either a release or --feed, not both")
    current = get_session(context)
    with open_ledger_writer(current.config.database, "release rollback") as book:
        if feed is not None:
            _undo_feed_update(current, book, feed, escape_unprintable(reason), as_json=as_json)
            return
        undone = roll_back_release(book, number, escape_unprintable(reason))
        for note in undone.notes:
            warn(note)
        current.show_status("pinned: nothing else is published until: blocklist release unpin")
        if not as_json:
            show_line(format_release_counts(undone.release))
        _export_release(current, book, undone.release, as_json=as_json)


@app.command("unpin")
def unpin_command(
    context: typer.Context,
    feed: Annotated[str | None, typer.Option(help="Take updates of this feed again.")] = None,
) -> None:
    """Let the next run publish again what is new, or take the updates of a feed again."""
    from blocklist.ledger.db.transaction import read_transaction
    from blocklist.ledger.db.writer import open_ledger_writer
    from blocklist.ledger.feeds.health import load_feed_health
    from blocklist.ledger.releases.pins import unpin_feed, unpin_release

    with open_ledger_writer(get_session(context).database, "release unpin") as book:
        if feed is None:
            ended, what = unpin_release(book), "the release in force"
        else:
            with read_transaction(book.database) as transaction:
                known = load_feed_health(transaction.connection)
            if feed not in known:
                raise NotFoundError(f"{feed}: no such feed; see: blocklist feeds list")
            ended, what = unpin_feed(book, known[feed]), feed
    if not ended:
        raise NotFoundError(f"{what}: is not pinned")
    get_session(context).show_status(
        f"{what}: no longer pinned; takes effect with the next: blocklist run"
    )


def _undo_feed_update(
    current: Session, book: "LedgerWriter", feed: str, reason: str, *, as_json: bool
) -> None:
    from blocklist.release.build import build_release
    from blocklist.release.history.rollback import undo_feed_update

    change = undo_feed_update(book, feed, reason)
    current.show_status(
        f"{feed}: its last update is taken back (+{change.added:,} -{change.removed:,}) and the "
        f"feed pinned until: blocklist release unpin --feed {feed}"
    )
    with _make_rehearsal(current, book) as rehearsal:
        built = build_release(current.config, book, "release rollback", [feed], rehearsal)
        if not as_json:
            show_line(format_build(built))
        warn_about_build(built)
        _export_release(current, book, built.release, rehearsal, as_json=as_json)


def _make_rehearsal(current: Session, book: "LedgerWriter") -> "Rehearsal":
    from blocklist.export.rehearsal import Rehearsal
    from blocklist.export.run import select_exports

    return Rehearsal(book, current.config, select_exports(current.config, []), current.show_status)


def _export_release(
    current: Session,
    book: "LedgerWriter",
    release: "Release",
    rehearsal: "Rehearsal | None" = None,
    *,
    as_json: bool,
) -> None:
    """Write all exports from the release in force; raise `typer.Exit` (exit 6) when one failed."""
    from blocklist.export.run import select_exports

    outcomes = export_with_progress(current, book, select_exports(current.config, []), rehearsal)
    if as_json:
        show_json({"release": release, "exports": outcomes})
    elif outcomes:
        show_exports(outcomes)
    if any(outcome.result is None for outcome in outcomes):
        raise typer.Exit(EXIT_EXPORT_FAILED)
