"""One export from end to end: changed and unchanged files, and failures."""

import logging
import resource
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from blocklist.config.targets import load_targets
from blocklist.errors import ExportFailed
from blocklist.export.update import export_one
from blocklist.frames.schemas import RELEASE
from tests.support.exports import NOW, export_to, release, run
from tests.support.users import as_user

LATER = NOW + timedelta(hours=1)
ROWS = "block subtree x.example\nblock 192.0.2.1"
TARGETS = ["hosts", "domains", "rpz", "cidr", "nftables"]


def files(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def failing(code: str) -> tuple[str, ...]:
    return sys.executable, "-c", code, "{file}", "{zone}"


@pytest.mark.parametrize("target", TARGETS)
def test_unchanged_content_leaves_the_file_untouched(tmp_path: Path, target: str) -> None:
    export = export_to(tmp_path, target)
    first = run(export, ROWS)
    before = export.path.stat()
    again = export_one(export, release(ROWS), 8, first.state, LATER)
    after = export.path.stat()
    assert (first.changed, again.changed) == (True, False)
    assert again.state == first.state
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert files(tmp_path) == [export.path.name]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("damage", ["deleted", "appended", "cut", "head"])
def test_a_file_that_someone_changed_is_written_again(
    tmp_path: Path, target: str, damage: str
) -> None:
    export = export_to(tmp_path, target)
    first = run(export, ROWS)
    good = export.path.read_text()
    damaged = {"appended": good + "\n", "cut": good[:-9], "head": good.replace("release: 7", "")}
    export.path.unlink()
    if damage in damaged:
        export.path.write_text(damaged[damage])
    again = export_one(export, release(ROWS), 8, first.state, LATER)
    assert again.changed
    assert again.state.digest == first.state.digest
    assert export.path.read_text().splitlines()[-1] == good.splitlines()[-1]
    assert "release: 8" in export.path.read_text()


@pytest.mark.parametrize("target", TARGETS)
def test_a_list_is_never_replaced_by_an_empty_one(tmp_path: Path, target: str) -> None:
    export = export_to(tmp_path, target)
    first = run(export, ROWS)
    before = export.path.read_bytes()
    with pytest.raises(ExportFailed, match="nothing for it"):
        run(export, "block https://x.example/y", first.state)
    assert export.path.read_bytes() == before


@pytest.mark.parametrize("target", TARGETS)
def test_a_person_may_empty_a_list(tmp_path: Path, target: str) -> None:
    export = export_to(tmp_path, target)
    first = run(export, ROWS)
    allowed = run(export, "allow 192.0.2.1\nallow subtree x.example", first.state)
    assert (allowed.changed, allowed.rows) == (True, 0), "all values are allowed now"
    again = run(export, ROWS, allowed.state)
    export.path.unlink()
    assert run(export, "", again.state).rows == 0, "the file was deleted"


@pytest.mark.parametrize("target", TARGETS)
def test_a_path_is_no_pattern(tmp_path: Path, target: str) -> None:
    folder = tmp_path / "[office" / "a*"
    (tmp_path / "[office" / "ab").mkdir(parents=True)
    export = export_to(folder, target)
    (tmp_path / "[office" / "ab" / export.path.name).write_text("other\n")
    assert run(export, ROWS).changed


@pytest.mark.parametrize("target", sorted(load_targets(Path("none"))))
def test_a_first_export_may_be_empty_and_stay_so(tmp_path: Path, target: str) -> None:
    export = export_to(tmp_path, target)
    first = run(export, "")
    assert (first.changed, first.rows) == (True, 0)
    assert not run(export, "", first.state).changed


def test_a_path_that_is_a_folder(tmp_path: Path) -> None:
    export = export_to(tmp_path, "hosts")
    export.path.mkdir()
    with pytest.raises(ExportFailed, match=r"office: .*hosts.out: cannot be written: Is a dir"):
        run(export, ROWS)
    assert files(tmp_path) == ["hosts.out"]


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    export = replace(export_to(tmp_path, "hosts"), path=tmp_path / "out" / "hosts")
    with pytest.raises(ExportFailed, match="cannot be written"):
        run(export, ROWS)


def test_a_folder_that_is_not_writable(public_path: Path) -> None:
    public_path.chmod(0o555)
    output = as_user(
        "import sys\nfrom pathlib import Path\nfrom blocklist.errors import StorageError\n"
        "from blocklist.atomic_files import write_atomically",
        "try: write_atomically(Path(sys.argv[1]), [b'x'])\nexcept StorageError as e: print(e)",
        public_path / "hosts",
    )
    assert "cannot be written: Permission denied" in output


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    export = export_to(tmp_path, "hosts")
    export.path.symlink_to(tmp_path / "elsewhere")
    run(export, ROWS)
    assert export.path.is_symlink()
    assert (tmp_path / "elsewhere").read_bytes()


def test_a_device_stays_a_device() -> None:
    export = replace(export_to(Path("out"), "hosts"), path=Path("/dev/null"))
    with pytest.raises(ExportFailed, match="it is a device or a pipe"):
        run(export, ROWS)
    assert export.path.is_char_device()


def test_a_full_disk(tmp_path: Path) -> None:
    export = export_to(tmp_path, "hosts")
    first = run(export, ROWS)
    before = export.path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, limits[1]))
    try:
        with pytest.raises(ExportFailed, match="cannot be written: File too large"):
            run(export, "block exact y.example", first.state)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert export.path.read_bytes() == before
    assert files(tmp_path) == [export.path.name]


