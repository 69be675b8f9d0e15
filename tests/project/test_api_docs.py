"""Compare docs/reference/api.md with the library, and run examples/library.py.

The examples on the page run in tests/project/test_docs.py, which compares their output.
"""

import re
import subprocess
import sys
from pathlib import Path

import blocklist
from tests.support.docs import ROOT, copy_of_quickstart

PAGE = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
SCRIPT = ROOT / "examples" / "library.py"


def test_every_error_is_explained() -> None:
    described = set(re.findall(r"^\| `(\w+)` \|", PAGE.partition("## Errors")[2], re.MULTILINE))
    public = {name for name in blocklist.__all__ if name.endswith(("Error", "Held", "Needed"))}
    assert described == public - {"BlocklistError"}


def test_the_script_of_fifteen_lines(tmp_path: Path) -> None:
    folder = copy_of_quickstart(tmp_path)
    code = SCRIPT.read_text(encoding="utf-8")
    assert len(code.splitlines()) <= 15
    assert re.findall(r"^(?:import|from) (\w+)", code, re.MULTILINE) == ["blocklist"]
    command = [sys.executable, str(SCRIPT)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    *_, blocked, why = done.stdout.splitlines()
    assert blocked == "www.parcel-fee.made-up is blocked: ['fraud', 'phishing', 'rumours']"
    assert why == "[\"listed: ('fraud (exact)', 'phishing (exact)', 'rumours (exact)')\"]"
    assert "export dns: " in done.stdout
    assert "every feed and export is good" in done.stdout
