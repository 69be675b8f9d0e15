"""Judging only changed values gives the same result as judging all."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blocklist.judge.scoring.electorate import feed_groups_from_weights
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.feeds.echoes import load_echoes
from blocklist.ledger.feeds.health import load_feed_health
from blocklist.ledger.operator.entries import load_judge_entries
from blocklist.ledger.releases.history import current_release
from blocklist.model import Verdict
from blocklist.release import judging
from blocklist.release.feed_weights import compute_feed_weights
from tests.support.releases import add_name_entry, load_folder, run_build

SETTINGS = """
[policy]
max_shrink = 1.0
max_growth = 1000.0
threshold = 0.6
[feeds.names]
url = "names.txt"
format = "wildcard"
category = "phishing"
reliability = 0.5
[feeds.links]
url = "links.txt"
format = "urls"
category = "malware"
reliability = 0.7
[feeds.mixed]
url = "mixed.txt"
format = "csv"
category = "phishing"
reliability = 0.5
[guards.top]
url = "top.txt"
format = "domains"
"""
NAMES = ["evil.top", "*.evil.top", "a.evil.top", "popular.top", "bad.co.uk", "x.github.io"]
LINKS = ["http://evil.top/", "http://evil.top/a", "https://a.evil.top/b", "http://9.9.9.8/c"]
MIXED = ["evil.top", "a.evil.top", "popular.top", "9.9.9.8", "9.9.9.0/24", "http://evil.top/a"]
FILES = {"names.txt": NAMES, "links.txt": LINKS, "mixed.txt": MIXED}
days = st.fixed_dictionaries(
    {
        name: st.lists(st.sampled_from(lines), min_size=1, unique=True)
        for name, lines in FILES.items()
    }
)
Calls = list[int]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Count the calls that judge only a part; any share of changes is small enough for it."""
    honest, found = judging._judge_changed_values, Calls()

    def counted(*arguments: object) -> judging.JudgeResult:
        found.append(1)
        return honest(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(judging, "_judge_changed_values", counted)
    monkeypatch.setattr(judging, "_MAX_CHANGED_SHARE", 100.0)
    return found


def write(folder: Path, day: dict[str, list[str]]) -> None:
    for name, lines in day.items():
        (folder / name).write_text("".join(f"{line}\n" for line in [*lines, "always.top"]))
    (folder / "links.txt").write_text("".join(f"{line}\n" for line in day["links.txt"]))


def start(folder: Path) -> None:
    (folder / "blocklist.toml").write_text(SETTINGS)
    (folder / "top.txt").write_text("popular.top\n")
    write(folder, {name: lines[:2] for name, lines in FILES.items()})
    run_build(folder)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a first release, to be copied."""
    folder = tmp_path_factory.mktemp("sitting")
    start(folder)
    return folder


def require_the_same_as_judging_all(folder: Path) -> None:
    known = load_folder(folder)
    with read_transaction(known.database) as transaction:
        reader = transaction.connection
        release = current_release(reader)
        counted = compute_feed_weights(known, load_feed_health(reader), load_echoes(reader))
        groups = feed_groups_from_weights(counted)
        entries = list(load_judge_entries(reader, groups.adds_evidence))
        whole = judging.judge_listings(known, transaction, counted, entries, None)
    assert release is not None
    assert not whole.change, "what is in force is what judging all comes to"
    assert whole.categories == release.categories


@pytest.mark.slow
@given(st.lists(days, min_size=1, max_size=4), st.sampled_from(["evil.top", "a.evil.top", ""]))
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_part_is_judged_as_all_would_be(
    calls: Calls, history: list[dict[str, list[str]]], allowed: str
) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        start(folder)
        if allowed:
            add_name_entry(folder, allowed, Verdict.ALLOW)
            run_build(folder)
        before = len(calls)
        for number, day in enumerate(history):
            write(folder, day | {"names.txt": [*day["names.txt"], f"n{number}.top"]})
            run_build(folder)
            require_the_same_as_judging_all(folder)
        assert len(calls) == before + len(history)


def new_guard(folder: Path) -> None:
    (folder / "top.txt").write_text("popular.top\nevil.top\n")


def new_entry(folder: Path) -> None:
    add_name_entry(folder, "evil.top", Verdict.ALLOW)


def new_policy(folder: Path) -> None:
    (folder / "blocklist.toml").write_text(SETTINGS.replace("0.6", "0.9"))


def new_category(folder: Path) -> None:
    (folder / "blocklist.toml").write_text(SETTINGS.replace('"malware"', '"scam"'))


def new_feed(folder: Path) -> None:
    (folder / "more.txt").write_text("evil.top\nmore.top\n")
    more = '[feeds.more]\nurl = "more.txt"\nformat = "domains"\n'
    (folder / "blocklist.toml").write_text(SETTINGS + more)


@pytest.mark.parametrize(
    ("change", "parts", "why"),
    [
        (lambda folder: None, 1, "a list changed, and nothing else"),
        (new_guard, 0, "a guard may protect what no list changed"),
        (new_entry, 0, "an entry decides about all below it"),
        (new_policy, 0, "a threshold decides about all"),
        (new_category, 0, "all are counted anew"),
        (new_feed, 0, "another voice"),
    ],
)
def test_where_anything_else_changed_all_is_judged(
    copied: Path, calls: Calls, change: Callable[[Path], None], parts: int, why: str
) -> None:
    write(copied, {name: lines[1:4] for name, lines in FILES.items()})
    change(copied)
    run_build(copied)
    assert len(calls) == parts, why
    require_the_same_as_judging_all(copied)


def test_of_a_first_release_all_is_judged(tmp_path: Path, calls: Calls) -> None:
    start(tmp_path)
    assert not calls


def test_what_came_and_went_while_all_else_changed_is_judged(copied: Path) -> None:
    """An unchanged release was made in the old context, whatever was judged since."""
    (copied / "blocklist.toml").write_text(SETTINGS.replace("0.6", "0.4"))
    (copied / "names.txt").write_text("x.top\nz.top\n")
    (copied / "mixed.txt").write_text("z.top\n")
    run_build(copied)
    (copied / "blocklist.toml").write_text(SETTINGS)
    (copied / "mixed.txt").write_text("z.top\nx.top\n")
    assert run_build(copied) is None, "what two list is blocked by the higher threshold, too"
    (copied / "mixed.txt").write_text("z.top\n")
    run_build(copied)
    require_the_same_as_judging_all(copied)


def test_categories_are_counted_anew_when_one_was_renamed_without_effect(copied: Path) -> None:
    new_category(copied)
    assert run_build(copied) is None, "no verdict hangs on it"
    (copied / "links.txt").write_text("http://evil.top/\n")
    run_build(copied)
    require_the_same_as_judging_all(copied)
