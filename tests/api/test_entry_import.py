"""Entry files: what is exported is imported the same, and a bad file changes nothing."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blocklist import Blocklist, BlocklistError, ConfigError, ConsentNeeded, Entry, StorageError
from tests.support.listings import rows

FORMS = ("toml", "csv")
values = st.sampled_from(
    ["a.example", "b.a.example", "xn--4ca.example", "_dmarc.example", "192.0.2.1", "192.0.2.0/24",
     "2001:db8::/32", "https://pages.example/a,b?c=d", "http://x.example/"],
)  # fmt: skip
formulas = st.sampled_from(["=1+1", "'=1", "''-x", "@x", "+x", "\t=", "\n=x", "'", '"', "a\r\nb"])
texts = st.one_of(st.text(max_size=20), formulas)
ends = st.one_of(st.none(), st.integers(1, 10**6))
made = st.lists(
    st.tuples(values, st.sampled_from(["exact", "subtree", "below"]), texts, texts, ends),
    max_size=6,
)


def installed(folder: Path) -> Blocklist:
    folder.mkdir(exist_ok=True)
    (folder / "blocklist.toml").write_text('[policy]\nown = ["school.example.org"]\n')
    return Blocklist.open(folder / "blocklist.toml")


@pytest.fixture
def library(tmp_path: Path) -> Blocklist:
    return installed(tmp_path / "one")


def load(library: Blocklist, content: str | bytes, form: str = "csv", **options: Any) -> Any:  # noqa: ANN401
    return library.allow.import_content(content, form, **options)


def entries(library: Blocklist) -> list[Entry]:
    return [noted.entry for noted in (*library.allow.list(), *library.block.list())]


def runs(library: Blocklist) -> object:
    assert library.config_path
    return rows(library.config_path.with_name("blocklist.db"), "SELECT count(*) FROM run")


@settings(max_examples=15, deadline=None)
@given(made=made, form=st.sampled_from(FORMS), action=st.sampled_from(["allow", "block"]))
def test_what_is_exported_is_imported_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    made: list[tuple[str, str, str, str, int | None]],
    form: str,
    action: str,
) -> None:
    folder = tmp_path_factory.mktemp("round")
    first, second = (getattr(installed(folder / name), action) for name in ("one", "two"))
    for value, scope, reason, author, days in made:
        expires = None if days is None else datetime.now(UTC) + timedelta(days=days)
        first.add(value, scope=scope, reason=reason, author=author, expires=expires, anyway=True)
    text = first.export_text(form)
    same = first.import_content(text.encode(), form, prune=True)
    assert (same.change.entries, same.unchanged) == ((), len(first.list()))
    copied = second.import_content(text, form, anyway=True)
    assert len(copied.added) == same.unchanged
    assert second.export_text(form) == text
    assert not second.import_content(text, form, prune=True).change.entries


def test_an_import_adds_changes_and_keeps(library: Blocklist) -> None:
    library.allow.add(["same.com", "other.com", "kept.com"], reason="why", author="ana")
    report = load(library, "value,reason,author\nsame.com,why,ana\nother.com,new,bob\nnew.com,,\n")
    assert [entry.value for entry in report.added] == ["new.com"]
    assert [(entry.value, entry.author) for entry in report.changed] == [("other.com", "bob")]
    assert (report.unchanged, report.removed, report.change.replaced) == (1, (), 1)
    assert {entry.value for entry in entries(library)} == {
        "same.com", "other.com", "kept.com", "new.com",
    }  # fmt: skip
    by = {entry.value: entry.imported_by for entry in entries(library)}
    assert by["kept.com"] is by["same.com"] is None
    assert by["other.com"] == by["new.com"] is not None, "the importer, beside the author"


def test_a_time_of_the_file_is_kept_beside_that_of_the_ledger(library: Blocklist) -> None:
    load(library, "value,created,author\na.com,2020-01-02,ana\n")
    (entry,) = entries(library)
    assert (entry.first_created, entry.author) == ("2020-01-02T00:00:00Z", "ana")
    assert entry.created > "2026", "the history is not written again"
    assert "2020-01-02T00:00:00Z" in library.allow.export_text()


@pytest.mark.parametrize("form", FORMS)
def test_an_unchanged_file_writes_nothing(library: Blocklist, form: str) -> None:
    library.allow.add("a.com")
    text, before = library.allow.export_text(form), runs(library)
    assert not load(library, text, form, prune=True, now=False).change.entries
    assert runs(library) == before


def test_prune_removes_entries_of_its_action_only(library: Blocklist) -> None:
    library.allow.add(["a.com", "b.com"])
    library.block.add("c.com")
    report = load(library, "value\na.com\n", prune=True)
    assert [entry.value for entry in report.removed] == ["b.com"]
    assert [entry.value for entry in entries(library)] == ["a.com", "c.com"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("ended", [False, True])
def test_an_empty_file_removes_nothing_without_consent(
    library: Blocklist, form: str, ended: bool
) -> None:
    library.allow.add(["a.com", "b.com"])
    text = {
        ("toml", False): "", ("csv", False): "value\n",
        ("toml", True): '[[allow]]\nvalue = "x.com"\nuntil = 2020-01-01\n',
        ("csv", True): "value,until\na.com,2020-01-01\n",
    }[form, ended]  # fmt: skip
    with pytest.raises(ConsentNeeded, match="all 2 allow entries would be removed"):
        load(library, text, form, prune=True)
    assert len(entries(library)) == 2
    assert "all 2" in load(library, text, form, prune=True, dry_run=True).change.notes[0]
    assert len(load(library, text, form, prune=True, anyway=True).removed) == 2
    assert load(library, text, form, prune=True).change.entries == (), "and nothing is left"


def test_a_dry_run_stores_nothing(library: Blocklist) -> None:
    library.allow.add("a.com")
    before = runs(library)
    report = load(library, "value,reason\na.com,new\nb.com,\n", dry_run=True, now=True)
    assert (len(report.added), len(report.changed), report.dry_run) == (1, 1, True)
    assert (runs(library), [entry.reason for entry in entries(library)]) == (before, [""])


def test_an_entry_whose_row_has_ended_is_removed(library: Blocklist) -> None:
    library.allow.add(["a.com", "b.com"])
    report = load(library, "value,until\na.com,2020-01-01\nnew.com,2020-01-01T00:00:00Z\n")
    assert ([entry.value for entry in report.removed], report.ended) == (["a.com"], 2)
    assert [entry.value for entry in entries(library)] == ["b.com"]


def test_consent_is_asked_for_new_entries_together(library: Blocklist) -> None:
    text = "value\nco.uk\nfine.com\ncom\n"
    with pytest.raises(ConsentNeeded) as refused:
        load(library, text)
    assert len(refused.value.risks) == 2
    assert not entries(library)
    load(library, text, anyway=True)
    assert not load(library, text).change.entries, "what is in force needs no consent again"


def test_an_import_with_now_publishes_once(library: Blocklist) -> None:
    library.block.add("old.top")
    library.build_release()
    first = library.block.import_content("value\nfraud.top\n", "csv", now=True)
    assert first.change.published
    assert library.check("fraud.top").verdict == "block"
    again = library.block.import_content("value\nfraud.top\n", "csv", now=True)
    assert again.change.published is None, "nothing is pending"


LINE = "a" * 200_000
HOSTILE = [
    ("csv", "value\na..b\n", "line 2: 'a..b' is no name", "no name"),
    ("csv", "value\nok.com\n\n a b\n", "line 4: 'a b' is no name", "an empty line is counted"),
    ("csv", f"value\nok.com\n{LINE}\n", "line 3: longer than 100,000 bytes", "a long line"),
    ("csv", 'value\n"' + "a\n" * 90_000, "line 2: not valid CSV", "a long field of short lines"),
    ("csv", b"value\nok.com\n\xff.com\n", "byte 0xff is not UTF-8 (at line 3)", "no UTF-8"),
    ("csv", "value\nok.com\n".encode("utf-16"), "the text is UTF-16", "from a spreadsheet"),
    ("csv", 'value\n=HYPERLINK("http://x")\n', "line 2", "a formula"),
    ("csv", 'value\n"=HYPERLINK(""http://x"")"\n', "line 2: '=HYPERLINK", "a quoted formula"),
    ("csv", 'value\n"a.com\nb.com"\n', "line 2: value: 'a.com\\nb.com' has a line end", "newline"),
    ("csv", 'value\n"a.com\nb.com"\nc..d\n', "line 4: 'c..d'", "lines after a field of two"),
    ("csv", "value\na\0.com\n", "line 2", "a NUL"),
    ("csv", "value\na.com\nA.com.\n", "line 3: a.com (subtree) has an entry in line 2", "twice"),
    ("csv", "value,reason\na.com,x\na.com,y\n", "line 3: a.com", "two reasons"),
    ("csv", "value,until\na.com,2099-01-01\na.com,\n", "line 3: a.com", "two ends"),
    ("csv", "action,value\nallow,b.com\nblock,a.com\n", "line 3: the action is 'block'", "action"),
    ("csv", "value,until\na.com,tomorrow\n", "line 2: until 'tomorrow': expected a date", "time"),
    ("csv", "value,until\na.com,2026-13-01\n", "line 2: until", "a month too many"),
    ("csv", "value,until\na.com,9999-12-31\n", "line 2: until", "the end of all days"),
    ("csv", "value,scope\na.com,all\n", "line 2: scope 'all': expected one of", "a scope"),
    ("csv", "value,scope\n192.0.2.1,below\n", "line 2: scope below: an address", "scope of one"),
    ("csv", "value\n0.0.0.0/0\n", "line 2: 0.0.0.0/0: that is every address", "all addresses"),
    ("csv", "value,expires\na.com,\n", "line 1: unknown column 'expires'", "a column"),
    ("csv", "value;reason\na.com;x\n", "expected the columns value,scope", "semicolons"),
    ("csv", "a.com\nb.com\n", "line 1: unknown column 'a.com'", "a plain list"),
    ("csv", "value,value\na.com,b.com\n", "line 1: a column is there twice", "a column twice"),
    ("csv", "value,reason\na.com\n", "line 2: expected 2 columns, and there are 1", "a short row"),
    ("csv", "value\na.com,b.com\n", "line 2: expected 1 columns, and there are 2", "a long row"),
    ("csv", 'value\n"a.com\n', "line 2: not valid CSV", "an open quote"),
    ("csv", 'value,reason\n,"x"\n', "line 2: value: missing", "no value"),
    ("csv", "", "no header", "nothing"),
    ("toml", "[[block]]\nvalue='a.com'\n", "line 1: the action is 'block'", "of block"),
    ("toml", "[[allow]]\nvalue='a.com'\n\n[[allow]]\nvalue='a.com'", "line 4: a.com", "twice"),
    ("toml", "[[allow]]\nvalue=1\n", "line 1: value: expected a text, not 1", "a number"),
    ("toml", "[[allow]]\nvalue='a.com'\nuntil=1\n", "line 1: until '1'", "a number for a time"),
    ("toml", "[[allow]]\nvalue='a.com'\nuntil=10:00:00\n", "line 1: until", "a time of day"),
    ("toml", "[[allow]]\nvalue='a.com'\nname='x'\n", "line 1: unknown key 'name'", "a key"),
    ("toml", "[[allow]]\nreason='x'\n", "line 1: value: missing", "no value"),
    ("toml", "allow = ['a.com']\n", "allow: expected tables [[allow]]", "a list"),
    ("toml", "[allow]\nvalue='a.com'\n", "allow: expected tables [[allow]]", "one table"),
    ("toml", "[[aloww]]\nvalue='a.com'\n", "unknown table 'aloww'", "a mistyped table"),
    ("toml", "[[allow]]\nvalue='a.com\n", "not valid TOML", "an open quote"),
    ("toml", "allow = " + "[" * 20_000, "nested too deeply", "nested"),
    ("toml", '[[allow]]\nvalue="a\\nb.com"\n', "line 1: value: 'a\\nb.com' has a line", "newline"),
    ("toml", "[[allow]]\nvalue='a.com'\n[[allow]]\nvalue='x..y'\nreason='''\n[[allow]]\n'''",
     "[[allow]] 2: 'x..y' is no name", "a text that looks like a header"),
]  # fmt: skip


@pytest.mark.parametrize(("form", "content", "message", "why"), HOSTILE)
def test_a_bad_file_is_refused_by_line(
    library: Blocklist, form: str, content: str | bytes, message: str, why: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        load(library, content, form, name="file", prune=True, anyway=True)
    assert message in str(refused.value), why
    assert all(line.startswith("file: ") and len(line) < 400 for line in refused.value.mistakes)
    assert library.config_path and not library.config_path.with_name("blocklist.db").exists()


@pytest.mark.parametrize("form", FORMS)
def test_a_bad_file_changes_nothing(library: Blocklist, form: str) -> None:
    library.allow.add("mine.com")
    text, before = library.allow.export_text(form), runs(library)
    for bad in (text + "?", text + text, text.replace("mine", "a..b"), text.replace("al", "bl")):
        with pytest.raises(ConfigError):
            load(library, bad, form, prune=True, anyway=True)
    assert ([one.value for one in entries(library)], runs(library)) == (["mine.com"], before)


def test_all_mistakes_are_told_and_many_are_counted(library: Blocklist) -> None:
    bad = "".join(f"x..{number}\n" for number in range(50))
    with pytest.raises(ConfigError) as refused:
        load(library, f"value\n{bad}", name="file")
    assert len(refused.value.mistakes) == 21
    assert refused.value.mistakes[-1] == "file: and 30 more mistakes"


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("missing.csv", StorageError, "cannot be read"),
        ("folder.csv", StorageError, "cannot be read"),
        ("big.csv", StorageError, "larger than 16 MiB"),
        ("list.txt", BlocklistError, "choose with: --format toml, or csv"),
        ("x\0.csv", BlocklistError, "is no path"),
    ],
)
def test_a_file_that_cannot_be_read(
    library: Blocklist, tmp_path: Path, name: str, error: type[Exception], message: str
) -> None:
    (tmp_path / "folder.csv").mkdir()
    with (tmp_path / "big.csv").open("wb") as file:
        file.truncate((1 << 24) + 1)
    (tmp_path / "list.txt").write_text("a.com\n")
    with pytest.raises(error, match=message):
        library.allow.import_file(f"{tmp_path}/{name}")
