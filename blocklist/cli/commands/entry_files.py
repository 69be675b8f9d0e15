"""Run `import` and `export` of `allow` and `block`: entries as TOML and CSV files."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from blocklist import Entry, EntryImport, EntryList
from blocklist.api.entry_files.content import EntryFormat
from blocklist.cli.consent import ask_consent
from blocklist.cli.options import JsonOption, NowOption
from blocklist.cli.output import show_json, show_line
from blocklist.cli.progress import ProgressDisplay
from blocklist.cli.render.entries import describe_effect, finish_entry_change, import_to_dict
from blocklist.cli.session import Session, get_session
from blocklist.cli.streams import write_text
from blocklist.errors import UsageError
from blocklist.model import Verdict

_STREAM = "-"
_VERBS = ("added", "changed", "removed")

FormatOption = Annotated[
    EntryFormat | None,
    typer.Option(
        "--format",
        metavar="FORMAT",
        help="Format of the file, toml or csv; without it, that of the suffix .toml or .csv.",
    ),
]
ImportArgument = Annotated[
    str, typer.Argument(metavar="FILE", help="A TOML or CSV file; - reads it from stdin.")
]
ExportArgument = Annotated[
    str,
    typer.Argument(metavar="[FILE]", help="The file to write; without it, TOML goes to stdout."),
]
PruneOption = Annotated[
    bool, typer.Option("--prune", help="Remove the entries that the file does not have.")
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")
]
AnywayOption = Annotated[
    bool,
    typer.Option(
        "--anyway",
        help="Do not ask, whatever the new entries hit, and if all entries would be removed.",
    ),
]


def register_export(group: typer.Typer, action: Verdict) -> None:
    """Add the command `export` to a group."""

    @group.command("export", help=f"Write the {action} entries in force as TOML or CSV.")
    def export_command(
        context: typer.Context, path: ExportArgument = _STREAM, form: FormatOption = None
    ) -> None:
        entries = _get_entries(get_session(context), action)
        if path == _STREAM:
            write_text(entries.export_text(form or EntryFormat.TOML), sys.stdout)
            return
        _write_file(get_session(context), entries, path, form)


def _write_file(session: Session, entries: EntryList, path: str, form: EntryFormat | None) -> None:
    from blocklist.api.entry_files.content import choose_format
    from blocklist.atomic_files import write_atomically

    text = entries.export_text(choose_format(path, form))
    write_atomically(Path(path), [text.encode()])
    session.show_status(f"{path}: written")


def register_import(group: typer.Typer, action: Verdict) -> None:
    """Add the command `import` to a group."""

    @group.command("import", help=f"Add and change {action} entries as a file has them.")
    def import_command(  # noqa: PLR0913, PLR0917 (an option each)
        context: typer.Context,
        path: ImportArgument,
        form: FormatOption = None,
        prune: PruneOption = False,
        dry_run: DryRunOption = False,
        now: NowOption = False,
        anyway: AnywayOption = False,
        as_json: JsonOption = False,
    ) -> None:
        session = get_session(context)
        content = sys.stdin.buffer.read() if path == _STREAM else None
        if content is not None and form is None:
            raise UsageError("standard input has no suffix; choose --format toml or csv")

        def import_entries(*, anyway: bool) -> EntryImport:
            entries = _get_entries(session, action)
            with ProgressDisplay(session, results=not as_json) as progress:
                if content is None:
                    return entries.import_file(
                        path, format=form, prune=prune, dry_run=dry_run, anyway=anyway, now=now,
                        progress=progress,
                    )  # fmt: skip
                return entries.import_content(
                    content, form or EntryFormat.TOML, name="standard input", prune=prune,
                    dry_run=dry_run, anyway=anyway, now=now, progress=progress,
                )  # fmt: skip

        _show_import(session, action, ask_consent(import_entries, anyway=anyway), as_json=as_json)


def _show_import(session: Session, action: Verdict, report: EntryImport, *, as_json: bool) -> None:
    if as_json:
        show_json(import_to_dict(report))
    elif not session.quiet:
        for verb in _VERBS:
            entries: tuple[Entry, ...] = getattr(report, verb)
            for entry in entries:
                show_line(f"{verb:7}  {entry.value} ({entry.scope})")
    session.show_status(_describe_import(action, report))
    finish_entry_change(report.change)


def _describe_import(action: Verdict, report: EntryImport) -> str:
    ended = f", {report.ended:,} ended before" if report.ended else ""
    same = f"{report.unchanged:,} unchanged{ended}"
    if not report.change.entries:
        effect = f"; {describe_effect(report.change)}" if report.change.published else ""
        return f"{action}: nothing changed, {same}{effect}"
    counts = ", ".join(f"{len(getattr(report, verb)):,} {verb}" for verb in _VERBS)
    effect = "nothing was stored (dry run)" if report.dry_run else describe_effect(report.change)
    return f"{action}: {counts}, {same}; {effect}"


def _get_entries(session: Session, action: Verdict) -> EntryList:
    return session.blocklist.allow if action is Verdict.ALLOW else session.blocklist.block
