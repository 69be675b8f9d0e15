"""Splicing removes and adds exactly the given entries, and the proof finds every fault."""

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
from blocklist.export.incremental.splice import (
    Edit,
    EditMismatch,
    NotPatchable,
    Splice,
    apply_edits,
    invert_edits,
)
from blocklist.frames.names import name_sort_key_expr

HEAD = b"# head\n"
NAME = pl.col("line").str.extract(r"^(?:0|::) (\S+)$")
#: Some are suffixes of others, and adjacent in the file.
NAMES = ["a", "b.a", "bb.a", "c.b.a", "xb.a", "ab", "b", "a.b", "z", "long-name.z"]
entries = st.dictionaries(st.sampled_from(NAMES), st.sampled_from([1, 2, 3]), min_size=1)
Entries = dict[str, int]


def lines(name: str, count: int) -> str:
    """Return an entry of one or several different lines."""
    return "\n".join(f"{':' * (2 * place) or 0} {name}" for place in range(min(count, 2)))


def frame(held: Entries) -> pl.DataFrame:
    rows = {"value": list(held), "text": [lines(*item) for item in held.items()]}
    table = pl.DataFrame(rows, schema={"value": pl.String, "text": pl.String})
    return table.select("text", key=name_sort_key_expr(pl.col("value"))).sort("key")


def body(held: Entries) -> bytes:
    return "".join(f"{text}\n" for text in frame(held)["text"]).encode()


def spliced(file: Path, old: Entries, new: Entries) -> Splice:
    """Write a file with the old entries; return the splice that turns them into the new ones."""
    before, after = frame(old), frame(new)
    same = before.join(after, on=["key", "text"], how="semi")["key"].implode()
    file.write_bytes(HEAD + body(old))
    return Splice(
        file,
        len(HEAD),
        sha256(body(old)).hexdigest(),
        old_entries=before.with_columns(is_removed=~pl.col("key").is_in(same)),
        added_entries=after.filter(~pl.col("key").is_in(same)),
        line_name=NAME,
    )


def check(folder: Path, old: Entries, new: Entries) -> None:
    change = spliced(folder / "old", old, new)
    text = b"".join(change.patch_chunks())
    assert text == body(new)
    (folder / "new").write_bytes(b"another head\n" + text)
    change.verify_patch(folder / "new", len(b"another head\n"))


ALL = dict.fromkeys(NAMES, 2)
CASES = [
    ("nothing changes", ALL, ALL),
    ("the first entry is removed", {"a": 2, "b": 2}, {"b": 2}),
    ("one is added before the first", {"b": 2}, {"a": 2, "b": 2}),
    ("the last entry is removed", {"a": 2, "z": 2}, {"a": 2}),
    ("one is added after the last", {"a": 2}, {"a": 2, "z": 2}),
    ("several are added at one place", {"a": 1, "z": 1}, {"a": 1, "b": 2, "a.b": 2, "z": 1}),
    ("one replaces another", {"a": 2, "b": 1}, {"a": 2, "b": 2}),
    ("a line with the ending of the line before is removed", {"xb.a": 1, "b.a": 1}, {"xb.a": 1}),
    ("all are removed", {"a": 2, "b": 2}, {"z": 1}),
    ("every second one is removed", ALL, dict.fromkeys(NAMES[::2], 2)),
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
    change = spliced(tmp_path / "old", ALL, {})
    text = change.file.read_bytes()
    with change.file.open("rb") as file:
        cuts = [stop for stop, _ in change._find_cuts(file)]
    assert len(cuts) > 2
    for cut in cuts:
        assert text[cut:].startswith(b"0 "), "both lines of an entry are in the same piece"


FAULTS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("one line more", lambda text: text + b"0 zz\n"),
    ("one line less", lambda text: text.replace(b"0 ab\n", b"")),
    ("another line", lambda text: text.replace(b"0 ab\n", b"0 ac\n")),
    ("an added entry is missing", lambda text: text.replace(b"0 y\n", b"")),
    ("an added entry is elsewhere", lambda made: b"0 y\n" + made.replace(b"0 y\n", b"")),
    ("cut off", lambda text: text[:-3]),
]


