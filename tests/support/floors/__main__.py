"""Renew shared-networks.toml: sources.toml and the web -> the file, and a report."""

import sys
from datetime import UTC, datetime
from pathlib import Path

from blocklist.atomic_files import write_atomically
from blocklist.config.sections import CollectConfig
from blocklist.judge.builtin_lists import load_builtin_groups
from tests.support.docs import ROOT
from tests.support.floors.pages import LIMITS
from tests.support.floors.render import render_groups, render_report
from tests.support.floors.renewal import renew_group
from tests.support.floors.sources import SOURCES, load_sources

NETWORKS = ROOT / "blocklist" / "judge" / "builtin" / "shared-networks.toml"


def main(sources: Path = SOURCES, target: Path = NETWORKS, limits: CollectConfig = LIMITS) -> int:
    """Renew all groups, print the report, and return 1 if a group was refused."""
    today = datetime.now(UTC).date().isoformat()
    old = {group.title: group for group in load_builtin_groups("shared-networks")}
    renewals = [
        renew_group(source, old.get(source.title), today, limits)
        for source in load_sources(sources)
    ]
    groups = [renewal.group for renewal in renewals if renewal.group]
    write_atomically(target, [render_groups(groups).encode()])
    sys.stdout.write(render_report(renewals))
    return int(any(renewal.refusal for renewal in renewals))


if __name__ == "__main__":
    sys.exit(main())
