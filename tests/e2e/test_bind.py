"""BIND with an exported response policy zone blocks what the release says, and nothing else."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dns.zone
import pytest
from dns.rcode import NOERROR, NXDOMAIN

from blocklist.model import Scope
from tests.e2e.servers import Ask, bind
from tests.support.exports import ZONE, export_to, run
from tests.support.name_model import Row, existing_names, is_blocked_by_rows, is_blocked_by_zone

pytestmark = pytest.mark.e2e("named", "named-checkzone", "nsd")

CHECK = ("named-checkzone", "-i", "none", "-k", "fail", "{zone}", "{file}")
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


#: So many trees side by side, and so many names asked in each.
TREES, ASKED = 1000, 12


@pytest.mark.slow
def test_ten_thousand_cases_in_random_trees(tmp_path: Path, upstream: int) -> None:
    """Ask BIND, and a lookup by RFC 4592 that is not ours, what the rows of random trees mean."""
    choose = random.Random(20260503)
    known = [("canary.test", "exact", "block")]
    wanted: set[str] = set()
    for tree in range(TREES):
        for _ in range(choose.randint(1, 9)):
            scope, action = choose.choice(list(Scope)).value, choose.choice(["block", "allow"])
            known.append((_name(choose, 4, tree), scope, action))
        wanted |= {_name(choose, 6, tree) for _ in range(2 * ASKED)}
    queries = choose.sample(sorted(wanted), TREES * ASKED)
    near: dict[str, list[Row]] = {}
    for row in known:
        near.setdefault(row[0].rpartition("t")[2], []).append(row)
    meant = {q for q in queries if is_blocked_by_rows(near.get(q.rpartition("t")[2], []), q)}

    export = export_to(tmp_path, "rpz", check=CHECK)
    run(export, "\n".join(f"{action} {scope} {name}" for name, scope, action in known))
    zone = dns.zone.from_file(str(export.path), origin=ZONE)
    existing = existing_names(zone)
    assert {name for name in queries if is_blocked_by_zone(zone, existing, name)} == meant
    serving = bind(tmp_path, ZONE, export.path, upstream, "canary.test")
    with serving as ask, ThreadPoolExecutor(8) as pool:
        answers = zip(queries, pool.map(ask, queries), strict=True)
        found = {name for name, rcode in answers if rcode == NXDOMAIN}
    assert found == meant
    assert TREES * ASKED > 10_000 > len(meant) > 1000


def _name(choose: random.Random, depth: int, tree: int) -> str:
    return ".".join([*choose.choices("abc", k=choose.randint(1, depth)), f"t{tree}"])
