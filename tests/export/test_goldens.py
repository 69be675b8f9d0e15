"""The file of each shipped target, byte for byte.

After an intended change, `BLOCKLIST_WRITE_GOLDENS=1 pytest tests/export/test_goldens.py` writes the
files again; read the difference before you commit it.
"""

import os
from pathlib import Path

import pytest

from blocklist.config.targets import load_targets
from tests.support.exports import export_to, run

GOLDENS = Path(__file__).parents[1] / "goldens" / "export"
SHIPPED = sorted(load_targets(GOLDENS))
RELEASE = """
block subtree fraud.example
block exact shop.fraud.example
allow exact ok.fraud.example
allow subtree partner.cdn.fraud.example
block exact bad.partner.cdn.fraud.example
block exact fraud-a.example
block below tenants.example
block subtree xn--bcher-kva.example
block exact _under.score.example
allow subtree example.org
block 192.0.2.0/24
block 192.0.2.128/25
allow 192.0.2.16/28
block 198.51.100.7
block 2001:db8:bad::/48
block https://files.example/fraud
"""


@pytest.mark.parametrize("target", SHIPPED)
def test_golden(tmp_path: Path, target: str) -> None:
    canary = load_targets(GOLDENS)[target].canary
    export = export_to(tmp_path, target, canary=canary)
    run(export, RELEASE)
    golden = GOLDENS / f"{target}.golden"
    if os.environ.get("BLOCKLIST_WRITE_GOLDENS") == "1":
        golden.write_bytes(export.path.read_bytes())
    assert export.path.read_text() == golden.read_text()


def test_every_target_has_a_golden_and_every_golden_a_target() -> None:
    assert sorted(path.stem for path in GOLDENS.glob("*.golden")) == SHIPPED
