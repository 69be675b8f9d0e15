"""Explanations: the deciding rule gives the verdict of `check`, and that of the next release."""

import random
from pathlib import Path

import pytest

from blocklist import Blocklist, Explanation, Reason, Rule, Scope, Verdict
from tests.support.cli import Run, commands
from tests.support.docs import copy_of_quickstart
from tests.support.quickstart import TABLE
from tests.support.worlds import make_world

SETTINGS = """
[feeds.names]
url = "names.txt"
format = "domains"
max_shrink = 1.0
reliability = 0.4

[feeds.pages]
url = "pages.txt"
format = "urls"
max_shrink = 1.0
reliability = 0.5

[feeds.rules]
url = "rules.txt"
format = "adblock"
max_shrink = 1.0
reliability = 0.3

[feeds.nets]
url = "nets.txt"
format = "ips"
max_shrink = 1.0
reliability = 0.6

[guards.top]
url = "top.txt"
format = "domains"
max_shrink = 1.0

[guards.shared]
url = "shared.txt"
format = "domains"
guard = "shared-host"
max_shrink = 1.0

[guards.banks]
url = "banks.txt"
format = "domains"
guard = "protected"
max_shrink = 1.0

[policy]
own = ["fraud3.top", "45.9.2.0/26"]
threshold = 0.45

[gate]
always = 1000
"""
NAMES = [f"{host}fraud{number}.top" for number in range(8) for host in ("", "login.", "a.login.")]
PAGES = [
    f"https://{host}/{page}"
    for host in ("shop1.com", "shop2.com", "login.fraud1.top", "45.9.1.7")
    for page in ("", "pay", "?x=1")
]
RULES = [f"||{name}^" for name in NAMES[:9]] + ["||*.fraud2.top^", "||github.com^"]
NETS = [f"45.9.{number}.{part}" for number in range(4) for part in ("0/24", "0/25", "7")]
GUARDED = ["fraud1.top", "a.login.fraud1.top", "fraud5.top", "shop1.com", "github.com"]
PROTECTED = ["co.uk", "paypal.com", "printer.example"]
FILES = {
    "names": NAMES,
    "pages": PAGES,
    "rules": RULES,
    "nets": [*NETS, "203.0.113.7", "45.0.0.0/8"],
    "top": GUARDED,
    "shared": GUARDED,
    "banks": GUARDED,
}
ENTRIES = [*NAMES, *PAGES[:3], "45.9.1.0/24", "45.9.2.7", "shop2.com"]
ASKED = [
    *NAMES, *PAGES, *NETS, "x.fraud2.top", "shop1.com", "www.shop2.com", "45.9.1.9", "45.9.0.0/16",
    "45.9.0.0/22", "45.0.0.0/8", "nobody.org", "com", "co.uk", "www.paypal.com", "paypal.com",
    "github.com", "printer.example", "203.0.113.7", "no name", "https://www.shop1.com/pay",
    "http://45.9.1.7/z",
]  # fmt: skip
DECIDING = {
    Reason.OPERATOR: {Rule.OPERATOR},
    Reason.PROTECTED: {
        Rule.RESERVED, Rule.PUBLIC_SUFFIX, Rule.OWN, Rule.NEVER_BLOCK, Rule.GUARD_LIST,
    },
    Reason.POPULAR: {Rule.POPULAR},
    Reason.SHARED_HOST: {Rule.SHARED_HOST},
    Reason.URL_ONLY: {
        Rule.RESERVED, Rule.PUBLIC_SUFFIX, Rule.OWN, Rule.NEVER_BLOCK, Rule.GUARD_LIST,
        Rule.POPULAR, Rule.SHARED_HOST,
    },
    Reason.WEAK: {Rule.THRESHOLD},
    Reason.LISTED: {Rule.LISTED},
    Reason.UNLISTED: set(),
    Reason.INVALID: set(),
}  # fmt: skip


def write_list(folder: Path, name: str, values: list[str]) -> None:
    """Write a list; names that the program itself protects are always on one."""
    lines = [*values, *(PROTECTED if name == "names" else [])]
    (folder / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines))


def change_world(folder: Path, library: Blocklist, chance: random.Random) -> None:
    """Change lists and entries at random, and read the lists; no release is built."""
    for name, values in FILES.items():
        if chance.random() < 0.6:
            write_list(folder, name, chance.sample(values, chance.randint(1, len(values))))
    for entries in (library.allow, library.block):
        name, scope = chance.choice(ENTRIES), chance.choice(list(Scope))
        if chance.random() < 0.7:
            entries.add(name, scope=scope, reason=chance.choice(["", "because"]), anyway=True)
        elif entries.list():
            entries.remove(entries.list()[0].entry.value)
    held = library.review.list().items
    if held and chance.random() < 0.5:
        library.review.reject(chance.choice(held).held.indicator)
    library.update()


