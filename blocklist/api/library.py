"""The library object: a configuration -> every job, answer and decision of the program."""

import logging
import os
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self, overload

from blocklist.api.arguments import (
    Moment,
    format_moment,
    format_time_before,
    list_names,
    list_names_or_all,
    parse_count,
    parse_domain,
    parse_path,
    require_duration,
    require_text,
)
from blocklist.api.workspace import Workspace
from blocklist.check.answers import Answers, check_name, check_names
from blocklist.check.single import Answer, add_locations
from blocklist.model import Verdict
from blocklist.pipeline.callbacks import run_with_callback
from blocklist.pipeline.events import ProgressCallback, ignore_progress

if TYPE_CHECKING:
    from blocklist.api.entries import EntryList
    from blocklist.api.entry_change import EntryChange
    from blocklist.api.feeds import Feeds
    from blocklist.api.releases import Releases
    from blocklist.api.review import ReviewQueue
    from blocklist.collect.outcome import UpdateOutcome
    from blocklist.doctor.report import DoctorReport
    from blocklist.export.render.state import ExportOutcome
    from blocklist.ledger.prune import PruneResult
    from blocklist.pipeline.reports import BuildReport, RunReport
    from blocklist.release.explain import Explanation
    from blocklist.resolve.survey import SurveyReport
    from blocklist.status.status import Status

# A library prints nothing: without a handler of the user's own, Python would print warnings.
logging.getLogger("blocklist").addHandler(logging.NullHandler())

#: How much of history `prune` keeps.
DEFAULT_KEEP = timedelta(days=400)


