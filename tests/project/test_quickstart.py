"""The example behind `make run`: every verdict and reason, every export, and the tour itself."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from blocklist.model import Reason, Verdict
from tests.support.cli import blocklist
from tests.support.docs import copy_of_quickstart
from tests.support.quickstart import ALLOWED, LAB, TABLE


def run(folder: Path) -> dict[str, Any]:
    done = blocklist(folder, "run", "--json")
    assert done.code == 0, done.err
    report = done.json
    assert isinstance(report, dict)
    return report


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copy_of_quickstart(tmp_path_factory.mktemp("example"))
    run(folder)
    assert blocklist(folder, "allow", "add", ALLOWED).code == 0
    assert blocklist(folder, "block", "add", LAB).code == 0
    run(folder)
    return folder


@pytest.fixture(scope="module")
def answers(folder: Path) -> dict[str, dict[str, Any]]:
    done = blocklist(folder, "check", "--json", "0313.0.0161.024", *(row[0] for row in TABLE))
    assert done.code == 2, "one of them is no name"
    return {answer["query"]: answer for answer in done.json["answers"]}


@pytest.mark.parametrize(("query", "verdict", "reason", "indicator", "scope"), TABLE)
def test_verdict(
    answers: dict[str, dict[str, Any]],
    query: str,
    verdict: str | None,
    reason: str,
    indicator: str | None,
    scope: str | None,
) -> None:
    answer = answers[query]
    match = answer["match"] or {"indicator": None, "scope": None}
    found = (answer["verdict"], answer["reason"], match["indicator"], match["scope"])
    assert found == (verdict, reason, indicator, scope)


def test_every_verdict_and_reason_is_shown() -> None:
    assert {row[1] for row in TABLE if row[1]} == set(Verdict)
    assert {row[2] for row in TABLE} == set(Reason) - {Reason.STALE}


def test_an_address_in_octal_is_read_as_browsers_do(answers: dict[str, dict[str, Any]]) -> None:
    answer = answers["0313.0.0161.024"]
    assert (answer["kind"], answer["verdict"]) == ("ip", "block")
    evidence = {listing["feed"]: listing["evidence"] for listing in answer["listings"]}
    assert evidence["pages"] == "http://0313.0.0161.024/gate.php"


def test_review_shows_what_is_held(folder: Path) -> None:
    held = blocklist(folder, "review", "list", "--json").json
    assert {(item["indicator"], item["reason"]) for item in held["items"]} == {
        ("big-shop.made-up", "popular"),
        ("free-pages.made-up", "shared-host"),
        ("https://big-shop.made-up/redirect?to=fraud", "url-only"),
        ("https://free-pages.made-up/u/4711/login", "url-only"),
    }


@pytest.mark.parametrize(
    ("file", "refused"),
    [
        ("fraud.hosts", {"bad-character", "no-address-and-name"}),
        ("phishing.txt", {"several-words"}),
        ("scam.adblock", {"path", "cosmetic", "exception"}),
        ("pages.urls", set()),
        ("addresses.ips", {"leading-zero"}),
        ("rumours.txt", set()),
        ("popular.txt", set()),
        ("shared.txt", set()),
    ],
)
def test_every_line_is_accounted_for(folder: Path, file: str, refused: set[str]) -> None:
    kind = {"txt": "domains"}.get(file.partition(".")[2], file.partition(".")[2])
    account = blocklist(folder, "feeds", "test", f"lists/{file}", "--format", kind, "--json").json
    assert set(account["refused"]) == refused
    accounted = account["accepted"] + account["comments"] + sum(account["refused"].values())
    assert accounted == account["lines"]


@pytest.mark.parametrize(
    ("file", "has", "lacks"),
    [
        ("hosts", ["0.0.0.0 parcel-fee.made-up", ":: parcel-fee.made-up"], ["big-shop"]),
        ("domains.txt", ["xn--ur-company-dvi.made-up"], ["x.our-company", "printer.example"]),
        (
            "db.rpz",
            [
                "*.parcel-fee.made-up CNAME .",
                "login.account-check.made-up CNAME .",
                f"{ALLOWED} CNAME rpz-passthru.",
                f"*.{ALLOWED} CNAME rpz-passthru.",
                "*.cheap-loans.made-up CNAME .",
            ],
            ["free-pages", "*.bank-update"],
        ),
        ("blocklist.nft", ["\t203.0.113.16/28,", "\t3ffe:b10c::20/124,"], ["203.0.113.0/24"]),
        ("networks.txt", ["203.0.113.16/28", "3ffe:b10c::99"], ["203.0.113.0/24"]),
    ],
)
def test_files(folder: Path, file: str, has: list[str], lacks: list[str]) -> None:
    text = (folder / "out" / file).read_text()
    assert set(has) <= set(text.splitlines())
    assert not [words for words in lacks if words in text]


def test_once_more_changes_nothing(folder: Path) -> None:
    def files() -> dict[str, tuple[int, bytes]]:
        return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in out.iterdir()}

    out = folder / "out"
    before = files()
    report = run(folder)
    assert not report["changed"]
    assert {feed["state"] for feed in report["feeds"]} == {"unchanged"}
    assert not any(export["result"]["changed"] for export in report["exports"])
    assert files() == before


def tour(copy: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        [copy / "tour.sh"],
        env={**os.environ, "PATH": path, "PYTHONUTF8": "1"},
        check=False,
        capture_output=True,
        encoding="utf-8",
    )


@pytest.mark.slow
def test_tour_runs_twice(tmp_path: Path) -> None:
    copy = copy_of_quickstart(tmp_path)
    for _ in range(2):
        done = tour(copy)
        assert done.returncode == 0, done.stderr
        assert "release 2: " in done.stdout
        assert "nothing changed: release 2 stays" in done.stdout
        assert done.stdout.index("== 1. ") < done.stdout.index("== Where things are")


@pytest.mark.slow
def test_tour_stops_at_an_error(tmp_path: Path) -> None:
    copy = copy_of_quickstart(tmp_path)
    (copy / "lists" / "popular.txt").unlink()
    done = tour(copy)
    assert done.returncode == 3
    assert "popular" in done.stderr
    assert "== 2." not in done.stdout
