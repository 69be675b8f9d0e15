"""Verification finds each fault of a renderer, and the old file stays."""

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import polars as pl
import pytest

from blocklist.config.exports import Export
from blocklist.errors import ExportFailed
from blocklist.export.readers import reading
from blocklist.export.registry import get_dialect, get_reader
from blocklist.export.render.body import Body, BodyPart
from blocklist.export.render.state import ExportState
from blocklist.export.select.release_content import ExportContext
from blocklist.export.update import export_one
from blocklist.frames.parallel import iter_file_pieces
from blocklist.frames.schemas import RELEASE
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.releases.verdicts import values_to_verify
from blocklist.model import Kind
from tests.support.cli import blocklist
from tests.support.exports import NOW, export_to, release, run

MUST_VERIFY = {name: RELEASE[name] for name in ("kind", "value")}

NAMES = """
block subtree p.example
allow exact ok.b.p.example
block exact one.example
"""
NETWORKS = """
allow subtree ok.example
allow exact alone.example
block 192.0.2.0/24
allow 192.0.2.128/25
block 2001:db8::/64
"""


def without(*dropped: str) -> Callable[[list[str]], list[str]]:
    return lambda lines: [line for line in lines if line not in dropped]


def having(*added: str) -> Callable[[list[str]], list[str]]:
    return lambda lines: [*lines, *added]


def in_place(old: str, new: str) -> Callable[[list[str]], list[str]]:
    return lambda lines: [new if line == old else line for line in lines]


