"""A body with some entries taken out and others put in is the one that has just the right ones."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocklist.errors import ExportFailed
from blocklist.export.incremental import splice
from blocklist.export.incremental.edits import Edit, EditMismatch, apply_edits, invert_edits
from blocklist.export.incremental.splice import NotPatchable, Splice
from blocklist.frames.names import name_sort_key_expr

HEAD = b"# head\n"
NAME = pl.col("line").str.extract(r"^(?:0|::) (\S+)$")
#: Some are the ends of others, and stand right beside them.
NAMES = ["a", "b.a", "bb.a", "c.b.a", "xb.a", "ab", "b", "a.b", "z", "long-name.z"]
entries = st.dictionaries(st.sampled_from(NAMES), st.sampled_from([1, 2, 3]), min_size=1)
Entries = dict[str, int]


def lines(name: str, count: int) -> str:
    """Return an entry of one line or some, of which no two are alike."""
    return "\n".join(f"{':' * (2 * place) or 0} {name}" for place in range(min(count, 2)))


def frame(held: Entries) -> pl.DataFrame:
    rows = {"value": list(held), "text": [lines(*one) for one in held.items()]}
    known = pl.DataFrame(rows, schema={"value": pl.String, "text": pl.String})
    return known.select("text", key=name_sort_key_expr(pl.col("value"))).sort("key")


def body(held: Entries) -> bytes:
    return "".join(f"{text}\n" for text in frame(held)["text"]).encode()


def spliced(file: Path, old: Entries, new: Entries) -> Splice:
    """Return how all entries of a file become others."""
    was, now = frame(old), frame(new)
    same = was.join(now, on=["key", "text"], how="semi")["key"].implode()
    file.write_bytes(HEAD + body(old))
    return Splice(
        file,
        len(HEAD),
        sha256(body(old)).hexdigest(),
        old_entries=was.with_columns(goes=~pl.col("key").is_in(same)),
        new_entries=now.filter(~pl.col("key").is_in(same)),
        line_name=NAME,
    )


def check(folder: Path, old: Entries, new: Entries) -> None:
    found = spliced(folder / "old", old, new)
    made = b"".join(found.patch_chunks())
    assert made == body(new)
    (folder / "new").write_bytes(b"another head\n" + made)
    found.verify_patch(folder / "new", len(b"another head\n"))


ALL = dict.fromkeys(NAMES, 2)
CASES = [
    ("nothing changes", ALL, ALL),
    ("the first entry goes", {"a": 2, "b": 2}, {"b": 2}),
    ("one comes before the first", {"b": 2}, {"a": 2, "b": 2}),
    ("the last entry goes", {"a": 2, "z": 2}, {"a": 2}),
    ("one comes behind the last", {"a": 2}, {"a": 2, "z": 2}),
    ("some come at one place", {"a": 1, "z": 1}, {"a": 1, "b": 2, "a.b": 2, "z": 1}),
    ("one comes in the place of one that goes", {"a": 2, "b": 1}, {"a": 2, "b": 2}),
    ("a line that ends as the one before it goes", {"xb.a": 1, "b.a": 1}, {"xb.a": 1}),
    ("all goes", {"a": 2, "b": 2}, {"z": 1}),
    ("every other goes", ALL, dict.fromkeys(NAMES[::2], 2)),
]


@pytest.mark.parametrize("size", [1, 7, 20, 1000])
@pytest.mark.parametrize(("why", "old", "new"), CASES, ids=[why for why, *_ in CASES])
def test_a_body_becomes_another(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    why: str,
    old: Entries,
    new: Entries,
    size: int,
) -> None:
    monkeypatch.setattr(splice, "_PIECE_BYTES", size)
    monkeypatch.setattr(splice, "_BLOCK_BYTES", size)
    check(tmp_path, old, new)


@given(old=entries, new=entries, size=st.integers(1, 99), stride=st.integers(1, 99))
def test_any_body_becomes_any_other(
    tmp_path_factory: pytest.TempPathFactory, old: Entries, new: Entries, size: int, stride: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(splice, "_PIECE_BYTES", size)
        patch.setattr(splice, "_BLOCK_BYTES", stride)
        check(tmp_path_factory.mktemp("splice"), old, new)


def test_pieces_end_where_entries_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splice, "_PIECE_BYTES", 12)
    found = spliced(tmp_path / "old", ALL, {})
    text = found.file.read_bytes()
    with found.file.open("rb") as file:
        cuts = [stop for stop, _ in found._find_cuts(file)]
    assert len(cuts) > 2
    for cut in cuts:
        assert text[cut:].startswith(b"0 "), "the second line of an entry stays with the first"


FAULTS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("a line more", lambda made: made + b"0 zz\n"),
    ("a line less", lambda made: made.replace(b"0 ab\n", b"")),
    ("another line", lambda made: made.replace(b"0 ab\n", b"0 ac\n")),
    ("what comes is not there", lambda made: made.replace(b"0 y\n", b"")),
    ("what comes is elsewhere", lambda made: b"0 y\n" + made.replace(b"0 y\n", b"")),
    ("cut off", lambda made: made[:-3]),
]


@pytest.mark.parametrize(("why", "fault"), FAULTS, ids=[why for why, _ in FAULTS])
def test_a_file_that_is_not_the_old_one_with_what_changed_is_refused(
    tmp_path: Path, why: str, fault: Callable[[bytes], bytes]
) -> None:
    found = spliced(tmp_path / "old", ALL, {**ALL, "y": 1})
    (tmp_path / "new").write_bytes(fault(b"".join(found.patch_chunks())))
    with pytest.raises(ExportFailed, match="not the old one"):
        found.verify_patch(tmp_path / "new", 0)


@pytest.mark.parametrize("edit", [0, -1], ids=["what goes", "what comes"])
def test_a_change_that_was_not_made_is_refused(tmp_path: Path, edit: int) -> None:
    found = spliced(tmp_path / "old", {"a": 1, "b": 1}, {"b": 1, "z": 1})
    text = b"".join(found.patch_chunks())
    edits = found.patched_pieces[0][1]
    left_out = edits.pop(edit)
    text = text.replace(left_out.inserted, b"") if left_out.inserted else left_out.removed + text
    found.patched_pieces[0] = (
        len(text),
        [one._replace(start=0 if one.removed else 8) for one in edits],
    )
    (tmp_path / "new").write_bytes(text)
    with pytest.raises(ExportFailed, match="not the old one"):
        found.verify_patch(tmp_path / "new", 0)


def test_where_the_old_file_is_another_it_is_at_fault(tmp_path: Path) -> None:
    found = spliced(tmp_path / "old", {"a": 1, "b": 1, "z": 1}, {"b": 1, "z": 1})
    found = replace(found, old_entries=found.old_entries.filter(pl.col("key") != "z."))
    found.file.write_bytes(HEAD + b"0 a\n0 b\n0 y\n")
    (tmp_path / "new").write_bytes(b"".join(found.patch_chunks()))
    with pytest.raises(NotPatchable):
        found.verify_patch(tmp_path / "new", 0)


ASTRAY = [
    ("the last line has no end", body({"a": 2, "b": 1, "c.b": 1})[:-1]),
    ("nothing is there", b""),
    ("an entry is not there", body({"b": 1})),
    ("an entry is there in part", body({"a": 1, "b": 1})),
    ("a line tells no name", body({"a": 2, "b": 1}) + b"what\n"),
    ("a line is no text", b"0 \xff\n" + body({"a": 2, "b": 1})),
]


@pytest.mark.parametrize(("why", "text"), ASTRAY, ids=[why for why, _ in ASTRAY])
def test_a_file_of_which_something_else_was_known_is_not_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str, text: bytes
) -> None:
    monkeypatch.setattr(splice, "_BLOCK_BYTES", 1)
    found = spliced(tmp_path / "old", {"a": 2, "b": 1}, {"b": 1, "z": 1})
    found.file.write_bytes(HEAD + text)
    with pytest.raises(NotPatchable):
        list(found.patch_chunks())


def test_a_file_that_is_gone_is_not_changed(tmp_path: Path) -> None:
    found = spliced(tmp_path / "old", {"a": 1}, {"b": 1})
    found.file.unlink()
    with pytest.raises(NotPatchable):
        list(found.patch_chunks())


MISFITS = [
    ("not what goes", Edit(2, b"c\n", b"")),
    ("not at the begin of a line", Edit(1, b"\nb", b"")),
    ("in the middle of a line", Edit(1, b"", b"c\n")),
]


@pytest.mark.parametrize(("why", "edit"), MISFITS, ids=[why for why, _ in MISFITS])
def test_an_edit_that_does_not_fit(why: str, edit: Edit) -> None:
    with pytest.raises(EditMismatch):
        list(apply_edits(b"a\nb\n", [edit]))


def test_edits_are_undone() -> None:
    edits = [Edit(0, b"a\n", b""), Edit(2, b"", b"bb\n"), Edit(2, b"b\n", b"")]
    new = b"".join(apply_edits(b"a\nb\nc\n", edits))
    assert new == b"bb\nc\n"
    assert b"".join(apply_edits(new, invert_edits(edits))) == b"a\nb\nc\n"