class Blocklist:
    """A configuration and its ledger, to be used from Python.

    The configuration is read when it is first needed, and then kept: open it again to see a change
    to the file. Only `feeds.add`, which writes to it, and `doctor` read it again. Every call opens
    its own connection to the ledger, so threads may share one object.
    A job (run, update, resolve, build, export, prune, a release by hand) raises `LockHeld` while
    another process or thread does one; a decision waits while something is stored, and succeeds.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    @classmethod
    def open(cls, config: str | os.PathLike[str] | None = None) -> Self:
        """Return the library object of a configuration.

        Without a path, the configuration is found as the command line finds it: that of the
        variable BLOCKLIST_CONFIG, ./blocklist.toml, the user's own, then that of the system. It is
        found now, and read when it is first needed. Without any, calls that write raise
        `ConfigError`.
        """
        return cls(Workspace(None if config is None else parse_path(config)))

    @property
    def config_path(self) -> Path | None:
        """The absolute path of the configuration; None if there is none."""
        return self._workspace.source.path

    # --- Answers ------------------------------------------------------------------------------

    @overload
    def check(self, names: str, *, at: Moment | None = None) -> Answer: ...  # type: ignore[overload-overlap]
    @overload
    def check(self, names: Iterable[str], *, at: Moment | None = None) -> Answers: ...
    def check(self, names: str | Iterable[str], *, at: Moment | None = None) -> Answer | Answers:
        """Return whether names, addresses, networks or URLs are blocked, and why.

        One text gives one answer; several give all answers in order. Many are answered as columns.
        With `at`, the answer is that of a moment: a release's number, a date (its end), or a time
        (UTC if it has no time zone). Raise `ConfigError` if there is neither a configuration nor a
        ledger in the current folder: "clear" would be no answer.
        """
        self._workspace.require_ledger()
        database, geoip = self._workspace.database, self._workspace.geoip
        if isinstance(names, str):
            return check_name(names, database, format_moment(at), geoip)
        return check_names(list_names(names), database, format_moment(at), geoip)

    def explain(self, name: str) -> "Explanation":
        """Return every rule of the judge in order, what it matches for a name, and which decides.

        The rules are applied to the feeds, guards, entries and settings of now; the result says
        whether those changed since the current release.
        """
        self._workspace.require_ledger()
        from blocklist.release.explain import explain_query

        explanation = explain_query(self._workspace.config, require_text(name, "name"))
        with self._workspace.geoip as geoip:
            return replace(explanation, answer=add_locations(explanation.answer, geoip))

    # --- Jobs ---------------------------------------------------------------------------------

    def run(
        self,
        *,
        accept: str | Iterable[str] = (),
        progress: ProgressCallback = ignore_progress,
    ) -> "RunReport":
        """Do the main job: update the feeds, resolve, build a release, and export it.

        The feeds in `accept` may shrink and grow without limit. A release that the gate holds and
        an error in the middle are in the report; an error before the work begins is raised.
        """
        self._workspace.require_config()
        from blocklist.pipeline.run import run_pipeline

        config, accepted = self._workspace.config, list_names(accept, "accept")
        return run_with_callback(lambda relay: run_pipeline(config, accepted, relay), progress)

    def update(
        self,
        feeds: str | Iterable[str] | None = None,
        *,
        accept: str | Iterable[str] = (),
        progress: ProgressCallback = ignore_progress,
    ) -> "tuple[UpdateOutcome, ...]":
        """Fetch and read feeds: those named, even if they are not due; without names, all enabled.

        A feed that fails keeps its last good snapshot. Raise `NotFoundError` for an unknown feed.
        """
        self._workspace.require_config()
        from blocklist.pipeline.jobs import run_update

        config, names = self._workspace.config, list_names_or_all(feeds, "feeds")
        accepted = list_names(accept, "accept")
        return run_with_callback(lambda relay: run_update(config, names, accepted, relay), progress)

    def resolve(
        self,
        names: str | Iterable[str] | None = None,
        *,
        limit: int | None = None,
        servers: str | Iterable[str] | None = None,
        progress: ProgressCallback = ignore_progress,
    ) -> "SurveyReport":
        """Look up names in the DNS: those given, or blocked names that are due, at most `limit`.

        `servers` are resolvers, each `ADDRESS` or `ADDRESS#PORT`, in place of the configured ones.
        Raise `UsageError` where an event loop runs; use a thread there.
        """
        self._workspace.require_config()
        from blocklist.pipeline.resolving import run_resolve

        given, resolvers = list_names_or_all(names), list_names_or_all(servers, "servers")
        domains = None if given is None else list(dict.fromkeys(map(parse_domain, given)))
        most = None if limit is None else parse_count(limit, "limit")
        config = self._workspace.config
        return run_with_callback(
            lambda relay: run_resolve(config, domains, most, resolvers, relay), progress
        )

    def build_release(self, *, progress: ProgressCallback = ignore_progress) -> "BuildReport":
        """Judge what is listed and publish it as the next release; raise `GateHeld`."""
        self._workspace.require_config()
        from blocklist.pipeline.jobs import run_build

        config = self._workspace.config
        return run_with_callback(lambda relay: run_build(config, relay), progress)

    def export(
        self,
        names: str | Iterable[str] | None = None,
        *,
        force: bool = False,
        progress: ProgressCallback = ignore_progress,
    ) -> "tuple[ExportOutcome, ...]":
        """Write the current release into the files of the exports named; without names, of all.

        An export that fails harms no other, and its old file stays. With `force`, files are
        written, installed and loaded again also if nothing changed. Raise `NotFoundError` for an
        unknown export, and if there is no release yet.
        """
        self._workspace.require_config()
        from blocklist.pipeline.jobs import run_export

        config, exports = self._workspace.config, list_names_or_all(names)
        return run_with_callback(
            lambda relay: run_export(config, exports, relay, force=force), progress
        )

    def prune(self, keep: timedelta = DEFAULT_KEEP) -> "PruneResult":
        """Delete history that ended longer ago than `keep`; no other command deletes history."""
        self._workspace.require_config()
        from blocklist.pipeline.jobs import run_prune

        before = format_time_before(require_duration(keep, "keep"))
        return run_prune(self._workspace.database, before)

    # --- Decisions and state ------------------------------------------------------------------

    @cached_property
    def allow(self) -> "EntryList":
        """The entries that allow names, whatever feeds list."""
        from blocklist.api.entries import EntryList

        return EntryList(self._workspace, Verdict.ALLOW)

    @cached_property
    def block(self) -> "EntryList":
        """The entries that block names, whatever guards protect."""
        from blocklist.api.entries import EntryList

        return EntryList(self._workspace, Verdict.BLOCK)

    def expire(
        self, *, now: bool = False, progress: ProgressCallback = ignore_progress
    ) -> "EntryChange":
        """End the entries whose time is over, and return them.

        With `now`, that is published and exported at once, without fetching.
        """
        from blocklist.api.entries import end_expired

        self._workspace.require_config()
        return end_expired(self._workspace, now=now, progress=progress)

    @cached_property
    def review(self) -> "ReviewQueue":
        """The indicators that are held until a person decides."""
        from blocklist.api.review import ReviewQueue

        return ReviewQueue(self._workspace)

    @cached_property
    def releases(self) -> "Releases":
        """The numbered releases: list, show, compare, accept, roll back, unpin."""
        from blocklist.api.releases import Releases

        return Releases(self._workspace)

    @cached_property
    def feeds(self) -> "Feeds":
        """The feeds and guards: list, show, test, add, overlap."""
        from blocklist.api.feeds import Feeds

        return Feeds(self._workspace)

    def status(self, *, probe: bool = False) -> "Status":
        """Return what is in force, and every finding about it, good ones too; nothing is raised.

        With `probe`, the servers of the exports are asked what they have, which may take seconds;
        without it, the result has what the last run saw. A configuration or a ledger that cannot
        be read is a problem in the findings.
        """
        from blocklist.status.status import load_status

        return load_status(self._workspace.source, probe=probe)

    def doctor(self, *, mend: bool = False) -> "DoctorReport":
        """Check the installation and return every finding, good ones too.

        With `mend`, mend first what needs no decision. Raise `LockHeld` if something is to be
        mended while another command writes.
        """
        from blocklist.doctor.run import diagnose

        return diagnose(self._workspace.source.reread(), mend=mend)
