"""The checks of resolvers and GeoIP files in `doctor`."""

import os
import time
from pathlib import Path

import pytest

from blocklist.config.loader import load_config
from blocklist.doctor.checks.resolving import check_geoip_files, check_resolvers
from blocklist.status.finding import Finding
from tests.support import mmdb

ENABLED = "[resolve]\nenabled = true\n"
CASES = [
    ("", [], "resolving is off"),
    (
        f'{ENABLED}servers = ["192.0.2.1"]',
        ["resolvers: warning", "places: warning"],
        "one resolver, no file",
    ),
    (
        f'{ENABLED}servers = ["192.0.2.1", "192.0.2.2"]\ncountry = "new.mmdb"',
        [],
        "two resolvers and a file",
    ),
    ('[resolve]\ncountry = "old.mmdb"', ["places: warning"], "an old file"),
    ('[resolve]\nasn = "none.mmdb"', ["places: problem"], "no such file"),
    ('[resolve]\nasn = "text.mmdb"', ["places: problem"], "a file of another kind"),
]


def run_both(folder: Path, text: str) -> dict[str, list[Finding]]:
    (folder / "blocklist.toml").write_text(text)
    config = load_config(folder / "blocklist.toml")
    return {
        "resolvers": list(check_resolvers(config)),
        "places": list(check_geoip_files(config)),
    }


@pytest.mark.parametrize(("text", "expected", "why"), CASES, ids=[row[2] for row in CASES])
def test_findings(tmp_path: Path, text: str, expected: list[str], why: str) -> None:
    for name in ("new.mmdb", "old.mmdb"):
        mmdb.write(tmp_path / name, {"192.0.2.0/24": {"country_code": "DE"}})
    long_ago = time.time() - 100 * 86400
    os.utime(tmp_path / "old.mmdb", (long_ago, long_ago))
    (tmp_path / "text.mmdb").write_text("no such thing")
    findings = run_both(tmp_path, text)
    states = [f"{check}: {one.state}" for check, every in findings.items() for one in every]
    assert states == expected, why
    for finding in findings["places"]:
        assert "db-ip.com" in finding.remedy
