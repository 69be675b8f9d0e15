"""BIND with an exported response policy zone blocks what the release says, and nothing else."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from dns.rcode import NOERROR, NXDOMAIN

from blocklist.export.expected import Rules, decisive
from blocklist.model import Kind, Scope, Verdict
from tests.e2e.servers import Ask, bind
from tests.export_support import ZONE, export_to, run

pytestmark = pytest.mark.e2e("named", "named-checkzone", "nsd")

CHECK = ("named-checkzone", "-i", "none", "{zone}", "{file}")
LONG = ".".join(["l" * 63] * 3) + ".example"
TOO_LONG = ".".join(["t" * 63] * 3) + f".{'t' * 40}.example"
RELEASE = f"""
block exact canary.example
block subtree fraud.example
allow exact ok.fraud.example
allow subtree deep.er.fraud.example
block exact back.deep.er.fraud.example
block subtree a.b.fraud.example
block exact one.example
block below tenants.example
block subtree _dmarc.under_score.example
block subtree xn--bcher-kva.example
block exact {LONG}
block subtree {TOO_LONG}
allow subtree nothing-blocked.example
"""
TABLE = [
    ("fraud.example", True, "a subtree blocks its own name"),
    ("x.fraud.example", True, "and one below"),
    ("y.x.fraud.example", True, "and two below"),
    ("example", False, "its parent is a neighbour"),
    ("notfraud.example", False, "so is a name that ends alike"),
    ("ok.fraud.example", False, "an allowed child of a blocked parent"),
    ("x.ok.fraud.example", True, "but below an exact allow the block goes on"),
    ("y.x.ok.fraud.example", True, "two below as well"),
    ("er.fraud.example", True, "a name between the block and an allow"),
    ("x.er.fraud.example", True, "a name beside the allow"),
    ("y.x.er.fraud.example", True, "and one below that"),
    ("deep.er.fraud.example", False, "an allowed subtree two labels below"),
    ("x.deep.er.fraud.example", False, "and all in it"),
    ("back.deep.er.fraud.example", True, "but for what is blocked there again"),
    ("x.back.deep.er.fraud.example", False, "which an exact row does not widen"),
    ("b.fraud.example", True, "a name above a deeper row that says the same"),
    ("c.b.fraud.example", True, "the hole that an uncompressed zone has"),
    ("y.a.b.fraud.example", True, "and the other one"),
    ("one.example", True, "an exact block"),
    ("x.one.example", False, "leaves what is below"),
    ("tenants.example", False, "a platform stays"),
    ("v.tenants.example", True, "its tenants go"),
    ("x.v.tenants.example", True, "with all below them"),
    ("_dmarc.under_score.example", True, "underscores"),
    ("under_score.example", False, "and the parent of one"),
    ("x.xn--bcher-kva.example", True, "a name in A-labels"),
    (LONG, True, "a long name that fits"),
    (TOO_LONG, False, "one that does not is left out, and the zone stands"),
    ("nothing-blocked.example", False, "an allow where nothing is blocked"),
]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory, upstream: int) -> Iterator[Ask]:
    folder = tmp_path_factory.mktemp("named")
    export = export_to(folder, "rpz", check=CHECK)
    result = run(export, RELEASE)
    assert result.left_out == {"owner-too-long": 1}
    assert result.notes == ()
    with bind(folder, ZONE, export.path, upstream, "canary.example") as asked:
        yield asked


@pytest.mark.parametrize(("name", "blocked", "why"), TABLE)
def test_answers(ask: Ask, name: str, blocked: bool, why: str) -> None:
    assert ask(name) == (NXDOMAIN if blocked else NOERROR), why


def test_random_trees(tmp_path: Path, upstream: int) -> None:
    choose = random.Random(20260503)

    def name(depth: int) -> str:
        return ".".join(choose.choices("abc", k=depth)) + ".example"

    known: Rules = {}
    for _ in range(60):
        scope, action = choose.choice(list(Scope)), choose.choice([Verdict.BLOCK, Verdict.ALLOW])
        known.setdefault(name(choose.randint(1, 4)), []).append((scope, action))
    lines = [f"{act} {scope} {at}" for at, rows in known.items() for scope, act in rows]
    export = export_to(tmp_path, "rpz", check=CHECK)
    run(export, "\n".join([*lines, "block exact canary.test"]))

    wrong = []
    with bind(tmp_path, ZONE, export.path, upstream, "canary.test") as ask:
        for query in sorted({name(choose.randint(1, 6)) for _ in range(600)}):
            row = decisive(Kind.DOMAIN, query, known)
            blocked = row is not None and row[2] is Verdict.BLOCK
            if (ask(query) == NXDOMAIN) is not blocked:
                wrong.append((query, blocked))
    assert not wrong