@pytest.mark.parametrize(
    ("code", "message", "why"),
    [
        (
            "import sys; sys.exit('no such zone')",
            "refuses the new file:\nno such zone",
            "with output",
        ),
        ("import sys; sys.exit(3)", "ended with 3 and no output", "no output"),
        ("import time; time.sleep(60)", "did not end within 1 s", "a checker that hangs"),
    ],
)
def test_a_checker_that_fails(tmp_path: Path, code: str, message: str, why: str) -> None:
    export = export_to(tmp_path, "rpz")
    first = run(export, ROWS)
    before = export.path.read_bytes()
    strict = export_to(tmp_path, "rpz", check=failing(code), check_timeout=1)
    with pytest.raises(ExportFailed, match=message):
        run(strict, "block exact y.example", first.state)
    assert export.path.read_bytes() == before, why
    assert files(tmp_path) == [export.path.name]


def test_a_checker_gets_the_new_file_and_the_zone(tmp_path: Path) -> None:
    code = "import sys; assert 'x.example' in open(sys.argv[1]).read() and sys.argv[2] == 'rpz.a'"
    export = export_to(tmp_path, "rpz", zone="rpz.a", check=failing(code))
    assert run(export, ROWS).notes == ()


def test_a_checker_that_is_not_installed(tmp_path: Path) -> None:
    export = export_to(tmp_path, "rpz", check=("no-such-checker", "{file}"))
    assert run(export, ROWS).notes == (
        "no-such-checker is not installed, so it did not check the file",
    )


def test_a_checker_that_cannot_work_here(tmp_path: Path) -> None:
    check = failing("import sys; sys.exit('netlink: Operation not permitted')")
    export = export_to(tmp_path, "nftables", check=check)
    (note,) = run(export, ROWS).notes
    assert "could not check the file here: netlink: Operation not permitted" in note


INJECTIONS = [
    "x.example\n* CNAME .",
    "x.example CNAME . ;",
    '"x".example',
    "$INCLUDE",
    "x.example.",
    "*.example",
    "x..example",
    "",
    ".",
    "@",
    "X.example",
    "x example",
    "x\\046example",
    "x;y.example",
    "bücher.example",
    "x\x00.example",
    "a" * 64 + ".example",
    "a." * 127,
]


@pytest.mark.parametrize("name", INJECTIONS)
@pytest.mark.parametrize("action", ["block", "allow"])
@pytest.mark.parametrize("target", ["hosts", "domains", "rpz"])
def test_no_text_but_a_name_gets_into_a_file(
    tmp_path: Path, target: str, action: str, name: str
) -> None:
    rows = [("domain", "fine.example", "exact", "block"), ("domain", name, "subtree", action)]
    export = export_to(tmp_path, target)
    with pytest.raises(ExportFailed, match="is no domain name"):
        export_one(export, pl.DataFrame(rows, schema=RELEASE, orient="row"), 1, None, NOW)
    assert not files(tmp_path)


@pytest.mark.parametrize("text", ["evil.example", "192.0.2.1 }", "192.0.2.1\nflush ruleset", ""])
@pytest.mark.parametrize("target", ["cidr", "nftables"])
def test_no_text_but_a_network_gets_into_a_file(tmp_path: Path, target: str, text: str) -> None:
    rows = [("ip", "192.0.2.9", "exact", "block"), ("ip", text, "exact", "block")]
    export = export_to(tmp_path, target)
    with pytest.raises(ExportFailed, match="a text that is no address"):
        export_one(export, pl.DataFrame(rows, schema=RELEASE, orient="row"), 1, None, NOW)


def test_an_unknown_dialect(tmp_path: Path) -> None:
    with pytest.raises(ExportFailed, match="unknown dialect 'x'; known are lines, nftables, rpz"):
        run(export_to(tmp_path, "hosts", dialect="x"), ROWS)


def test_each_decision_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "blocklist")
    export = export_to(tmp_path, "hosts")
    first = run(export, ROWS)
    run(export, ROWS, first.state, 8)
    assert caplog.messages == [
        "export office: prepared 1 entries",
        "export office: installed release 7",
        f"export office: wrote {export.path}, 1 entries",
        f"export office: content unchanged, {export.path} stays",
    ]