@pytest.mark.parametrize(("why", "fault"), FAULTS, ids=[why for why, _ in FAULTS])
def test_a_wrong_new_file_is_refused(
    tmp_path: Path, why: str, fault: Callable[[bytes], bytes]
) -> None:
    change = spliced(tmp_path / "old", ALL, {**ALL, "y": 1})
    (tmp_path / "new").write_bytes(fault(b"".join(change.patch_chunks())))
    with pytest.raises(ExportFailed, match="not the old one"):
        change.verify_patch(tmp_path / "new", 0)


@pytest.mark.parametrize("edit", [0, -1], ids=["a removal", "an addition"])
def test_a_missing_edit_is_refused(tmp_path: Path, edit: int) -> None:
    change = spliced(tmp_path / "old", {"a": 1, "b": 1}, {"b": 1, "z": 1})
    text = b"".join(change.patch_chunks())
    edits = change.patched_pieces[0][1]
    left_out = edits.pop(edit)
    text = text.replace(left_out.inserted, b"") if left_out.inserted else left_out.removed + text
    change.patched_pieces[0] = (
        len(text),
        [other._replace(start=0 if other.removed else 8) for other in edits],
    )
    (tmp_path / "new").write_bytes(text)
    with pytest.raises(ExportFailed, match="not the old one"):
        change.verify_patch(tmp_path / "new", 0)


def test_an_unexpected_old_file_is_not_patchable(tmp_path: Path) -> None:
    change = spliced(tmp_path / "old", {"a": 1, "b": 1, "z": 1}, {"b": 1, "z": 1})
    change = replace(change, old_entries=change.old_entries.filter(pl.col("key") != "z."))
    change.file.write_bytes(HEAD + b"0 a\n0 b\n0 y\n")
    (tmp_path / "new").write_bytes(b"".join(change.patch_chunks()))
    with pytest.raises(NotPatchable):
        change.verify_patch(tmp_path / "new", 0)


UNEXPECTED = [
    ("the last line has no line end", body({"a": 2, "b": 1, "c.b": 1})[:-1]),
    ("the body is empty", b""),
    ("an entry is missing", body({"b": 1})),
    ("a part of an entry is missing", body({"a": 1, "b": 1})),
    ("a line without a name", body({"a": 2, "b": 1}) + b"word\n"),
    ("a line is not UTF-8", b"0 \xff\n" + body({"a": 2, "b": 1})),
]


@pytest.mark.parametrize(("why", "text"), UNEXPECTED, ids=[why for why, _ in UNEXPECTED])
def test_an_unexpected_body_is_not_patched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str, text: bytes
) -> None:
    monkeypatch.setattr(splice, "_BLOCK_BYTES", 1)
    change = spliced(tmp_path / "old", {"a": 2, "b": 1}, {"b": 1, "z": 1})
    change.file.write_bytes(HEAD + text)
    with pytest.raises(NotPatchable):
        list(change.patch_chunks())


def test_a_missing_file_is_not_patched(tmp_path: Path) -> None:
    change = spliced(tmp_path / "old", {"a": 1}, {"b": 1})
    change.file.unlink()
    with pytest.raises(NotPatchable):
        list(change.patch_chunks())


MISMATCHES = [
    ("the removed line is not there", Edit(2, b"c\n", b"")),
    ("not at the start of a line", Edit(1, b"\nb", b"")),
    ("in the middle of a line", Edit(1, b"", b"c\n")),
]


@pytest.mark.parametrize(("why", "edit"), MISMATCHES, ids=[why for why, _ in MISMATCHES])
def test_an_edit_that_does_not_match(why: str, edit: Edit) -> None:
    with pytest.raises(EditMismatch):
        list(apply_edits(b"a\nb\n", [edit]))


def test_inverted_edits_restore_the_text() -> None:
    edits = [Edit(0, b"a\n", b""), Edit(2, b"", b"bb\n"), Edit(2, b"b\n", b"")]
    new = b"".join(apply_edits(b"a\nb\nc\n", edits))
    assert new == b"bb\nc\n"
    assert b"".join(apply_edits(new, invert_edits(edits))) == b"a\nb\nc\n"
