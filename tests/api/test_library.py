"""`import blocklist` as a program uses it: typed results, no output, several at a time."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import blocklist
from blocklist import Blocklist, EventKind, Kind, ProgressEvent, Reason, Scope, Stage, Verdict
from blocklist.api.arguments import Moment
from tests.support.worlds import CONFIG, make_world

# --- The package ------------------------------------------------------------------------------


def test_import_is_cheap_and_every_name_is_there() -> None:
    code = "import sys; n = set(sys.modules); import blocklist; print(*set(sys.modules) - n)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["blocklist"]
    assert blocklist.__all__ == sorted(blocklist.__all__)
    in_table = [name for names in blocklist._MODULES.values() for name in names]
    assert sorted(in_table) == blocklist.__all__
    assert set(blocklist.__all__) <= set(dir(blocklist))
    for name in blocklist.__all__:
        assert getattr(blocklist, name) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        getattr(blocklist, "nonsense")  # noqa: B009 (mypy knows that it is missing)


def test_results_are_frozen() -> None:
    for name in ("RunReport", "BuildReport", "PublishReport", "EntryChange", "Status", "Answer"):
        result = getattr(blocklist, name)
        assert result.__dataclass_params__.frozen, name
        assert fields(result)


# --- Check ------------------------------------------------------------------------------------


def test_one_name_or_many(library: Blocklist) -> None:
    answer = library.check("www.fraud.top")
    assert (answer.verdict, answer.release) == (Verdict.BLOCK, 1)
    answers = library.check(name for name in ("shop.com", "fraud.top", "no name", "46.9.9.9"))
    assert [one.verdict for one in answers] == ["hold", "block", "clear", "block"]
    assert len(answers) == 4
    assert answers[1] == library.check("fraud.top")
    assert [one.query for one in answers[::-2]] == ["46.9.9.9", "fraud.top"]
    assert [one.query for one in answers.invalid] == ["no name"]
    assert answers.any_blocked
    assert not library.check([]).any_blocked


@pytest.mark.parametrize("batch_minimum", [1, 10**9], ids=["as columns", "one at a time"])
def test_many_are_answered_alike_both_ways(
    library: Blocklist, monkeypatch: pytest.MonkeyPatch, batch_minimum: int
) -> None:
    queries = ["fraud.top", "https://pages.com/x", "WWW.Fraud.Top", "\udce9", "a.b", "46.9.9.9"]
    single = [library.check(query) for query in queries]
    monkeypatch.setattr("blocklist.check.answers.BATCH_MINIMUM", batch_minimum)
    answers = library.check(queries)
    assert (answers.batch is not None) == (batch_minimum == 1)
    assert list(answers) == single
    assert answers[1:3] == single[1:3]
    assert list(answers.iter_rows([5, 0, 2])) == [single[5], single[0], single[2]]
    frame = answers.to_frame()
    assert frame["query"].to_list() == [q if q.isprintable() else "\\udce9" for q in queries]
    for column in ("kind", "verdict", "reason", "cause"):
        assert frame[column].to_list() == [getattr(answer, column) for answer in single]
    matches = [
        (one.match.indicator, one.match.scope) if one.match else (None, None) for one in single
    ]
    assert frame.select("indicator", "scope").rows() == matches


MOMENTS: list[tuple[Moment | None, Verdict, str]] = [
    (1, Verdict.CLEAR, "the number of a release"),
    ("1", Verdict.CLEAR, "the same as a text"),
    (datetime(2001, 1, 1), Verdict.CLEAR, "before the first release"),
    (datetime.now(UTC).date(), Verdict.BLOCK, "the end of today"),
    (None, Verdict.BLOCK, "now"),
]


def test_a_moment_has_many_forms(library: Blocklist) -> None:
    library.block.add("new.example")
    library.run()
    now = datetime.now(UTC)
    for at, verdict, why in (*MOMENTS, (now, Verdict.BLOCK, "a time with a zone")):
        assert library.check("new.example", at=at).verdict is verdict, why
    assert library.check(["new.example"], at=now.replace(tzinfo=None)).any_blocked, "in UTC"


def test_without_a_ledger_everything_is_clear(tmp_path: Path) -> None:
    library = Blocklist.open(make_world(tmp_path))
    assert library.check("fraud.top").release is None
    assert library.check(["fraud.top"] * 3).release is None
    assert library.allow.list() == ()
    assert library.releases.list() == ()
    assert library.review.list().items == ()
    assert library.status().release is None
    assert library.explain("fraud.top").verdict is Verdict.CLEAR
    assert not list(tmp_path.glob("*.db*")), "reading makes no files"


# --- Entries ----------------------------------------------------------------------------------


def test_entries_are_added_listed_and_removed(library: Blocklist) -> None:
    change = library.allow.add(
        ["good.fraud.top", "46.9.9.9"], reason="a\x1bcustomer", expires=timedelta(hours=2)
    )
    assert (len(change.entries), change.replaced, change.pin) == (2, 0, None)
    name, network = (noted.entry for noted in library.allow.list())
    assert (name.scope, name.author, name.kind) == (Scope.SUBTREE, "ana", Kind.DOMAIN)
    assert (network.scope, network.kind) == (Scope.EXACT, Kind.IP)
    assert name.reason == r"a\x1bcustomer", "it cannot control a terminal"
    assert name.expires and name.expires > name.created
    again = library.block.add("good.fraud.top", author="api", scope=Scope.EXACT)
    assert (again.replaced, again.entries[0].author) == (0, "api"), "another scope"
    assert library.allow.add("good.fraud.top").replaced == 1
    library.block.remove("good.fraud.top")
    library.run()
    assert library.check("good.fraud.top").verdict is Verdict.ALLOW
    gone = library.allow.remove(["good.fraud.top", "46.9.9.9"])
    assert [entry.value for entry in gone.entries] == ["46.9.9.9", "good.fraud.top"]
    assert library.allow.list() == ()


WRONG_ENTRIES = [
    (["x.top", "no name"], {}, "no name", "one of two is wrong"),
    ("0.0.0.0/0", {}, "every address", "everything at once"),
    ("co.uk", {}, "public suffix", "strangers live below it"),
    ("x.top", {"expires": timedelta(seconds=-1)}, "is over already", "the past"),
    ("x.top", {"expires": datetime(2001, 1, 1)}, "is over already", "the past"),
    ("x.top", {"expires": timedelta.max}, "too far away", "no such year"),
]


@pytest.mark.parametrize(("names", "options", "says", "why"), WRONG_ENTRIES)
def test_wrong_entries_change_nothing(
    library: Blocklist, names: list[str] | str, options: dict[str, timedelta], says: str, why: str
) -> None:
    with pytest.raises(blocklist.UsageError, match=says):
        library.allow.add(names, **options)  # type: ignore[arg-type]
    assert library.allow.list() == (), why


def test_removing_several_is_all_or_nothing(library: Blocklist) -> None:
    library.block.add(["a.example", "b.example"])
    with pytest.raises(blocklist.NotFoundError, match="no block entry"):
        library.block.remove(["a.example", "c.example"])
    assert len(library.block.list()) == 2
    library.block.add("co.uk", public_suffix=True)
    assert library.block.list()[-1].entry.value == "co.uk"


# --- Jobs -------------------------------------------------------------------------------------


def test_jobs_one_by_one_and_their_events(library: Blocklist, copied: Path) -> None:
    (copied / "one.txt").write_text("fraud.top\nnew.top\n")
    events: list[ProgressEvent] = []
    (outcome,) = library.update("one", progress=events.append)
    assert (outcome.state, outcome.added, outcome.removed) == ("fresh", 1, 3)
    assert [event.kind for event in events] == [EventKind.START, EventKind.ITEM, EventKind.END]
    assert {event.stage for event in events} == {Stage.UPDATE}
    assert events[1].text == "one: fresh, 2 entries"
    built = library.build_release()
    assert (built.release.number, built.is_new, built.expired) == (2, True, ())
    (exported,) = library.export("names")
    assert exported.result and exported.result.changed
    assert "new.top" in (copied / "out/names").read_text()
    assert library.check("new.top").verdict is Verdict.BLOCK
    assert library.prune(timedelta()).releases == 1
    with pytest.raises(blocklist.UsageError, match="at least zero"):
        library.prune(timedelta(days=-1))


def test_unknown_names_are_not_found(library: Blocklist) -> None:
    for call in (
        lambda: library.update("oen"),
        lambda: library.update(accept=["oen"]),
        lambda: library.export("nmaes"),
        lambda: library.feeds.show("oen"),
        lambda: library.releases.show(7),
        lambda: library.releases.diff(1, 1, feed="oen"),
        lambda: library.releases.accept("why not"),
        library.releases.unpin,
        lambda: library.releases.unpin(feed="oen"),
        lambda: library.review.find("nobody.example"),
        lambda: library.review.accept(feed="oen"),
    ):
        with pytest.raises(blocklist.NotFoundError):
            call()


def test_a_second_job_gets_an_error_and_a_decision_is_stored(library: Blocklist) -> None:
    seen: list[int] = []

    def write(event: ProgressEvent) -> None:
        if event.kind is EventKind.ITEM:
            with pytest.raises(blocklist.LockHeld):
                library.update()
            library.allow.add(f"x{len(seen)}.top")
            seen.append(len(library.allow.list()))

    library.update(progress=write)
    assert seen == [1, 2, 3]


def test_two_installations_in_one_process(library: Blocklist, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    second = Blocklist.open(make_world(other, CONFIG.replace("shop.com", "")))
    (other / "one.txt").write_text("elsewhere.top\n")
    assert second.run().is_good
    verdicts = [one.check("elsewhere.top").verdict for one in (library, second)]
    assert verdicts == [Verdict.CLEAR, Verdict.BLOCK]


def test_threads_read_while_one_writes(library: Blocklist) -> None:
    queries = ["fraud.top", "shop.com", "nobody.org", "46.9.9.9"] * 25
    expected = [library.check(query).verdict for query in queries]
    with ThreadPoolExecutor(4) as pool:
        singles = pool.map(lambda query: library.check(query).verdict, queries)
        many = [pool.submit(library.check, queries) for _ in range(4)]
        report = pool.submit(library.run)
        explained = pool.map(lambda query: library.explain(query).verdict, queries[:4])
        assert list(singles) == expected
        assert [[one.verdict for one in each.result()] for each in many] == [expected] * 4
        assert list(explained) == expected[:4]
        assert report.result().is_good


# --- Review, releases, feeds ------------------------------------------------------------------


def test_review(library: Blocklist) -> None:
    page = library.review.list()
    assert (page.total, page.by_reason) == (1, {"popular": 1})
    (item,) = page.items
    assert (item.held.indicator, item.held.feeds, item.score and item.score.score) == (
        "shop.com", ("one",), 0.8,
    )  # fmt: skip
    assert library.review.list(reason=Reason.WEAK).total == 0
    with pytest.raises(blocklist.UsageError, match="a NAME, or --feed"):
        library.review.reject()
    with pytest.raises(blocklist.ConfigError, match=r"resolve\.country"):
        library.review.list(countries=["DE"])
    change = library.review.reject(feed="one", expires=timedelta(days=1))
    assert [entry.action for entry in change.entries] == [Verdict.ALLOW]
    assert change.entries[0].seen == (("one", "shop.com"),)
    library.run()
    assert library.check("shop.com").verdict is Verdict.ALLOW
    assert library.review.list().total == 0


def test_releases(library: Blocklist) -> None:
    library.block.add("new.example", reason="seen")
    library.run()
    assert [release.number for release in library.releases.list()] == [2, 1]
    content = library.releases.show()
    assert (content.release.number, content.is_candidate) == (2, False)
    assert "new.example" in content.rows["value"].to_list()
    diff = library.releases.diff(1, "current")
    assert diff.added["value"].to_list() == ["new.example"]
    report = library.releases.rollback(reason="\x07wrong")
    assert (report.release.number, report.release.origin, report.held) == (3, 1, None)
    assert report.release.reason == r"\x07wrong"
    assert "your block of new.example" in report.notes[0]
    pin = library.releases.pin()
    assert library.run().built == blocklist.BuildResult(report.release, is_new=False, pin=pin)
    assert library.block.add("more.example").pin == pin
    built = library.run().built
    assert built and (built.release.number, built.is_new, built.pin) == (4, True, pin)
    assert library.releases.diff(3, 4).added["value"].to_list() == ["more.example"]
    library.releases.unpin()
    assert library.releases.pin() is None
    with pytest.raises(blocklist.UsageError, match="either a release or --feed"):
        library.releases.rollback(1, feed="one")


def test_feeds(library: Blocklist, copied: Path) -> None:
    mine = [status for status in library.feeds.list(enabled=True) if not status.feed.guard]
    assert [(status.feed.name, status.to_dict()["entries"]) for status in mine] == [
        ("one", 4), ("two", 2),
    ]  # fmt: skip
    (copied / "extra.txt").write_text("extra.top\n")
    new = library.feeds.prepare(str(copied / "extra.txt"), category=blocklist.Category.SCAM)
    assert "[feeds.extra]" in new.text
    assert not [one for one in library.feeds.list() if one.feed.name == "extra"]
    library.feeds.add(new)
    assert library.feeds.show("extra").feed.category is blocklist.Category.SCAM
    assert library.feeds.test(str(copied / "extra.txt"), "domains").accepted == 1
    assert library.feeds.overlap().values == 6


# --- State ------------------------------------------------------------------------------------


def test_status(library: Blocklist, copied: Path) -> None:
    library.export()
    status = library.status()
    assert status.release and status.release.number == 1
    assert (status.candidate, status.pins, status.writer) == (None, (), None)
    assert [(feed.name, feed.state, feed.overdue) for feed in status.feeds] == [
        ("top", "fresh", timedelta()), ("one", "fresh", timedelta()), ("two", "fresh", timedelta()),
    ]  # fmt: skip
    (export,) = status.exports
    assert (export.name, export.release, export.exists) == ("names", 1, True)
    assert status.last_run and status.last_run.finished
    (copied / "out/names").unlink()
    assert not library.status().exports[0].exists


def test_doctor(library: Blocklist, copied: Path) -> None:
    library.export()
    report = library.doctor()
    assert (report.problems, report.mended) == ((), ())
    (copied / "out/names").unlink()
    (problem,) = library.doctor().problems
    assert "is missing" in problem.what
    (copied / "blocklist.toml").write_text("nonsense = 1\n")
    (problem,) = Blocklist.open(copied / "blocklist.toml").doctor().problems
    assert "unknown key" in problem.what


def test_a_mistake_in_the_configuration_is_raised_when_it_is_needed(tmp_path: Path) -> None:
    with pytest.raises(blocklist.StorageError, match=r"none\.toml: cannot be read"):
        Blocklist.open(tmp_path / "none.toml").check("x.top")
    (tmp_path / "blocklist.toml").write_text("nonsense = 1\n")
    with pytest.raises(blocklist.ConfigError, match="unknown key"):
        Blocklist.open(tmp_path / "blocklist.toml").run()
