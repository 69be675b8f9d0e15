"""Every server for names, with the files made for it, against what the release says."""

import random
from pathlib import Path

import polars as pl
import pytest

from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.releases.verdicts import export_rows
from tests.e2e.matrix import CANARY, CONSUMERS, EXACT, RELEASE, asked, queries
from tests.support.corpus import NON_LISTS, corpus_files, format_of_file
from tests.support.exports import release
from tests.support.process import blocklist

consumers = pytest.mark.parametrize(
    "consumer",
    [
        pytest.param(name, marks=pytest.mark.e2e("nsd", program))
        for name, (program, *_) in CONSUMERS.items()
    ],
)
#: Names that the operator decides about: below and above what real feeds list.
ALLOWED = 40


@consumers
def test_two_hundred_names(tmp_path: Path, upstream: int, consumer: str) -> None:
    frame = release(RELEASE)
    names = queries(frame["value"].to_list())
    assert len(names) >= 200
    found = asked(consumer, tmp_path, frame, names, upstream)
    assert not found.wrong
    assert not found.narrower or consumer not in EXACT


@pytest.fixture(scope="module")
def of_corpus(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """Make a release of all real feeds, lists of good names as guards; allow some names in it."""
    folder = tmp_path_factory.mktemp("corpus")
    lines = [
        f"[{'feeds' if file.parent == corpus else 'guards'}.own-{place}]\n"
        f'url = "{file}"\nformat = "{format_of_file(file)}"\n'
        for place, (name, file) in enumerate(corpus_files(corpus).items())
        if name not in NON_LISTS
    ]
    (folder / "blocklist.toml").write_text("".join(lines))
    done = blocklist(folder, "run")
    assert done.returncode == 0, done.stderr
    with read_transaction(folder / "blocklist.db") as transaction:
        rows = export_rows(transaction, 1)
    wide = rows.filter(pl.col("scope") == "subtree")["value"].sample(ALLOWED, seed=1)
    text = [f"allow subtree deep.ok.{name}" for name in wide[: ALLOWED // 2]]
    text += [f"allow exact {name}" for name in wide[ALLOWED // 2 :]]
    return pl.concat([rows, release("\n".join([f"block exact {CANARY}", *text]))])


@pytest.mark.corpus
@pytest.mark.slow
@consumers
def test_two_thousand_names_of_real_feeds(
    tmp_path: Path, upstream: int, of_corpus: pl.DataFrame, consumer: str
) -> None:
    domains = of_corpus.filter(pl.col("kind") == "domain")
    allow = domains.filter(pl.col("action") == "allow")["value"].to_list()
    block = domains.filter(pl.col("action") == "block")["value"].sample(300, seed=2).to_list()
    around = queries([*allow, *block])
    names = random.Random(3).sample(around, 2000)
    found = asked(consumer, tmp_path, of_corpus, names, upstream)
    assert not found.wrong
    assert not found.narrower or consumer not in EXACT