IPV4_ROW = "25.0.2.0.192.rpz-ip CNAME ."
FAULTS = [
    ("domains", without("one.example"), "entries where", "a name is lost"),
    ("domains", in_place("one.example", "other.example"), "would not block one", "another"),
    ("domains", having("ok.b.p.example"), "entries where", "an allowed name is listed"),
    (
        "domains",
        in_place("one.example", "ok.b.p.example"),
        "would block",
        "a wrong name",
    ),
    ("domains", having("two words"), "not as the target says", "a broken line"),
    ("hosts", without(":: one.example"), "without the other lines", "IPv6 would not be blocked"),
    ("hosts", in_place(":: one.example", "::1 one.example"), "not as the target", "other text"),
    ("hosts", having("0.0.0.0 two words", ":: two words"), "not as the target", "broken twice"),
    ("wildcard", in_place("one.example", "*.one.example"), "without the other", "wider, and not"),
    ("wildcard", having("*.p.example"), "would block ok.b.p", "a subtree that an allow narrowed"),
    ("adblock", without("@@||ok.b.p.example^"), "would block ok.b.p.example", "the allow"),
    ("adblock", in_place("|one.example^", "||one.example^"), r"would block \S*one", "wider"),
    ("adblock", in_place("||p.example^", "|p.example^"), r"would not block \S*p.ex", "narrower"),
    ("adblock", having("||two.example^$important"), "not as the target says", "a modifier"),
    ("dnsmasq", without("server=/ok.b.p.example/#"), "without the other", "half an allow"),
    ("dnsmasq", without("server=/*.one.example/#"), r"would block \S*one", "half a block"),
    ("dnsmasq", having("local=//"), "not as the target says", "all names without a dot"),
    (
        "unbound",
        having('local-zone: "p.example." always_transparent'),
        "without the other",
        "a duplicate of another type would open the name",
    ),
    ("unbound", having('local-zone: "x." redirect'), "not as the target says", "another type"),
    ("squid", in_place("one.example", ".one.example"), r"would block \S*one", "wider"),
    (
        "rpz",
        without("*.p.example CNAME ."),
        r"would not block blocklist-probe\S*p.example",
        "holes",
    ),
    ("rpz", without("p.example CNAME ."), "would not block p.example", "a wildcard alone"),
    (
        "rpz",
        without("b.p.example CNAME .", "*.b.p.example CNAME ."),
        "servers would give different answers for b.p.example",
        "the name between lost its rows",
    ),
    (
        "rpz",
        without("b.p.example CNAME ."),
        r"servers would give different answers for b.p.example",
        "the name between lost one",
    ),
    (
        "rpz",
        in_place("ok.b.p.example CNAME rpz-passthru.", "ok.b.p.example CNAME ."),
        "would block ok.b.p.example",
        "the allow",
    ),
    ("rpz", having("*.one.example CNAME ."), r"would block blocklist-probe\S*one.example", "wider"),
    ("rpz", having("*.example CNAME ."), "servers would give different answers", "much wider"),
    ("rpz", having("one.example CNAME ."), "two rows for one owner", "a duplicate"),
    ("rpz", having("*.p.example CNAME ."), "two rows for one owner", "a wildcard again"),
    (
        "rpz",
        having("p.example CNAME .", "*.p.example CNAME ."),
        "two rows for one owner",
        "a name and its wildcard again",
    ),
    (
        "rpz",
        having("*.p.example CNAME rpz-passthru."),
        "two rows for one owner",
        "a wildcard that blocks and passes",
    ),
    (
        "rpz",
        having("*.one.example CNAME .", "*.*.one.example CNAME ."),
        "an owner that is no name",
        "the wildcard of a wildcard",
    ),
    ("rpz", having("*.@ CNAME ."), "neither of its apex nor", "a wildcard of the apex"),
    ("rpz", having("x CNAME rpz-passthru"), "neither of its apex nor", "a final dot is missing"),
    ("rpz", having("* CNAME ."), "an owner that is no name", "everything"),
    ("rpz", having("a.*.example CNAME ."), "an owner that is no name", "never matches"),
    ("rpz", having("x.example. CNAME ."), "an owner that is no name", "out of the zone"),
    ("rpz", having("@ CNAME ."), "neither of its apex nor", "data at the apex"),
    ("rpz", having("$INCLUDE other"), "neither of its apex nor", "a directive"),
    ("rpz", having("a" * 63 + ".b" * 90 + " CNAME ."), "more than 255 octets", "too long"),
    (
        "rpz",
        without("free.example CNAME rpz-passthru.", "*.free.example CNAME rpz-passthru."),
        r"has no row that lets \S*free.example pass",
        "an allow where nothing is blocked",
    ),
    (
        "rpz",
        without("*.free.example CNAME rpz-passthru."),
        r"has no row that lets \S+free.example pass",
        "the names below an allow",
    ),
    (
        "rpz",
        having("*.example CNAME rpz-passthru."),
        r"has a row that lets \S+ pass",
        "a name that nobody allowed",
    ),
    ("rpz-ip", without("alone.example CNAME rpz-passthru."), "has no row that lets alone", "lost"),
    ("rpz-ip", having("*.alone.example CNAME rpz-passthru."), "has a row that lets", "wider"),
    ("rpz-ip", having("x.ok.example CNAME ."), "no address", "a blocked name"),
    ("rpz", having("-x.example A 192.0.2.66"), "neither of its apex nor", "not its action"),
    ("cidr", in_place("192.0.2.0/25", "192.0.2.0/24"), "would block 192.0.2.128", "the allow"),
    ("cidr", in_place("192.0.2.0/25", "192.0.2.0/26"), "would not block 192.0.2.127", "half"),
    ("cidr", in_place("2001:db8::/64", "192.0.2.1"), "overlap", "twice"),
    ("cidr", in_place("2001:db8::/64", "x.example"), "no network", "a name"),
    ("rpz-ip", in_place(IPV4_ROW, "24.0.2.0.192.rpz-ip CNAME ."), "would block", "the allow"),
    ("rpz-ip", in_place(IPV4_ROW, "25.1.2.0.192.rpz-ip CNAME ."), "is no network", "host bits"),
    ("rpz-ip", in_place(IPV4_ROW, "0.0.0.0.0.rpz-ip CNAME ."), "is no network", "everything"),
    ("rpz-ip", in_place(IPV4_ROW, "25.0.2.0.192.rpz-nsip CNAME ."), "no network", "a trigger"),
    (
        "rpz-ip",
        in_place("64.zz.db8.2001.rpz-ip CNAME .", "64.0.0.0.0.0.0.db8.2001.rpz-ip CNAME ."),
        "not in canonical form",
        "BIND drops what is not canonical",
    ),
    ("ipset", without("swap blocklist4 blocklist4-new"), "does not end as", "never in force"),
    (
        "ipset",
        in_place("add blocklist6-new 2001:db8::/64", "add blocklist6 ::/0"),
        "not as",
        "everything",
    ),
    ("iptables", without("-4 -A BLOCKLIST -s 192.0.2.0/25 -j DROP"), "without the other", "half"),
    ("nftables", in_place("\t192.0.2.0/25,", "\t192.0.2.0/24,"), "would block", "the allow"),
    ("nftables", in_place("\t192.0.2.0/25,", "\tx.example,"), "no IPv4 network", "a name"),
    ("nftables", in_place("\t2001:db8::/64,", "\t192.0.2.0/30,"), "no IPv6", "wrong set"),
    ("nftables", having("flush ruleset"), "unknown statement", "a statement"),
    ("nftables", without("\t2001:db8::/64,"), "unknown statement", "an empty block"),
]


MakeExport = Callable[[str], tuple[Export, str, ExportState]]


