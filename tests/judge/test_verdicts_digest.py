"""The same feeds give the same verdicts: digests of whole releases, to detect wrong optimizations.

When a change of meaning changes a digest on purpose, update it and give the reason in the commit.
"""

import hashlib
from pathlib import Path

import polars as pl
import pytest

from benchmarks import generate
from blocklist.collect.update import select_feeds, update_feeds
from blocklist.config.loader import load_config
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.db.writer import open_ledger_writer
from blocklist.ledger.feeds.listings import load_listings
from blocklist.ledger.operator.entries import add_entry
from blocklist.ledger.releases.verdicts import current_verdicts
from blocklist.model import Entry, Kind, Scope, Verdict
from blocklist.release.build import build_release
from tests.support.corpus import NON_LISTS, corpus_files, format_of_file

#: What the real lists are: top lists hold, hosting and resolvers are shared, own errors excuse.
GUARDS = {
    "cloudflare-top100k.json": "popular",
    "cisco_top20k.json": "popular",
    "bank-website.json": "protected",
    "microsoft-azure.json": "shared-host",
    "public-dns-v4.json": "protected",
    "phishing-database-falsepositives.domains.txt": "protected",
}
POLICY = """
[policy]
own = ["example.org", "192.0.2.0/24"]
max_growth = 1000.0
"""


#: Tenants of weebly.com, one of which is blocked all the same, and a name that no feed lists.
ENTRIES = [
    Entry(Kind.DOMAIN, "weebly.com", Scope.SUBTREE, Verdict.ALLOW, "", "", None),
    Entry(Kind.DOMAIN, "fraud.weebly.com", Scope.EXACT, Verdict.BLOCK, "seen", "", None),
    Entry(Kind.DOMAIN, "unlisted.example.net", Scope.SUBTREE, Verdict.BLOCK, "", "", None),
]

SMALL = {"listings": (30_000, "8ef4a6e402d30e86"), "verdicts": (23_003, "e5d60d63175775e5")}
BIG = {"listings": (1_500_000, "238855839a546da2"), "verdicts": (1_150_003, "760755aa2cf59128")}
REAL = {"listings": (1_458_424, "61bd9eacbd299454"), "verdicts": (1_178_474, "e97d41da7a1d4b54")}


def table(part: str, name: str, file: Path, known: str, more: str = "") -> str:
    return f'[{part}."{name}"]\nurl = "{file}"\nformat = "{known}"\nreliability = 0.7\n{more}'


def digests(folder: Path, tables: list[str]) -> dict[str, tuple[int, str]]:
    """Run the main job up to the release; return the number of rows and their digest."""
    (folder / "blocklist.toml").write_text(POLICY + "".join(tables))
    settings = load_config(folder / "blocklist.toml")
    with open_ledger_writer(settings.database, "test") as opened:
        outcomes = update_feeds(settings, opened, select_feeds(settings, []), lambda outcome: None)
        assert all(outcome.is_good for outcome in outcomes), outcomes
        for entry in ENTRIES:
            add_entry(opened, entry)
        build_release(settings, opened, "test")
    with read_transaction(settings.database) as transaction:
        listed = load_listings(transaction, [feed.name for feed in settings.enabled_sources])
        return {"listings": digest(listed), "verdicts": digest(current_verdicts(transaction))}


def digest(rows: pl.DataFrame) -> tuple[int, str]:
    # Sorted, for no order is promised.
    text = rows.select(pl.concat_str(pl.all().cast(pl.String).fill_null("-"), separator="\t"))
    whole = text.to_series().sort().str.join("\n").item()
    return rows.height, hashlib.sha256(whole.encode()).hexdigest()[:16]


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        pytest.param(1_000_000, BIG, marks=pytest.mark.slow),
        (20_000, SMALL),
    ],
)
def test_invented_names(tmp_path: Path, count: int, expected: dict[str, tuple[int, str]]) -> None:
    generate.write(tmp_path, count)
    formats = {"plain": "domains", "hosts": "hosts", "rules": "adblock", "links": "urls"}
    lists = sorted((tmp_path / "lists").iterdir())
    tables = [
        table("feeds", path.name, path, formats[path.name.partition(".")[0]]) for path in lists
    ]
    assert digests(tmp_path, tables) == expected


@pytest.mark.corpus
def test_real_feeds(tmp_path: Path, corpus: Path) -> None:
    tables = []
    for name, file in corpus_files(corpus).items():
        if name in NON_LISTS or (file.parent.name == "warninglists" and name not in GUARDS):
            continue
        part = "guards" if name in GUARDS else "feeds"
        more = f'guard = "{GUARDS[name]}"\n' if name in GUARDS else ""
        tables.append(table(part, name, file, format_of_file(file), more))
    assert digests(tmp_path, tables) == REAL
