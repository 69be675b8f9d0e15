"""What doctor says of resolvers, and of files that should tell where addresses are."""

import os
import time
from pathlib import Path

import pytest

from blocklist.config.loader import load_config
from blocklist.doctor.checks.resolving import check_geoip_files, check_resolvers
from blocklist.doctor.finding import Finding
from tests.support import mmdb

ENABLED = "[resolve]\nenabled = true\n"
CASES = [
    ("", [], "nobody resolves"),
    (
        f'{ENABLED}servers = ["192.0.2.1"]',
        ["resolvers: warning", "places: warning"],
        "one, no file",
    ),
    (
        f'{ENABLED}servers = ["192.0.2.1", "192.0.2.2"]\ncountry = "new.mmdb"',
        [],
        "two, and a file",
    ),
    ('[resolve]\ncountry = "old.mmdb"', ["places: warning"], "an old file"),
    ('[resolve]\nasn = "none.mmdb"', ["places: problem"], "no such file"),
    ('[resolve]\nasn = "text.mmdb"', ["places: problem"], "a file of another kind"),
]


def found(folder: Path, text: str) -> dict[str, list[Finding]]:
    (folder / "blocklist.toml").write_text(text)
    config = load_config(folder / "blocklist.toml")
    return {
        "resolvers": list(check_resolvers(config)),
        "places": list(check_geoip_files(config)),
    }


@pytest.mark.parametrize(("text", "wanted", "why"), CASES, ids=[row[2] for row in CASES])
def test_what_is_found(tmp_path: Path, text: str, wanted: list[str], why: str) -> None:
    del why
    for name in ("new.mmdb", "old.mmdb"):
        mmdb.write(tmp_path / name, {"192.0.2.0/24": {"country_code": "DE"}})
    then = time.time() - 100 * 86400
    os.utime(tmp_path / "old.mmdb", (then, then))
    (tmp_path / "text.mmdb").write_text("no such thing")
    told = found(tmp_path, text)
    assert [f"{check}: {one.state}" for check, every in told.items() for one in every] == wanted
    for one in told["places"]:
        assert "db-ip.com" in one.remedy
