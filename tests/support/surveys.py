"""Surveys of names without a configuration, on chosen days."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from blocklist.ledger.db.connection import open_read_only
from blocklist.ledger.db.writer import open_ledger_writer
from blocklist.ledger.dns.facts import DnsFact, load_facts
from blocklist.resolve import survey
from blocklist.resolve.dns.upstream import QueryLimits
from blocklist.resolve.survey import Survey, SurveyReport, SurveySettings
from tests.support.resolver_server import FakeResolver

START = datetime(2026, 5, 3, 6, tzinfo=UTC)


class Calendar(datetime):
    """A clock that shows a chosen day."""

    ahead = 0.0

    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        del tz
        return START + timedelta(days=cls.ahead)


@dataclass
class Looks:
    """Surveys on several days, and their facts in the ledger."""

    database: Path
    limits: QueryLimits = field(default_factory=lambda: QueryLimits(timeout=0.5, tries=2))

    def at(self, day: float, names: Iterable[str], *resolvers: FakeResolver) -> SurveyReport:
        """Survey the names on a day."""
        Calendar.ahead = day
        settings = SurveySettings(
            [one.server for one in resolvers], self.limits, canaries=("canary.test",)
        )
        with open_ledger_writer(self.database, "resolve") as writer:
            return asyncio.run(Survey(writer, settings, lambda _: None).run(list(names)))

    def facts(self, *names: str) -> dict[str, DnsFact]:
        """Return the facts of names in the ledger."""
        with open_read_only(self.database) as reader:
            return load_facts(reader, names) if reader else {}

    def states(self, *names: str) -> dict[str, str]:
        """Return the liveness of names."""
        return {name: fact.state.value for name, fact in self.facts(*names).items()}


def looks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Looks:
    """Return surveys with a ledger in the folder."""
    monkeypatch.setattr(survey, "datetime", Calendar)
    return Looks(folder / "blocklist.db")