@pytest.fixture(scope="module")
def make_export(tmp_path_factory: pytest.TempPathFactory) -> MakeExport:
    """Give a function that exports to a target; faults do not change its file."""
    folder = tmp_path_factory.mktemp("exports")

    @cache
    def exported(target: str) -> tuple[Export, str, ExportState]:
        export = export_to(folder, target)
        rows = NETWORKS if Kind.IP in export.target.kinds else NAMES
        rows += "allow subtree free.example\n" * (target == "rpz")
        return export, rows, run(export, rows).state

    return exported


@pytest.mark.parametrize(("target", "fault", "message", "why"), FAULTS)
def test_faults_are_found(
    make_export: MakeExport,
    monkeypatch: pytest.MonkeyPatch,
    target: str,
    fault: Callable[[list[str]], list[str]],
    message: str,
    why: str,
) -> None:
    export, rows, state = make_export(target)
    before = export.path.read_bytes()
    renderer = get_dialect(export.target.dialect)
    render_body = renderer.render_body

    def render_wrong(export: Export, rows: pl.DataFrame) -> Body:
        right = render_body(export, rows)
        lines = fault(b"".join(right.encode_chunks()).decode().splitlines())
        return Body((BodyPart.from_lines(lines),), right.entry_count, right.left_out)

    monkeypatch.setattr(renderer, "render_body", render_wrong)
    with pytest.raises(ExportFailed, match=message):
        run(export, rows, state)
    assert export.path.read_bytes() == before, why


@pytest.mark.parametrize(
    "target", ["hosts", "adblock", "dnsmasq", "domains", "rpz", "cidr", "rpz-ip"]
)
@pytest.mark.parametrize("size", [1, 50, 100])
def test_pieces_of_any_size_give_the_same_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, size: int
) -> None:
    """The lines of one entry may be in different pieces."""
    export = export_to(tmp_path, target)
    kind = Kind.IP if Kind.IP in export.target.kinds else Kind.DOMAIN
    run(export, NETWORKS if kind is Kind.IP else NAMES)
    queries = {
        kind: ["192.0.2.1", "192.0.2.200"] if kind is Kind.IP else ["p.example", "x.b.p.example"]
    }
    read = get_reader(export.target.dialect).read_file
    whole = read(export.path, export, queries)
    monkeypatch.setattr(reading, "iter_file_pieces", partial(iter_file_pieces, size=size))
    assert read(export.path, export, queries) == whole


def test_must_verify_values_are_queried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample of thousands of names would miss the wrong one."""
    export = export_to(tmp_path, "domains")
    rows = release("\n".join(f"block exact n{n:05}.example" for n in range(5000)))
    must_verify = pl.DataFrame({"kind": ["domain"], "value": ["held.test"]}, schema=MUST_VERIFY)
    renderer = get_dialect(export.target.dialect)
    render_body = renderer.render_body

    def render_wrong(export: Export, rows: pl.DataFrame) -> Body:
        right = render_body(export, rows)
        lines = b"".join(right.encode_chunks()).decode().replace("n00001.example", "held.test")
        return Body((BodyPart.from_lines(lines.splitlines()),), right.entry_count, right.left_out)

    monkeypatch.setattr(renderer, "render_body", render_wrong)
    with pytest.raises(ExportFailed, match=r"would block held\.test"):
        export_one(export, rows, 1, None, NOW, ExportContext(must_verify=lambda: must_verify))


def test_must_verify_values_of_the_ledger(tmp_path: Path) -> None:
    (tmp_path / "shared.txt").write_text("hosting.top\n")
    (tmp_path / "blocklist.toml").write_text(
        '[feeds.mine]\nurl = "mine.txt"\nformat = "domains"\n[guards.shared]\nurl = "shared.txt"\n'
        'format = "domains"\n'
    )
    for names in ("a.top\nb.top\nhosting.top\n", "a.top\nc.top\nhosting.top\n"):
        (tmp_path / "mine.txt").write_text(names)
        assert blocklist(tmp_path, "run").code == 0
    with read_transaction(tmp_path / "blocklist.db") as transaction:
        values = {before: values_to_verify(transaction, 2, before)["value"] for before in (None, 1)}
    assert sorted(values[None]) == ["hosting.top"]
    assert sorted(values[1]) == ["b.top", "c.top", "hosting.top"], "with the changed values"


def test_a_set_that_is_not_emptied_first_is_found(tmp_path: Path) -> None:
    export = export_to(tmp_path, "nftables")
    run(export, NETWORKS)
    text = export.path.read_text()
    export.path.write_text(text.replace("flush set inet blocklist blocklist4\n", ""))
    with pytest.raises(ExportFailed, match="begin by emptying"):
        get_reader("nftables").read_file(export.path, export, {})