def start_world(folder: Path, chance: random.Random) -> Blocklist:
    """Return an installation whose lists are full, but not all of them."""
    (folder / "blocklist.toml").write_text(SETTINGS)
    for name, values in FILES.items():
        write_list(folder, name, chance.sample(values, len(values) * 2 // 3))
    library = Blocklist.open(folder / "blocklist.toml")
    assert library.run().is_good
    return library


def outcome(explanation: Explanation) -> tuple[object, ...]:
    return (
        explanation.verdict, explanation.reason, explanation.cause, explanation.match,
        explanation.score,
    )  # fmt: skip


def assert_rules_agree(explanation: Explanation) -> None:
    """Check that the rules that are marked gave the verdict, and that none before it could."""
    query = explanation.answer.query
    deciding = [result.rule for result in explanation.rules if result.decided]
    assert set(deciding) <= DECIDING[explanation.reason], query
    assert bool(deciding) == bool(DECIDING[explanation.reason]), query
    for result in explanation.rules:
        assert bool(result.count) == bool(result.matches), query
        assert result.count or not result.decided, query
        if result.decided and explanation.reason in (Reason.POPULAR, Reason.SHARED_HOST):
            assert explanation.cause in result.matches, query
        if result.decided:
            break
        if result.rule is Rule.THRESHOLD and result.count:
            assert not deciding, query


@pytest.mark.parametrize(
    ("seed", "some"),
    [(1, 6), *(pytest.param(seed, len(ASKED), marks=pytest.mark.slow) for seed in range(2, 16))],
)
def test_explanations_agree_with_check_and_foretell_the_next_release(
    tmp_path: Path, seed: int, some: int
) -> None:
    chance = random.Random(seed)
    library = start_world(tmp_path, chance)
    for _ in range(2):
        asked = chance.sample(ASKED, some)
        for query in asked:
            explanation = library.explain(query)
            answer = library.check(query)
            assert explanation.answer == answer
            found = (answer.verdict, answer.reason, answer.cause, answer.match, answer.score)
            assert outcome(explanation) == found, query
            assert (explanation.agrees, explanation.inputs_changed) == (True, False), query
            assert_rules_agree(explanation)
        change_world(tmp_path, library, chance)
        foretold = {query: library.explain(query) for query in asked}
        assert any(one.inputs_changed for one in foretold.values())
        assert library.build_release().release.number
        for query, explanation in foretold.items():
            answer = library.check(query)
            found = (answer.verdict, answer.reason, answer.cause, answer.match, answer.score)
            if answer.reason is Reason.UNLISTED:  # its cause names the release
                found = (*found[:2], explanation.cause, *found[3:])
            assert outcome(explanation) == found, query


def test_every_rule_decides_somewhere(tmp_path: Path) -> None:
    library = start_world(tmp_path, random.Random(7))
    asked = [*PROTECTED, *GUARDED, "fraud3.top", "fraud4.top", "fraud6.top", "x.fraud2.top"]
    deciding = set[Rule]()
    for guard, others in (("top", "shared banks"), ("shared", "banks top"), ("banks", "top")):
        write_list(tmp_path, guard, GUARDED)
        for other in others.split():
            write_list(tmp_path, other, ["nobody.org"])
        write_list(tmp_path, "names", NAMES)
        write_list(tmp_path, "rules", RULES)
        library.allow.add("fraud4.top")
        library.update()
        for query in asked:
            deciding |= {one.rule for one in library.explain(query).rules if one.decided}
    assert deciding == set(Rule)


@pytest.mark.slow
def test_the_example_is_explained(tmp_path: Path) -> None:
    library = Blocklist.open(copy_of_quickstart(tmp_path) / "blocklist.toml")
    library.allow.add("help.prize-draw.made-up")
    library.block.add("203.0.113.16/28")
    library.run()
    for query, verdict, reason, *_ in TABLE:
        explanation = library.explain(query)
        assert (explanation.verdict, explanation.reason) == (verdict or "clear", reason), query
        assert explanation.agrees
        assert_rules_agree(explanation)


def test_what_changed_since_is_said(tmp_path: Path) -> None:
    library = Blocklist.open(make_world(tmp_path))
    library.run()
    library.allow.add("fraud.top", reason="a customer")
    explanation = library.explain("www.fraud.top")
    assert (explanation.verdict, explanation.answer.verdict) == (Verdict.ALLOW, Verdict.BLOCK)
    assert (explanation.agrees, explanation.inputs_changed) == (False, True)
    assert explanation.rules[0].matches == ("allow fraud.top (subtree): a customer",)
    library.run()
    assert library.explain("www.fraud.top").agrees


# --- The command ------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a function that runs a command in a folder with a configuration."""
    make_world(tmp_path)
    return commands(tmp_path, monkeypatch, capsys)


def test_check_explain_shows_every_rule_in_order(run: Run) -> None:
    run("run")
    ended = run("check", "--explain", "shop.com", "fraud.top", "nobody.org")
    assert ended.code == 1, "one of them is blocked"
    shop, fraud, nobody = (part.splitlines() for part in ended.out.split("rules for ")[1:])
    assert [line.split()[0] for line in shop[1:11]] == [str(number) for number in range(1, 11)]
    assert "     7 popular: shop.com (top)  <- decides: hold" in shop
    assert "    10 listed: one (exact); two: https://fraud.top/  <- decides: block" in fraud
    assert "    no rule decides: it is not listed" in nobody
    assert "changed since" not in ended.out
    run("allow", "add", "fraud.top")
    ended = run("check", "--explain", "fraud.top")
    assert "judged now it would be allow (operator); release 1 says block (listed)" in ended.out
    assert "changed since release 1; to apply that: blocklist run" in ended.out


def test_check_explain_as_a_document(run: Run) -> None:
    run("run")
    ended = run("check", "--explain", "--json", "shop.com", "no name")
    assert ended.code == 2
    shop, invalid = (one["explain"] for one in ended.json["answers"])
    assert [one["rule"] for one in shop["rules"]] == list(Rule)
    assert [one["rule"] for one in shop["rules"] if one["decided"]] == ["popular"]
    assert (shop["subject"], shop["inputs_changed"]) == ("shop.com", False)
    assert (invalid["subject"], invalid["rules"]) == (None, [])
    assert "no name, address or URL" in ended.err


def test_check_explain_without_a_release(run: Run) -> None:
    ended = run("check", "--explain", "fraud.top")
    assert ended.code == 0
    assert "there is no release yet" in ended.out
    wrong = run("check", "--explain", "--at", "1", "fraud.top")
    assert (wrong.code, "either --explain or --at" in wrong.err) == (2, True)
